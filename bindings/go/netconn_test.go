package ktorws_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

func TestNetConn(t *testing.T) {
	c := dial(t, echoURL, nil)
	n := ktorws.NetConn(context.Background(), c, ktorws.MessageBinary)
	var _ net.Conn = n
	fmt.Fprint(n, "one\ntw")
	fmt.Fprint(n, "o\nthree\n")
	lines := bufio.NewReader(n)
	for _, want := range []string{"one\n", "two\n", "three\n"} {
		if got, err := lines.ReadString('\n'); got != want || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	if n.RemoteAddr().String() != echoURL || n.LocalAddr().Network() != "websocket" {
		t.Errorf("%v, %v", n.RemoteAddr(), n.LocalAddr())
	}

	// A deadline that passes, also one that is set while a Read waits, and one that is taken back.
	n.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := n.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	n.SetReadDeadline(time.Time{})
	read := make(chan error)
	go func() {
		_, err := n.Read(make([]byte, 1))
		read <- err
	}()
	time.Sleep(5 * time.Millisecond)
	n.SetDeadline(time.Unix(1, 0))
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := n.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	n.SetDeadline(time.Now().Add(time.Hour))
	fmt.Fprint(n, "four\n")
	if got, err := lines.ReadString('\n'); got != "four\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if _, err := n.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	if _, err := n.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := n.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestNetConnReadAfterItsOwnClose(t *testing.T) {
	for _, path := range []string{"", "burst/1"} {
		n := ktorws.NetConn(context.Background(), dial(t, echoURL+path, nil), ktorws.MessageText)
		if path != "" {
			// The server has begun to close, and nobody has seen it yet.
			if _, err := n.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		n.Close()
		for i := 0; i < 2; i++ {
			if _, err := n.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
				t.Errorf("%q: got %v", path, err)
			}
		}
	}
	// Closed while a Read waits, and with the Conn.
	c := dial(t, echoURL, nil)
	n := ktorws.NetConn(context.Background(), c, ktorws.MessageText)
	read := make(chan error)
	go func() {
		_, err := n.Read(make([]byte, 1))
		read <- err
	}()
	c.Close(ktorws.StatusGoingAway, "")
	if err := <-read; !errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestNetConnEnds(t *testing.T) {
	n := ktorws.NetConn(context.Background(), dial(t, echoURL+"burst/3", nil), ktorws.MessageText)
	if got, err := io.ReadAll(n); string(got) != "012" || err != nil {
		t.Errorf("%q, %v", got, err)
	}

	n = ktorws.NetConn(context.Background(), dial(t, echoURL+"close/1011/oops", nil), ktorws.MessageText)
	if _, err := io.ReadAll(n); ktorws.CloseStatus(err) != ktorws.StatusInternalError {
		t.Errorf("got %v", err)
	}

	n = ktorws.NetConn(context.Background(), dial(t, echoURL+"hello", nil), ktorws.MessageBinary)
	if _, err := io.ReadAll(n); err == nil || !strings.Contains(err.Error(), "MessageText") {
		t.Errorf("got %v", err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	n = ktorws.NetConn(ctx, dial(t, echoURL, nil), ktorws.MessageBinary)
	cancel()
	if _, err := io.ReadAll(n); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
