package ktorws_test

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

func TestCloseByUs(t *testing.T) {
	c := dial(t, echoURL, nil)
	write(t, c, ktorws.MessageText, "before")
	if err := c.Close(4000, "grüß dich"); err != nil {
		t.Fatal(err)
	}
	// What came before the server's Close is still there.
	expect(t, c, ktorws.MessageText, "before")
	_, _, err := c.Read(patience(t))
	var closed *ktorws.CloseError
	if !errors.As(err, &closed) || closed.Code != 4000 || closed.Reason != "grüß dich" || closed.ByPeer {
		t.Errorf("got %#v", err)
	}
	if !errors.Is(err, net.ErrClosed) || !errors.Is(err, ktorws.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if stats := c.Stats(); stats.MessagesSent != 1 || stats.MessagesReceived != 1 {
		t.Errorf("%+v", stats)
	}
	for _, err := range []error{
		c.Write(patience(t), ktorws.MessageText, nil),
		c.Ping(patience(t)),
		c.Close(ktorws.StatusNormalClosure, ""),
		c.SetReadLimit(1),
	} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	if err := c.CloseNow(); err != nil {
		t.Error(err)
	}
}

func TestCloseWithoutCode(t *testing.T) {
	c := dial(t, echoURL, nil)
	if err := c.Close(ktorws.StatusNoStatusRcvd, ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(patience(t)); ktorws.CloseStatus(err) != ktorws.StatusNoStatusRcvd {
		t.Errorf("got %v", err)
	}
}

func TestBadCloses(t *testing.T) {
	c := dial(t, echoURL, nil)
	for _, close := range []struct {
		code   ktorws.StatusCode
		reason string
	}{{0, "why"}, {999, ""}, {1006, ""}, {-1, ""}, {5000, ""}, {1000, strings.Repeat("x", 124)}, {1000, "\xff"}} {
		if err := c.Close(close.code, close.reason); !errors.Is(err, ktorws.ErrInvalidArgument) {
			t.Errorf("%v: %v", close, err)
		}
	}
	write(t, c, ktorws.MessageText, "still there")
	expect(t, c, ktorws.MessageText, "still there")
}

func TestCloseByServer(t *testing.T) {
	c := dial(t, echoURL+"close/4001/bye", nil)
	_, _, err := c.Read(patience(t))
	var closed *ktorws.CloseError
	if !errors.As(err, &closed) || *closed != (ktorws.CloseError{Code: 4001, Reason: "bye", ByPeer: true}) {
		t.Fatalf("got %#v", err)
	}
	if errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), `4001 and reason = "bye"`) {
		t.Errorf("got %v", err)
	}
	if err := c.Write(patience(t), ktorws.MessageText, nil); ktorws.CloseStatus(err) != 4001 {
		t.Errorf("got %v", err)
	}
	if err := c.Ping(patience(t)); ktorws.CloseStatus(err) != 4001 {
		t.Errorf("got %v", err)
	}
	if err := c.Close(ktorws.StatusNormalClosure, ""); err != nil {
		t.Errorf("got %v", err)
	}
	if code := ktorws.CloseStatus(context.Canceled); code != -1 {
		t.Errorf("got %d", code)
	}
}

func TestEndWithoutClose(t *testing.T) {
	c := dial(t, echoURL+"drop", nil)
	_, _, err := c.Read(patience(t))
	var status *ktorws.StatusError
	if !errors.As(err, &status) || !errors.Is(err, ktorws.ErrClosedAbnormally) || status.Phase != ktorws.PhaseOpen {
		t.Errorf("got %#v", err)
	}
	if err := c.Close(ktorws.StatusNormalClosure, ""); !errors.Is(err, ktorws.ErrClosedAbnormally) {
		t.Errorf("got %v", err)
	}
}

// Nobody reads what the server sends before its Close.
func TestCloseBehindAFlood(t *testing.T) {
	c := dial(t, echoURL+"burst/20000", nil)
	if err := c.Close(ktorws.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	next := 0
	for {
		_, message, err := c.Read(patience(t))
		if err != nil {
			break
		}
		if string(message) == "" {
			t.Fatal("an empty message")
		}
		next++
	}
	if next == 0 {
		t.Error("nothing of it was received ahead")
	}
}

func TestCloseWhileOthersRead(t *testing.T) {
	c := dial(t, echoURL, nil)
	read := make(chan error, 4)
	for i := 0; i < 4; i++ {
		go func() {
			_, _, err := c.Read(context.Background())
			read <- err
		}()
	}
	if err := c.Close(ktorws.StatusGoingAway, ""); err != nil {
		t.Error(err)
	}
	for i := 0; i < 4; i++ {
		if err := <-read; ktorws.CloseStatus(err) != ktorws.StatusGoingAway && !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}

// The server does not answer the Close.
func TestCloseTimeout(t *testing.T) {
	c := dial(t, echoURL+"silent", &ktorws.DialOptions{CloseTimeout: 50 * time.Millisecond})
	if err := c.Close(ktorws.StatusNormalClosure, ""); !errors.Is(err, ktorws.ErrClosedAbnormally) {
		t.Errorf("got %v", err)
	}
}

func TestIdleTimeout(t *testing.T) {
	c := dial(t, echoURL+"silent", &ktorws.DialOptions{IdleTimeout: 20 * time.Millisecond})
	_, _, err := c.Read(patience(t))
	var network net.Error
	if !errors.Is(err, ktorws.ErrIdleTimeout) || !errors.As(err, &network) || !network.Timeout() {
		t.Errorf("got %v", err)
	}
}

func TestCloseNowWakesAll(t *testing.T) {
	c := dial(t, echoURL+"silent", &ktorws.DialOptions{CloseTimeout: -1})
	calls := []func() error{
		func() error { _, _, err := c.Read(context.Background()); return err },
		func() error { _, _, err := c.Read(patience(t)); return err },
		func() error { return c.Ping(context.Background()) },
		func() error { return c.Close(ktorws.StatusNormalClosure, "") },
	}
	got := make(chan error, len(calls))
	for _, call := range calls {
		call := call
		go func() { got <- call() }()
	}
	eventually(t, "the ping is sent, or the Close", func() bool {
		return c.Write(patience(t), ktorws.MessageText, nil) != nil
	})
	if err := c.CloseNow(); err != nil {
		t.Error(err)
	}
	for range calls {
		if err := <-got; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}

func TestReadLimit(t *testing.T) {
	for _, set := range []func() *ktorws.Conn{
		func() *ktorws.Conn { return dial(t, echoURL, &ktorws.DialOptions{ReadLimit: 100}) },
		func() *ktorws.Conn {
			c := dial(t, echoURL, nil)
			if err := c.SetReadLimit(100); err != nil {
				t.Error(err)
			}
			return c
		},
	} {
		c := set()
		write(t, c, ktorws.MessageText, strings.Repeat("x", 100))
		write(t, c, ktorws.MessageText, strings.Repeat("x", 101))
		expect(t, c, ktorws.MessageText, strings.Repeat("x", 100))
		if _, _, err := c.Read(patience(t)); !errors.Is(err, ktorws.ErrFrameTooBig) {
			t.Errorf("got %v", err)
		}
	}
	c := dial(t, echoURL, &ktorws.DialOptions{ReadLimit: 10})
	if err := c.SetReadLimit(-1); err != nil {
		t.Error(err)
	}
	write(t, c, ktorws.MessageText, strings.Repeat("x", 101))
	expect(t, c, ktorws.MessageText, strings.Repeat("x", 101))
}

func descriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestForgottenConnsAreCollected(t *testing.T) {
	const conns = 20
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	func() {
		all := make([]*ktorws.Conn, conns)
		for i := range all {
			c, response, err := ktorws.Dial(patience(t), echoURL, &ktorws.DialOptions{PingInterval: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			c.Read(ctx)
			cancel()
			response.Header("Upgrade")
			all[i] = c
		}
		if now := descriptors(t); now < before+conns {
			t.Errorf("%d descriptors, before %d", now, before)
		}
		runtime.KeepAlive(all)
	}()
	eventually(t, "the descriptors and goroutines are gone", func() bool {
		runtime.GC()
		return descriptors(t) <= before && runtime.NumGoroutine() <= goroutines
	})
}

func TestClosingGivesEverythingBack(t *testing.T) {
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	for i := 0; i < 20; i++ {
		c, _, err := ktorws.Dial(patience(t), echoURL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			c.Close(ktorws.StatusNormalClosure, "")
		}
		c.CloseNow()
	}
	eventually(t, "the descriptors and goroutines are gone", func() bool {
		return descriptors(t) <= before && runtime.NumGoroutine() <= goroutines
	})
}
