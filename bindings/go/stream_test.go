package ktorws_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

const partSize = 1024

func reader(t testing.TB, c *ktorws.Conn) io.Reader {
	t.Helper()
	typ, r, err := c.Reader(patience(t))
	if err != nil {
		t.Fatal(err)
	}
	if typ != ktorws.MessageBinary {
		t.Fatalf("the type is %v", typ)
	}
	return r
}

func mustRead(t testing.TB, r io.Reader, want string) {
	t.Helper()
	if got, err := io.ReadAll(r); string(got) != want || err != nil {
		t.Fatalf("%d bytes came, not %d: %v", len(got), len(want), err)
	}
}

// The rest of the message is not sent before its beginning is read.
func TestReaderWhileTheMessageArrives(t *testing.T) {
	half := strings.Repeat("x", 100_000)
	goOn := make(chan bool)
	url := script(t, nil, func(_ int, p *peer) {
		p.header(0x82, 2*len(half))
		io.WriteString(p, half)
		<-goOn
		io.WriteString(p, half)
		p.frame(0x82, "short")
		p.drain()
	})
	c := dial(t, url, &ktorws.DialOptions{PartSize: partSize})
	r := reader(t, c)
	if _, err := io.ReadFull(r, make([]byte, partSize)); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	mustRead(t, r, half+half[partSize:])
	mustRead(t, reader(t, c), "short")
}

func TestPartsOfReadFrame(t *testing.T) {
	big := bytes.Repeat([]byte("€"), 200_000)
	c := dial(t, echoURL, &ktorws.DialOptions{PartSize: partSize})
	if err := c.Write(patience(t), ktorws.MessageText, big); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for parts := 1; ; parts++ {
		part, err := c.ReadFrame(patience(t))
		if err != nil || part.Type != ktorws.FrameText {
			t.Fatalf("%v, %v", part.Type, err)
		}
		got = append(got, part.Data...)
		if part.Flags&ktorws.FlagMore == 0 {
			if parts < 2 {
				t.Error("it came in one part")
			}
			break
		}
	}
	if !bytes.Equal(got, big) {
		t.Error("the parts are not the message")
	}
	// Read has them all, and NetConn with it.
	if err := c.Write(patience(t), ktorws.MessageText, big); err != nil {
		t.Fatal(err)
	}
	expect(t, c, ktorws.MessageText, string(big))
}

// A Read whose context ends amid a message leaves what it has to the next one.
func TestCancelledReadOfParts(t *testing.T) {
	half := strings.Repeat("x", 100_000)
	goOn := make(chan bool)
	url := script(t, nil, func(_ int, p *peer) {
		for i := 0; i < 2; i++ {
			p.header(0x82, 2*len(half))
			io.WriteString(p, half)
			<-goOn
			io.WriteString(p, half)
		}
		p.drain()
	})
	c := dial(t, url, &ktorws.DialOptions{PartSize: partSize})
	for i, rest := range []func(){
		func() { expect(t, c, ktorws.MessageBinary, half+half) },
		func() { mustRead(t, reader(t, c), half+half) },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() {
			_, _, err := c.Read(ctx)
			ended <- err
		}()
		received := uint64((2*i + 1) * len(half))
		eventually(t, "half of it is received", func() bool { return c.Stats().WireReceived >= received })
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Fatalf("got %v", err)
		}
		goOn <- true
		rest()
	}
}

func TestWhatAReaderLeavesIsDropped(t *testing.T) {
	big := strings.Repeat("x", 100_000)
	c := dial(t, echoURL, &ktorws.DialOptions{PartSize: partSize})
	for _, text := range []string{big, "next", big, "last"} {
		write(t, c, ktorws.MessageBinary, text)
	}
	left := reader(t, c)
	io.ReadFull(left, make([]byte, 1))
	mustRead(t, reader(t, c), "next")
	if _, err := io.ReadAll(left); !errors.Is(err, ktorws.ErrState) {
		t.Errorf("got %v", err)
	}
	io.ReadFull(reader(t, c), make([]byte, 1))
	expect(t, c, ktorws.MessageBinary, "last")
}

// Without parts, too.
func TestReaderOfWholeMessages(t *testing.T) {
	c := dial(t, echoURL, nil)
	write(t, c, ktorws.MessageBinary, "whole")
	mustRead(t, reader(t, c), "whole")
}

func TestReaderLosesItsConnection(t *testing.T) {
	url := script(t, nil, func(number int, p *peer) {
		if number <= 2 {
			p.header(0x82, 1_000_000)
			io.WriteString(p, strings.Repeat("x", 10_000))
			return
		}
		p.frame(0x82, "whole")
		p.drain()
	})
	c := dial(t, url, &ktorws.DialOptions{PartSize: partSize, Reconnect: &ktorws.Reconnect{FirstDelay: time.Millisecond, MaxDelay: time.Millisecond}})
	if got, err := io.ReadAll(reader(t, c)); err != io.ErrUnexpectedEOF || len(got) < partSize {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// What Read has begun goes with the second connection.
	expect(t, c, ktorws.MessageBinary, "whole")
}

func TestWriter(t *testing.T) {
	arrived := make(chan bool)
	url := script(t, nil, func(_ int, p *peer) {
		p.mustGet(0x01, "one ")
		arrived <- true
		p.mustGet(0x00, "message")
		p.mustGet(0x80, "")
		p.mustGet(0x81, "another")
		p.mustGet(0x82, "")
		p.drain()
	})
	c := dial(t, url, nil)
	w, err := c.Writer(patience(t), ktorws.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "")
	// The library refuses another message on the thread of a fragment, where the binding waits.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	io.WriteString(w, "one ")
	<-arrived
	short, cancelShort := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancelShort()
	if err := c.Write(short, ktorws.MessageText, []byte("never")); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	// Other writers wait until the message is complete, on any thread.
	const others = 8
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, others)
	for i := 0; i < others; i++ {
		go func() { ended <- c.Write(ctx, ktorws.MessageText, []byte("never")) }()
	}
	if _, err := io.WriteString(w, "message"); err != nil {
		t.Error(err)
	}
	cancel()
	for i := 0; i < others; i++ {
		if err := <-ended; err != context.Canceled {
			t.Errorf("got %v", err)
		}
	}
	written := make(chan error)
	go func() { written <- c.Write(patience(t), ktorws.MessageText, []byte("another")) }()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	for _, err := range []error{w.Close(), func() error { _, err := w.Write(nil); return err }()} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	// An empty message.
	if w, err = c.Writer(patience(t), ktorws.MessageBinary); err != nil || w.Close() != nil {
		t.Error(err)
	}
	if _, err := c.Writer(patience(t), 7); !errors.Is(err, ktorws.ErrInvalidArgument) {
		t.Errorf("got %v", err)
	}
	if err := c.Flush(patience(t)); err != nil || c.BufferedAmount() != 0 {
		t.Errorf("%v, %d bytes", err, c.BufferedAmount())
	}
}

func TestWriterBreaksOff(t *testing.T) {
	for name, breakOff := range map[string]func(w io.Writer, cancel func()) error{
		"context": func(w io.Writer, cancel func()) error { cancel(); return context.Canceled },
		"UTF-8": func(w io.Writer, cancel func()) error {
			io.WriteString(w, "\xff")
			return ktorws.ErrUTF8
		},
	} {
		done := make(chan bool)
		c := dial(t, script(t, nil, func(_ int, p *peer) {
			defer close(done)
			p.mustGet(0x01, "half")
			p.mustGet(0x88, "\x03\xf3")
			p.frame(0x88, "\x03\xf3")
		}), nil)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		w, err := c.Writer(ctx, ktorws.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "half")
		want := breakOff(w, cancel)
		if err := w.Close(); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
		<-done
		if _, _, err := c.Read(patience(t)); ktorws.CloseStatus(err) != ktorws.StatusInternalError {
			t.Errorf("%s: %v", name, err)
		}
	}
}
