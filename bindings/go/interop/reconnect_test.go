package interop

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"ktorws.dev/go/ktorws"
)

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
