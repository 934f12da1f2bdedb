// Package interop tests the binding against a server in Go that each test steers: gorilla/websocket.
package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"ktorws.dev/go/ktorws"
)

func patience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// serve has a server run a function for each session.
func serve(t *testing.T, session func(c *websocket.Conn, r *http.Request)) string {
	upgrader := websocket.Upgrader{EnableCompression: true, Subprotocols: []string{"chat"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); r.URL.Path == "/private" && user+password != "Aladdinsesame" {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(401)
			return
		}
		c, err := upgrader.Upgrade(w, r, http.Header{"X-Server": {"gorilla"}, "Set-Cookie": {"visited=1; Path=/"}})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		session(c, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func echo(c *websocket.Conn, _ *http.Request) {
	for {
		typ, message, err := c.ReadMessage()
		if err != nil || c.WriteMessage(typ, message) != nil {
			return
		}
	}
}

func dial(t *testing.T, url string, options *ktorws.DialOptions) *ktorws.Conn {
	t.Helper()
	c, _, err := ktorws.Dial(patience(t), url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c
}

func write(t *testing.T, c *ktorws.Conn, text string) {
	t.Helper()
	if err := c.Write(patience(t), ktorws.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, c *ktorws.Conn, want string) {
	t.Helper()
	if _, message, err := c.Read(patience(t)); err != nil || string(message) != want {
		t.Fatalf("%.60q came, not %.60q: %v", message, want, err)
	}
}

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

func TestReconnect(t *testing.T) {
	var sessions atomic.Int32
	url := serve(t, func(c *websocket.Conn, r *http.Request) {
		number := sessions.Add(1)
		c.WriteMessage(websocket.TextMessage, []byte(fmt.Sprint("session ", number)))
		if number < 3 {
			// Gone without a Close.
			c.UnderlyingConn().Close()
			return
		}
		echo(c, r)
	})
	lost, decided := make(chan error, 2), make(chan ktorws.Retry, 2)
	c := dial(t, url, &ktorws.DialOptions{Reconnect: &ktorws.Reconnect{
		FirstDelay:  time.Hour,
		KeepUnsent:  true,
		OnReconnect: func(why error) { lost <- why },
		Decide: func(retry ktorws.Retry) ktorws.Retry {
			decided <- retry
			retry.Delay = time.Millisecond
			return retry
		},
	}})
	for _, want := range []string{"session 1", "session 2", "session 3"} {
		expect(t, c, want)
	}
	for i := 0; i < 2; i++ {
		if err := <-lost; !errors.Is(err, ktorws.ErrClosedAbnormally) {
			t.Errorf("lost by %v", err)
		}
		retry := <-decided
		if !retry.Try || retry.Attempt != 1 || retry.Delay < 30*time.Minute || !errors.Is(retry.Why, ktorws.ErrClosedAbnormally) {
			t.Errorf("decided on %+v", retry)
		}
	}
	write(t, c, "on")
	expect(t, c, "on")
	if stats := c.Stats(); stats.Reconnects != 2 {
		t.Errorf("%+v", stats)
	}
}

// Nobody reads when the connection is lost: OnReconnect can use the Conn.
func TestOnReconnectWithoutReaders(t *testing.T) {
	var sessions atomic.Int32
	hellos := make(chan string)
	url := serve(t, func(c *websocket.Conn, _ *http.Request) {
		number := sessions.Add(1)
		_, hello, err := c.ReadMessage()
		if err != nil {
			t.Error(err)
		}
		hellos <- string(hello)
		if number < 4 {
			return
		}
		c.ReadMessage()
	})
	conn, lost := make(chan *ktorws.Conn, 1), make(chan error, 3)
	c := dial(t, url, &ktorws.DialOptions{Reconnect: &ktorws.Reconnect{
		FirstDelay: time.Millisecond,
		MaxDelay:   time.Millisecond,
		OnReconnect: func(why error) {
			lost <- why
			c := <-conn
			conn <- c
			write(t, c, "again")
		},
	}})
	conn <- c
	write(t, c, "hello")
	for _, want := range []string{"hello", "again", "again", "again"} {
		select {
		case got := <-hellos:
			if got != want {
				t.Errorf("%q came, not %q", got, want)
			}
		case <-patience(t).Done():
			t.Fatal("nothing came")
		}
	}
	for i := 0; i < 3; i++ {
		var status *ktorws.StatusError
		if err := <-lost; !errors.As(err, &status) || status.Status != ktorws.ErrClosedAbnormally || status.Phase != ktorws.PhaseOpen {
			t.Errorf("lost by %#v", err)
		}
	}
}

// Nobody reads during an outage, and a Write waits for the next connection.
func TestWriteWaitsForTheNextConnection(t *testing.T) {
	var sessions atomic.Int32
	lose, back, got := make(chan bool), make(chan bool), make(chan string, 1)
	url := serve(t, func(c *websocket.Conn, _ *http.Request) {
		if sessions.Add(1) == 1 {
			<-lose
			return
		}
		_, message, err := c.ReadMessage()
		if err != nil {
			t.Error(err)
		}
		got <- string(message)
	})
	decided := make(chan bool)
	c := dial(t, url, &ktorws.DialOptions{Reconnect: &ktorws.Reconnect{
		Decide: func(retry ktorws.Retry) ktorws.Retry {
			decided <- true
			<-back
			retry.Delay = 0
			return retry
		},
	}})
	close(lose)
	<-decided
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := c.Write(ctx, ktorws.MessageText, []byte("lost")); err != context.DeadlineExceeded {
		t.Fatalf("got %v", err)
	}
	close(back)
	write(t, c, "kept")
	if message := <-got; message != "kept" {
		t.Errorf("%q came", message)
	}
}

// The last word is no.
func TestReconnectGivenUp(t *testing.T) {
	url := serve(t, func(c *websocket.Conn, _ *http.Request) { c.UnderlyingConn().Close() })
	c := dial(t, url, &ktorws.DialOptions{Reconnect: &ktorws.Reconnect{
		Decide: func(retry ktorws.Retry) ktorws.Retry { return ktorws.Retry{} },
	}})
	if _, _, err := c.Read(patience(t)); !errors.Is(err, ktorws.ErrClosedAbnormally) {
		t.Errorf("got %v", err)
	}
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
