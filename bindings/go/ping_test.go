package ktorws_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

func TestPing(t *testing.T) {
	c := dial(t, echoURL, nil)
	// Nobody reads.
	for i := 0; i < 10; i++ {
		if err := c.Ping(patience(t)); err != nil {
			t.Fatal(err)
		}
	}
	// Messages wait.
	write(t, c, ktorws.MessageText, "first")
	if err := c.Ping(patience(t)); err != nil {
		t.Fatal(err)
	}
	expect(t, c, ktorws.MessageText, "first")
	// Somebody reads.
	read := make(chan string)
	go func() {
		_, message, err := c.Read(patience(t))
		if err != nil {
			t.Error(err)
		}
		read <- string(message)
	}()
	var over sync.WaitGroup
	for i := 0; i < 8; i++ {
		over.Add(1)
		go func() {
			defer over.Done()
			if err := c.Ping(patience(t)); err != nil {
				t.Error(err)
			}
		}()
	}
	over.Wait()
	write(t, c, ktorws.MessageText, "second")
	if message := <-read; message != "second" {
		t.Errorf("%q was read", message)
	}
	if stats := c.Stats(); stats.PingsSent != 19 || stats.PongsReceived != 19 {
		t.Errorf("%+v", stats)
	}
}

// While somebody waits for a pong, others read.
func TestReadBehindPing(t *testing.T) {
	c := dial(t, echoURL+"silent", nil)
	ctx, cancel := context.WithCancel(context.Background())
	pinged := make(chan error)
	go func() { pinged <- c.Ping(ctx) }()
	eventually(t, "the ping is sent", func() bool { return c.Stats().PingsSent == 1 })
	read := make(chan error)
	go func() {
		_, _, err := c.Read(context.Background())
		read <- err
	}()
	cancel()
	if err := <-pinged; err != context.Canceled {
		t.Errorf("got %v", err)
	}
	c.CloseNow()
	if err := <-read; !errors.Is(err, ktorws.ErrAborted) {
		t.Errorf("got %v", err)
	}
}

// A pong comes behind more messages than are received ahead.
func TestPingBehindMessages(t *testing.T) {
	const messages = 300
	c := dial(t, echoURL, nil)
	for i := 0; i < messages; i++ {
		write(t, c, ktorws.MessageText, strconv.Itoa(i))
	}
	pinged := make(chan error)
	go func() { pinged <- c.Ping(patience(t)) }()
	eventually(t, "the ping is sent", func() bool { return c.Stats().PingsSent == 1 })
	for i := 0; i < messages; i++ {
		expect(t, c, ktorws.MessageText, strconv.Itoa(i))
	}
	if err := <-pinged; err != nil {
		t.Error(err)
	}
}

// Pongs do not fill the library's queue while nobody reads.
func TestPongsWithoutReaders(t *testing.T) {
	c := dial(t, echoURL, &ktorws.DialOptions{
		PingInterval: 2 * time.Millisecond,
		PingTimeout:  10 * time.Second,
		Incoming:     ktorws.Queue{Messages: 4},
	})
	eventually(t, "40 pongs", func() bool { return c.Stats().PongsReceived >= 40 })
	if stats := c.Stats(); stats.RoundTrip <= 0 {
		t.Errorf("%+v", stats)
	}
	write(t, c, ktorws.MessageText, "through")
	expect(t, c, ktorws.MessageText, "through")
}
