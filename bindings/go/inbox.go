package ktorws

// #include "shim.h"
import "C"

import (
	"context"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Message is one of ReadBatch and WriteBatch.
type Message struct {
	Type MessageType
	Data []byte
}

// inbox has what was received ahead of those who ask. A goroutine of its own watches for more, and takes it while there is
// nothing here, so that pongs are seen when nobody reads.
type inbox struct {
	session *handle
	// Written since the library was last told to let it go.
	unflushed atomic.Bool
	// Holds a token when one of those who wait should look.
	readable chan struct{}
	// Closed with err.
	ended chan struct{}

	mu      sync.Mutex
	queue   []Message
	head    int
	waiting int
	// The library may have something.
	hasNews bool
	// How many messages to ask for at once.
	most C.uint32_t
	// What does not fit is dropped: it stands before the server's Close.
	leaving bool
	pings   map[string]chan struct{}
	err     error
}

func newInbox(session *handle) *inbox {
	return &inbox{
		session:  session,
		readable: make(chan struct{}, 1),
		ended:    make(chan struct{}),
		hasNews:  true,
		most:     C.SHIM_IN,
	}
}

func (in *inbox) size() int { return len(in.queue) - in.head }

// receive waits for a message, and takes as many as are there and fit.
func (in *inbox) receive(ctx context.Context, into []Message) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	waited := false
	for {
		count, err := in.take(into, waited)
		if count > 0 || err != nil {
			return count, err
		}
		waited = true
		select {
		case <-in.readable:
		case <-ctx.Done():
			in.mu.Lock()
			in.waiting--
			in.wake()
			in.mu.Unlock()
			return 0, ctx.Err()
		}
	}
}

// take takes what is there. Where there is nothing, the caller counts as one who waits.
func (in *inbox) take(into []Message, waited bool) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if waited {
		in.waiting--
	}
	if in.size() == 0 && in.err == nil && (in.hasNews || in.unflushed.Load()) {
		in.fill()
	}
	count := copy(into, in.queue[in.head:])
	for i := range in.queue[in.head : in.head+count] {
		in.queue[in.head+i] = Message{}
	}
	in.head += count
	if in.size() == 0 {
		in.queue, in.head = in.queue[:0], 0
	}
	in.wake()
	if count == 0 {
		if in.err != nil {
			return 0, in.err
		}
		in.waiting++
	}
	return count, nil
}

// wake wakes one of those who wait if there is something for it. That one wakes the next.
func (in *inbox) wake() {
	if in.waiting > 0 && (in.size() > 0 || in.err != nil) {
		signal(in.readable)
	}
}

// look is called when the library has something. It returns whether there is more to come.
func (in *inbox) look() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.hasNews = true
	if in.err == nil && (in.size() == 0 || in.readsOn()) {
		in.fill()
	}
	in.wake()
	return in.err == nil
}

// readsOn reports whether to receive though there are messages here.
func (in *inbox) readsOn() bool {
	return in.leaving || len(in.pings) > 0 && in.size() < C.SHIM_IN
}

var receipts = sync.Pool{New: func() interface{} { return new(C.kgo_receipt) }}

// fill takes what the library has.
func (in *inbox) fill() {
	receipt := receipts.Get().(*C.kgo_receipt)
	defer receipts.Put(receipt)
	for in.err == nil {
		session, ok := in.session.acquire()
		if !ok {
			in.end(errShut())
			return
		}
		flush := C.int32_t(0)
		if in.unflushed.Load() {
			in.unflushed.Store(false)
			flush = 1
		}
		status := Status(C.kgo_receive(numberOf(session), in.most, flush, receipt))
		if status == 0 {
			in.unpack(receipt)
		} else if status == ErrTimeout {
			in.hasNews = false
		} else {
			in.end(endOf(session, status))
		}
		in.session.release()
		if !in.hasNews || in.size() > 0 && !in.readsOn() {
			return
		}
	}
}

func (in *inbox) unpack(receipt *C.kgo_receipt) {
	at, bytes := 0, 0
	for i := range receipt.items[:receipt.count] {
		item := &receipt.items[i]
		size := int(item.size)
		bytes += size
		if item.frame != 0 {
			in.put(item._type, unsafe.Slice((*byte)(C.kgo_payload(item.frame)), size))
			C.kgo_free(item.frame)
		} else {
			in.put(item._type, unsafe.Slice((*byte)(&receipt.scratch[0]), len(receipt.scratch))[at:at+size])
			at += size
		}
	}
	// Of large messages only the next one: the library bounds those that wait there.
	in.most = 1
	if bytes <= int(receipt.count)*C.SHIM_SMALL {
		in.most = C.SHIM_IN
	}
}

// put takes a copy of a message, or a pong.
func (in *inbox) put(kind C.uint32_t, data []byte) {
	if kind == C.WS_PONG {
		if answered, ok := in.pings[string(data)]; ok {
			delete(in.pings, string(data))
			close(answered)
		}
		return
	}
	if in.leaving && in.size() >= C.SHIM_IN {
		return
	}
	own := make([]byte, len(data))
	copy(own, data)
	in.queue = append(in.queue, Message{MessageType(kind), own})
}

// end is called with mu, or by nobody else at the same time.
func (in *inbox) end(err error) {
	if in.err == nil {
		in.err = err
		close(in.ended)
	}
}

// leave has messages that nobody takes dropped from now on.
func (in *inbox) leave() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.leaving = true
	if in.err == nil {
		in.fill()
	}
	in.wake()
}

// abandon drops what is there.
func (in *inbox) abandon(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.queue, in.head = nil, 0
	in.end(err)
	in.wake()
}

// expect has the channel closed when the pong with this payload comes.
func (in *inbox) expect(payload string, answered chan struct{}) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pings == nil {
		in.pings = make(map[string]chan struct{})
	}
	in.pings[payload] = answered
	if in.err == nil && in.hasNews {
		in.fill()
		in.wake()
	}
}

func (in *inbox) forget(payload string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.pings, payload)
}
