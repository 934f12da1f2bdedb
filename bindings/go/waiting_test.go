package ktorws_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

func TestCancelledReadsLoseNothing(t *testing.T) {
	c := dial(t, echoURL, nil)
	shared, cancelShared := context.WithCancel(context.Background())
	next := 0
	for sent := 0; sent < 200; sent++ {
		write(t, c, ktorws.MessageBinary, strconv.Itoa(sent))
		// The end of the context and the message come at about the same time.
		ctx, cancel := context.WithTimeout(shared, time.Duration(sent)*time.Microsecond)
		_, message, err := c.Read(ctx)
		cancel()
		if err == nil {
			if string(message) != strconv.Itoa(next) {
				t.Fatalf("%q came, not %d", message, next)
			}
			next++
		} else if err != context.DeadlineExceeded {
			t.Fatal(err)
		}
	}
	for ; next < 200; next++ {
		expect(t, c, ktorws.MessageBinary, strconv.Itoa(next))
	}

	go func() {
		time.Sleep(5 * time.Millisecond)
		cancelShared()
	}()
	if _, _, err := c.Read(shared); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	if _, _, err := c.Read(shared); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	if err := c.Write(shared, ktorws.MessageText, []byte("never sent")); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	write(t, c, ktorws.MessageText, "after all")
	expect(t, c, ktorws.MessageText, "after all")
}

// One reader's context ends while another one waits behind it, and the other way round.
func TestReadersWithContextsOfTheirOwn(t *testing.T) {
	c := dial(t, echoURL, nil)
	for round := 0; round < 20; round++ {
		const readers = 8
		var over sync.WaitGroup
		got := make(chan string, readers)
		for i := 0; i < readers; i++ {
			ctx := patience(t)
			if i%2 == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Duration(i)*time.Millisecond)
				defer cancel()
			}
			over.Add(1)
			go func() {
				defer over.Done()
				_, message, err := c.Read(ctx)
				if err == nil {
					got <- string(message)
				} else if err != context.DeadlineExceeded {
					t.Error(err)
				}
			}()
		}
		// So many read until there is a message; those whose time is up may have had some of them.
		for sent := 0; ; sent++ {
			write(t, c, ktorws.MessageBinary, "x")
			if sent == readers-1 {
				break
			}
		}
		over.Wait()
		for left := readers - len(got); left > 0; left-- {
			expect(t, c, ktorws.MessageBinary, "x")
		}
	}
}

// The server takes nothing: a Write waits, and its context ends that, or CloseNow.
func TestWriteWaitsForRoom(t *testing.T) {
	c := dial(t, echoURL+"silent", &ktorws.DialOptions{Outgoing: ktorws.Queue{Bytes: 1 << 16}})
	message := make([]byte, 1<<15)
	var err error
	sent := uint64(0)
	for ; err == nil; sent++ {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		err = c.Write(ctx, ktorws.MessageBinary, message)
		cancel()
	}
	if err != context.DeadlineExceeded {
		t.Fatal(err)
	}
	if stats := c.Stats(); stats.MessagesSent != sent-1 || stats.OutgoingBytes == 0 {
		t.Errorf("%d were sent: %+v", sent-1, stats)
	}
	waits := make(chan error)
	for _, write := range []func() error{
		func() error { return c.Write(context.Background(), ktorws.MessageBinary, message) },
		func() error { return c.Write(patience(t), ktorws.MessageBinary, message) },
		func() error {
			_, err := c.WriteBatch(context.Background(), []ktorws.Message{{Type: ktorws.MessageBinary, Data: message}})
			return err
		},
	} {
		write := write
		go func() {
			var err error
			for err == nil {
				err = write()
			}
			waits <- err
		}()
	}
	runtime.Gosched()
	c.CloseNow()
	for i := 0; i < 3; i++ {
		if err := <-waits; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}

// Everything at once, and the end at any moment of it.
func TestCloseInTheMiddle(t *testing.T) {
	for round := 0; round < 20; round++ {
		c := dial(t, echoURL, &ktorws.DialOptions{
			PingInterval: time.Millisecond,
			PingTimeout:  10 * time.Second,
		})
		var over sync.WaitGroup
		for _, call := range []func(context.Context) error{
			func(ctx context.Context) error { _, _, err := c.Read(ctx); return err },
			func(ctx context.Context) error { _, err := c.ReadBatch(ctx, make([]ktorws.Message, 8)); return err },
			func(ctx context.Context) error { return c.Write(ctx, ktorws.MessageText, []byte("text")) },
			func(ctx context.Context) error { return c.Write(ctx, ktorws.MessageBinary, make([]byte, 1<<16)) },
			func(ctx context.Context) error {
				_, err := c.WriteBatch(ctx, make16())
				return err
			},
			func(ctx context.Context) error { return c.Ping(ctx) },
			func(ctx context.Context) error { c.Stats(); return c.SetReadLimit(1 << 20) },
		} {
			call := call
			over.Add(1)
			go func() {
				defer over.Done()
				for i := 0; ; i++ {
					// Of every other context the end is near.
					ctx, cancel := patience(t), context.CancelFunc(func() {})
					if i%2 == 0 {
						ctx, cancel = context.WithTimeout(ctx, time.Millisecond)
					}
					err := call(ctx)
					cancel()
					if err != nil && err != context.DeadlineExceeded {
						if !errors.Is(err, net.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			}()
		}
		for sent := c.Stats().MessagesSent; c.Stats().MessagesSent < sent+uint64(round*10); {
			runtime.Gosched()
		}
		if round%2 == 0 {
			c.CloseNow()
		} else if err := c.Close(ktorws.StatusNormalClosure, ""); err != nil {
			t.Error(err)
		}
		over.Wait()
		var err error
		for err == nil {
			_, _, err = c.Read(patience(t))
		}
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}

func make16() []ktorws.Message {
	batch := make([]ktorws.Message, 16)
	for i := range batch {
		batch[i] = ktorws.Message{Type: ktorws.MessageBinary, Data: []byte{byte(i)}}
	}
	return batch
}
