package ktorws_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

// The echo server of the library: examples/echo_server.rs says what its paths do.
var echoURL, secureURL, caFile = os.Getenv("ECHO_WS_URL"), os.Getenv("ECHO_WSS_URL"), os.Getenv("ECHO_CA_FILE")

func TestMain(m *testing.M) {
	if echoURL == "" {
		fmt.Fprintln(os.Stderr, "these tests need the library's echo server: echo_server -- go test")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// patience is for what has to happen.
func patience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func dial(t testing.TB, url string, options *ktorws.DialOptions) *ktorws.Conn {
	t.Helper()
	c, response, err := ktorws.Dial(patience(t), url, options)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 101 {
		t.Errorf("the status is %d", response.StatusCode)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c
}

func write(t testing.TB, c *ktorws.Conn, typ ktorws.MessageType, text string) {
	t.Helper()
	if err := c.Write(patience(t), typ, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, c *ktorws.Conn, typ ktorws.MessageType, text string) {
	t.Helper()
	got, message, err := c.Read(patience(t))
	if err != nil {
		t.Fatal(err)
	}
	if got != typ || string(message) != text {
		t.Fatalf("%v %.60q came, not %v %.60q", got, message, typ, text)
	}
}

// eventually calls check until it is true.
func eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	for ctx := patience(t); !check(); time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("not in time: %s", what)
		}
	}
}
