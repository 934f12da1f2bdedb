package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"ktorws.dev/go/ktorws"
)

func TestCompression(t *testing.T) {
	// gorilla/websocket has no context takeover.
	c := dial(t, serve(t, echo), &ktorws.DialOptions{Compression: &ktorws.Compression{Level: 9}})
	text := strings.Repeat("the same again, ", 10_000)
	for i := 0; i < 3; i++ {
		write(t, c, text)
		expect(t, c, text)
	}
	stats := c.Stats()
	if stats.CompressedSentBefore != 3*uint64(len(text)) || stats.WireSent > 10_000 || stats.WireReceived > 10_000 {
		t.Errorf("%+v", stats)
	}
}

func TestDeflateInfo(t *testing.T) {
	c := dial(t, serve(t, echo), &ktorws.DialOptions{Compression: &ktorws.Compression{Level: 3}})
	want := ktorws.DeflateInfo{
		Level: 3, ClientMaxWindowBits: 15, ServerMaxWindowBits: 15, ClientNoContextTakeover: true, ServerNoContextTakeover: true,
	}
	if info, ok := c.DeflateInfo(); !ok || info != want {
		t.Errorf("%+v", info)
	}
	extensions := c.Extensions()
	if len(extensions) != 1 || extensions[0].Name != "permessage-deflate" || !strings.Contains(extensions[0].Parameters, "server_no_context_takeover") {
		t.Errorf("%+v", extensions)
	}
}

// What is compressed is up to the filter, and to each frame.
func TestFilter(t *testing.T) {
	var asked atomic.Int32
	c := dial(t, serve(t, echo), &ktorws.DialOptions{Compression: &ktorws.Compression{
		Filter: func(typ ktorws.MessageType, p []byte) bool {
			asked.Add(1)
			return typ == ktorws.MessageText && strings.HasPrefix(string(p), "yes")
		},
	}})
	text := strings.Repeat(" compress it", 100)
	for _, start := range []string{"no", "yes"} {
		write(t, c, start+text)
		expect(t, c, start+text)
	}
	plain := ktorws.Frame{Type: ktorws.FrameText, Data: []byte("yes, but" + text), Flags: ktorws.FlagNoCompress}
	if err := c.WriteFrame(patience(t), plain); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "yes, but"+text)
	if got, want := c.Stats().CompressedSentBefore, uint64(len("yes"+text)); got != want || asked.Load() < 2 {
		t.Errorf("%d bytes were compressed, not %d; the filter was asked %d times", got, want, asked.Load())
	}
}

func TestHandshake(t *testing.T) {
	cookies := make(chan string, 2)
	url := serve(t, func(c *websocket.Conn, r *http.Request) {
		cookies <- r.Header.Get("Cookie")
		echo(c, r)
	}) + "/private"
	jar := ktorws.NewCookieJar()
	options := &ktorws.DialOptions{
		Jar:          jar,
		Subprotocols: []string{"other", "chat"},
		Auth:         func(ktorws.Challenge) *ktorws.Credentials { return ktorws.Basic("Aladdin", "sesame") },
	}
	for _, want := range []string{"", "visited=1"} {
		c, response, err := ktorws.Dial(patience(t), url, options)
		if err != nil {
			t.Fatal(err)
		}
		if c.Subprotocol() != "chat" || response.StatusCode != 101 || response.Header("x-server") != "gorilla" {
			t.Errorf("%q, %+v", c.Subprotocol(), response)
		}
		if got := <-cookies; got != want {
			t.Errorf("the cookie is %q, not %q", got, want)
		}
		if err := c.Close(ktorws.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
	}
	if _, response, err := ktorws.Dial(patience(t), url, nil); !errors.Is(err, ktorws.ErrHandshakeStatus) || response.StatusCode != 401 {
		t.Errorf("got %v", err)
	}
}

func TestSizes(t *testing.T) {
	c := dial(t, serve(t, echo), nil)
	random := rand.New(rand.NewSource(1))
	for _, size := range []int{0, 1, 125, 126, 4096, 4097, 16384, 65535, 65536, 1 << 20, 5 << 20} {
		message := make([]byte, size)
		random.Read(message)
		go c.Write(patience(t), ktorws.MessageBinary, message)
		if typ, got, err := c.Read(patience(t)); err != nil || typ != ktorws.MessageBinary || !bytes.Equal(got, message) {
			t.Fatalf("%d bytes: %d came, %v", size, len(got), err)
		}
	}
}

// The server's Close code and reason, and ours at the server.
func TestCloses(t *testing.T) {
	at := make(chan error, 1)
	url := serve(t, func(c *websocket.Conn, r *http.Request) {
		if r.URL.Path == "/first" {
			c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4321, "first"))
		}
		_, _, err := c.ReadMessage()
		at <- err
	})
	c := dial(t, url+"/first", nil)
	_, _, err := c.Read(patience(t))
	var closed *ktorws.CloseError
	if !errors.As(err, &closed) || *closed != (ktorws.CloseError{Code: 4321, Reason: "first", ByPeer: true}) {
		t.Errorf("got %v", err)
	}
	if err := <-at; !websocket.IsCloseError(err, 4321) {
		t.Errorf("the server got %v", err)
	}
	c = dial(t, url, nil)
	if err := c.Close(3999, "ours"); err != nil {
		t.Error(err)
	}
	if err := <-at; err.Error() != "websocket: close 3999: ours" {
		t.Errorf("the server got %v", err)
	}
}

// The server reads only when it is told to: a Write waits until then, and everything arrives.
func TestWriteGoesOnWhenThereIsRoom(t *testing.T) {
	reads := make(chan bool)
	got := make(chan int)
	url := serve(t, func(c *websocket.Conn, _ *http.Request) {
		<-reads
		for next := byte(0); ; next++ {
			_, message, err := c.ReadMessage()
			if err != nil || len(message) != 1<<17 || message[0] != next {
				t.Errorf("message %d: %v", next, err)
				got <- -1
				return
			}
			if message[1] == 1 {
				got <- int(next) + 1
				return
			}
		}
	})
	c := dial(t, url, &ktorws.DialOptions{Outgoing: ktorws.Queue{Bytes: 1 << 16}})
	message := make([]byte, 1<<17)
	sent := 0
	for {
		message[0] = byte(sent)
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		err := c.Write(ctx, ktorws.MessageBinary, message)
		cancel()
		if err == context.DeadlineExceeded {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sent++
	}
	written := make(chan error)
	go func() {
		message[1] = 1
		written <- c.Write(context.Background(), ktorws.MessageBinary, message)
	}()
	close(reads)
	if err := <-written; err != nil {
		t.Error(err)
	}
	if count := <-got; count != sent+1 {
		t.Errorf("%d messages of %d came", count, sent+1)
	}
}

// The server pings, and sends pongs that nobody has asked for, while nobody reads.
func TestControlFramesOfTheServer(t *testing.T) {
	const frames = 3000
	ponged := make(chan string, 1)
	url := serve(t, func(c *websocket.Conn, r *http.Request) {
		for i := 0; i < frames; i++ {
			c.WriteControl(websocket.PongMessage, []byte(fmt.Sprint(i)), time.Time{})
		}
		c.WriteControl(websocket.PingMessage, []byte("are you there?"), time.Time{})
		c.SetPongHandler(func(payload string) error {
			select {
			case ponged <- payload:
			default:
			}
			return nil
		})
		echo(c, r)
	})
	c := dial(t, url, nil)
	answered := false
	for !answered {
		// Written, and never read.
		if err := c.Write(patience(t), ktorws.MessageText, nil); err != nil {
			t.Fatal(err)
		}
		select {
		case payload := <-ponged:
			if payload != "are you there?" {
				t.Errorf("the pong has %q", payload)
			}
			answered = true
		default:
		}
	}
	expect(t, c, "")
}

func TestPingTimeout(t *testing.T) {
	hold := make(chan bool)
	url := serve(t, func(c *websocket.Conn, _ *http.Request) { <-hold })
	defer close(hold)
	c := dial(t, url, &ktorws.DialOptions{PingInterval: 10 * time.Millisecond, PingTimeout: 20 * time.Millisecond})
	if _, _, err := c.Read(patience(t)); !errors.Is(err, ktorws.ErrPingTimeout) {
		t.Errorf("got %v", err)
	}
}
