package ktorws_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

func TestEcho(t *testing.T) {
	c := dial(t, echoURL, nil)
	big := strings.Repeat("grüß dich ", 200_000)
	for _, text := range []string{"hello", "", "a\x00b", strings.Repeat("x", 4096), strings.Repeat("y", 4097), big} {
		for _, typ := range []ktorws.MessageType{ktorws.MessageText, ktorws.MessageBinary} {
			write(t, c, typ, text)
			expect(t, c, typ, text)
		}
	}
	stats := c.Stats()
	if stats.MessagesSent != 12 || stats.MessagesReceived != 12 || stats.BytesSent != stats.BytesReceived {
		t.Errorf("%+v", stats)
	}
	if c.Subprotocol() != "" || c.URL() != echoURL {
		t.Errorf("subprotocol %q, URL %q", c.Subprotocol(), c.URL())
	}
}

// A Read returns memory that is nobody else's.
func TestReadGivesItsOwnMemory(t *testing.T) {
	c := dial(t, echoURL+"burst/200", nil)
	var all [][]byte
	for i := 0; i < 200; i++ {
		_, message, err := c.Read(patience(t))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, message)
	}
	for i, message := range all {
		if string(message) != strconv.Itoa(i) {
			t.Fatalf("message %d is %q", i, message)
		}
		_ = append(message, "longer than what is there"...)
	}
}

func TestBadMessages(t *testing.T) {
	c := dial(t, echoURL, nil)
	if err := c.Write(patience(t), ktorws.MessageText, []byte("\xff")); !errors.Is(err, ktorws.ErrUTF8) {
		t.Errorf("got %v", err)
	}
	for _, err := range []error{
		c.Write(patience(t), 9, nil),
		c.SetReadLimit(0),
	} {
		if !errors.Is(err, ktorws.ErrInvalidArgument) {
			t.Errorf("got %v", err)
		}
	}
	write(t, c, ktorws.MessageText, "still there")
	expect(t, c, ktorws.MessageText, "still there")
}

// A part of an object that has pointers, too, may be sent.
func TestWriteFromWithin(t *testing.T) {
	type object struct {
		buffer [8]byte
		next   *object
	}
	o := &object{next: &object{}}
	copy(o.buffer[:], "in there")
	c := dial(t, echoURL, nil)
	if err := c.Write(patience(t), ktorws.MessageText, o.buffer[:]); err != nil {
		t.Fatal(err)
	}
	expect(t, c, ktorws.MessageText, "in there")
}

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

func TestManyGoroutines(t *testing.T) {
	c := dial(t, echoURL, nil)
	const writers, each = 8, 500
	var over sync.WaitGroup
	for w := 0; w < writers; w++ {
		w := w
		over.Add(1)
		go func() {
			defer over.Done()
			for i := 0; i < each; i++ {
				if err := c.Write(patience(t), ktorws.MessageText, []byte(fmt.Sprintf("%d %d", w, i))); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	var mu sync.Mutex
	seen := make(map[string]bool)
	for r := 0; r < 4; r++ {
		over.Add(1)
		go func() {
			defer over.Done()
			for i := 0; i < writers*each/4; i++ {
				_, message, err := c.Read(patience(t))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[string(message)] = true
				mu.Unlock()
			}
		}()
	}
	over.Wait()
	if len(seen) != writers*each {
		t.Errorf("%d different messages came", len(seen))
	}
}

func TestBatches(t *testing.T) {
	c := dial(t, echoURL, nil)
	var batch []ktorws.Message
	for i := 0; i < 3000; i++ {
		size := i % 300
		if i%500 == 0 {
			size = 100_000
		}
		batch = append(batch, ktorws.Message{Type: ktorws.MessageBinary, Data: bytes.Repeat([]byte{byte(i)}, size)})
	}
	go func() {
		if sent, err := c.WriteBatch(patience(t), batch); err != nil || sent != len(batch) {
			t.Errorf("%d were sent: %v", sent, err)
		}
	}()
	into := make([]ktorws.Message, 100)
	most := 0
	for next := 0; next < len(batch); {
		count, err := c.ReadBatch(patience(t), into)
		if err != nil {
			t.Fatal(err)
		}
		if count > most {
			most = count
		}
		for _, message := range into[:count] {
			if message.Type != batch[next].Type || !bytes.Equal(message.Data, batch[next].Data) {
				t.Fatalf("message %d is another one", next)
			}
			next++
		}
	}
	if most < 2 {
		t.Error("no two messages came at once")
	}
	if _, err := c.ReadBatch(patience(t), nil); !errors.Is(err, ktorws.ErrInvalidArgument) {
		t.Errorf("got %v", err)
	}
}

func TestBatchUpToWhatIsNoMessage(t *testing.T) {
	c := dial(t, echoURL, nil)
	text := func(s string) ktorws.Message { return ktorws.Message{Type: ktorws.MessageText, Data: []byte(s)} }
	sent, err := c.WriteBatch(patience(t), []ktorws.Message{text("a"), text("b"), text("\xff"), text("c")})
	if sent != 2 || !errors.Is(err, ktorws.ErrUTF8) {
		t.Errorf("%d were sent: %v", sent, err)
	}
	write(t, c, ktorws.MessageText, "d")
	for _, want := range []string{"a", "b", "d"} {
		expect(t, c, ktorws.MessageText, want)
	}
	sent, err = c.WriteBatch(patience(t), []ktorws.Message{text("e"), {Type: 3}})
	if sent != 0 || !errors.Is(err, ktorws.ErrInvalidArgument) {
		t.Errorf("%d were sent: %v", sent, err)
	}
	if sent, err := c.WriteBatch(patience(t), nil); sent != 0 || err != nil {
		t.Errorf("%d were sent: %v", sent, err)
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

func threads(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		if strings.HasPrefix(line, "Threads:") {
			count, _ := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "Threads:")))
			return count
		}
	}
	t.Fatal("no number of threads")
	return 0
}

// Go never ends a thread that it has made for a call of C.
func TestManyDialsAtOnceLeaveFewThreads(t *testing.T) {
	before := threads(t)
	var over sync.WaitGroup
	for i := 0; i < 300; i++ {
		over.Add(1)
		go func() {
			defer over.Done()
			c, _, err := ktorws.Dial(patience(t), echoURL, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if err := c.Close(ktorws.StatusNormalClosure, ""); err != nil {
				t.Error(err)
			}
		}()
	}
	over.Wait()
	// The library's own end when they have nothing more to do.
	eventually(t, "few threads", func() bool { return threads(t) < before+40 })
}

// Waiting costs no thread, however many wait and whatever for.
func TestWaitingHoldsNoThread(t *testing.T) {
	const conns = 200
	d, err := ktorws.NewDialer(nil)
	if err != nil {
		t.Fatal(err)
	}
	var over sync.WaitGroup
	all := make([]*ktorws.Conn, conns)
	for i := range all {
		if all[i], _, err = d.Dial(patience(t), echoURL); err != nil {
			t.Fatal(err)
		}
		defer all[i].CloseNow()
	}
	before := threads(t)
	for _, c := range all {
		c := c
		over.Add(1)
		go func() {
			defer over.Done()
			if _, _, err := c.Read(patience(t)); err != nil {
				t.Error(err)
			}
		}()
	}
	runtime.Gosched()
	for _, c := range all {
		if err := c.Ping(patience(t)); err != nil {
			t.Fatal(err)
		}
	}
	if after := threads(t); after > before+20 {
		t.Errorf("%d threads, before %d", after, before)
	}
	for _, c := range all {
		write(t, c, ktorws.MessageText, "on")
	}
	over.Wait()
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
