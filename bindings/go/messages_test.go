package ktorws_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

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
		_ = append(message, "longer than the message"...)
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
