package ktorws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"ktorws.dev/go/ktorws"
)

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, _, err := ktorws.Dial(ctx, os.Getenv("ECHO_WS_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(ctx, ktorws.MessageText, []byte("hello")); err != nil {
		log.Fatal(err)
	}
	_, message, err := c.Read(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", message)
	if err := c.Close(ktorws.StatusNormalClosure, "bye"); err != nil {
		log.Fatal(err)
	}
	// Output: hello
}

// A program that connects more than once keeps a Dialer.
func ExampleDialer() {
	d, err := ktorws.NewDialer(&ktorws.DialOptions{
		Header:       http.Header{"X-Tenant": {"blue"}},
		Subprotocols: []string{"v2.chat", "v1.chat"},
		Compression:  &ktorws.Compression{},
		PingInterval: 20 * time.Second,
		TLS:          &ktorws.TLS{CAFile: os.Getenv("ECHO_CA_FILE")},
	})
	if err != nil {
		log.Fatal(err)
	}
	for i := 0; i < 2; i++ {
		c, _, err := d.Dial(context.Background(), os.Getenv("ECHO_WSS_URL"))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Subprotocol())
		c.CloseNow()
	}
	// Output:
	// v2.chat
	// v2.chat
}

// A Read whose time is up loses nothing, and the Conn goes on.
func ExampleConn_Read_timeout() {
	c, _, err := ktorws.Dial(context.Background(), os.Getenv("ECHO_WS_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.CloseNow()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	_, _, err = c.Read(ctx)
	cancel()
	fmt.Println(err)

	c.Write(context.Background(), ktorws.MessageText, []byte("still there"))
	_, message, err := c.Read(context.Background())
	fmt.Printf("%s, %v\n", message, err)
	// Output:
	// context deadline exceeded
	// still there, <nil>
}

func ExampleConn_WriteBatch() {
	c, _, err := ktorws.Dial(context.Background(), os.Getenv("ECHO_WS_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.CloseNow()
	_, err = c.WriteBatch(context.Background(), []ktorws.Message{
		{Type: ktorws.MessageText, Data: []byte("one")},
		{Type: ktorws.MessageText, Data: []byte("two")},
	})
	if err != nil {
		log.Fatal(err)
	}
	for received, batch := 0, make([]ktorws.Message, 64); received < 2; {
		count, err := c.ReadBatch(context.Background(), batch)
		if err != nil {
			log.Fatal(err)
		}
		for _, message := range batch[:count] {
			fmt.Printf("%s\n", message.Data)
		}
		received += count
	}
	// Output:
	// one
	// two
}

func ExampleCloseStatus() {
	c, _, err := ktorws.Dial(context.Background(), os.Getenv("ECHO_WS_URL")+"close/4001/bye", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.CloseNow()
	_, _, err = c.Read(context.Background())
	var closed *ktorws.CloseError
	if errors.As(err, &closed) {
		fmt.Println(closed.Code, closed.Reason)
	}
	fmt.Println(ktorws.CloseStatus(err))
	// Output:
	// 4001 bye
	// 4001
}

func ExampleStatusError() {
	_, _, err := ktorws.Dial(context.Background(), os.Getenv("ECHO_WSS_URL"), nil)
	var status *ktorws.StatusError
	fmt.Println(errors.Is(err, ktorws.ErrTLSCertificate))
	if errors.As(err, &status) {
		fmt.Println(status.Status.String(), status.Phase == ktorws.PhaseTLS)
	}
	// Output:
	// true
	// WS_ERR_TLS_CERTIFICATE true
}

// A long message is read while it arrives, and written in fragments.
func ExampleConn_Reader() {
	ctx := context.Background()
	c, _, err := ktorws.Dial(ctx, os.Getenv("ECHO_WS_URL"), &ktorws.DialOptions{PartSize: 16 << 10})
	if err != nil {
		log.Fatal(err)
	}
	defer c.CloseNow()
	w, err := c.Writer(ctx, ktorws.MessageBinary)
	if err != nil {
		log.Fatal(err)
	}
	for i := 0; i < 100; i++ {
		w.Write(make([]byte, 10_000))
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	_, r, err := c.Reader(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(io.Copy(io.Discard, r))
	// Output: 1000000 <nil>
}
