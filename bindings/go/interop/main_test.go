// Package interop tests the binding against a server in Go that each test steers: gorilla/websocket.
package interop

import (
	"context"
	"net/http"
	"net/http/httptest"
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
