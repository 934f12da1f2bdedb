package ktorws

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Message is one of ReadBatch and WriteBatch.
type Message struct {
	Type MessageType
	Data []byte
}

// sweepEvery is after how many messages without a Read in between pongs are looked for.
const sweepEvery = 1024

// inbox has what was received ahead. Of those who wait for something one leads: it waits in Go's netpoller, by itself, for
// the library's descriptor, and receives for all. The others wait for it, and then one of them leads.
type inbox struct {
	session    *handle
	descriptor *os.File
	raw        syscall.RawConn
	byFrames   bool
	// Messages that were written since something was received, or was tried to be.
	unflushed atomic.Uint32
	// Holds a token when one of those who wait should look.
	readable chan struct{}
	// Whoever put the token in leads.
	leading chan struct{}
	// Holds a token when the connection was lost, or another one has followed, for OnReconnect.
	changed chan struct{}
	// Closed with err.
	ended chan struct{}

	// Of the one who leads: what ends its wait, asked with mu, and whose end of a context interrupts it.
	enough  func() bool
	watched <-chan struct{}
	watch   chan (<-chan struct{})
	// Functions of this inbox, made once.
	look    func(uintptr) bool
	hasSome func() bool

	mu    sync.Mutex
	queue []Frame
	head  int
	// Those who wait for messages and do not lead.
	waiting int
	// How many messages to ask for at once.
	most C.uint32_t
	// What does not fit is dropped: it stands before the server's Close.
	leaving bool
	// The library may have more: receiving stopped before it said that it has not.
	hasMore bool
	pings   map[string]chan struct{}
	// What ReadFrame returns.
	delivery delivery
	// Ends sweepEach.
	endSweep chan struct{}
	// The loss that no other connection has followed yet, and those that one has, as the library's messages on them.
	isLost  bool
	lostBy  string
	outages []string
	err     error
}

func newInbox(session *handle, descriptor *os.File, delivery delivery) (*inbox, error) {
	raw, err := descriptor.SyscallConn()
	if err != nil {
		return nil, err
	}
	in := &inbox{
		session:    session,
		descriptor: descriptor,
		raw:        raw,
		byFrames:   delivery.byFrames,
		delivery:   delivery,
		readable:   make(chan struct{}, 1),
		leading:    make(chan struct{}, 1),
		changed:    make(chan struct{}, 1),
		ended:      make(chan struct{}),
		most:       C.SHIM_IN,
	}
	in.hasSome = func() bool { return in.size() > 0 }
	in.look = func(uintptr) bool {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.fillIfWanted()
		if in.err != nil || in.enough() {
			return true
		}
		in.wake()
		return false
	}
	return in, nil
}

func (in *inbox) size() int { return len(in.queue) - in.head }

// receive waits for a message, and takes as many as are there and fit.
func (in *inbox) receive(ctx context.Context, into []Message) (int, error) {
	if err := in.await(ctx); err != nil {
		return 0, err
	}
	defer in.mu.Unlock()
	count := in.size()
	if count > len(into) {
		count = len(into)
	}
	for i := range into[:count] {
		frame := &in.queue[in.head+i]
		into[i] = Message{MessageType(frame.Type), frame.Data}
	}
	in.taken(count)
	return count, nil
}

// receiveFrame waits for a frame.
func (in *inbox) receiveFrame(ctx context.Context) (Frame, error) {
	if err := in.await(ctx); err != nil {
		return Frame{}, err
	}
	defer in.mu.Unlock()
	frame := in.queue[in.head]
	in.taken(1)
	return frame, nil
}

// await waits until the queue has something, and then returns with mu held.
func (in *inbox) await(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for {
		in.mu.Lock()
		if in.size() > 0 {
			return nil
		}
		in.taken(0)
		if in.err != nil {
			in.mu.Unlock()
			return in.err
		}
		if err := in.wait(ctx, in.hasSome, nil); err != nil {
			return err
		}
	}
}

// taken removes what was taken.
func (in *inbox) taken(count int) {
	for i := 0; i < count; i++ {
		in.queue[in.head+i] = Frame{}
	}
	in.head += count
	if in.size() == 0 {
		in.queue, in.head = in.queue[:0], 0
	}
	if in.hasMore && in.wantsMore() && len(in.leading) > 0 {
		in.lookAgain()
	}
	in.wake()
}

// wants reports whether ReadFrame returns frames of this type.
func (in *inbox) wants(kind FrameType) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.delivery.wants(kind)
}

// wake wakes one of those who wait for messages if there are any. That one wakes the next.
func (in *inbox) wake() {
	if in.waiting > 0 && in.size() > 0 {
		signal(in.readable)
	}
}

// wait is called with mu, which it unlocks. It returns when it is time to look, which may be for nothing: for messages, or
// where answered is not nil for that.
func (in *inbox) wait(ctx context.Context, enough func() bool, answered chan struct{}) error {
	select {
	case in.leading <- struct{}{}:
		in.mu.Unlock()
		return in.lead(ctx, enough)
	default:
	}
	readable := in.readable
	if answered != nil {
		readable = nil
	} else {
		in.waiting++
	}
	in.mu.Unlock()
	leads := false
	var err error
	select {
	case in.leading <- struct{}{}:
		leads = true
	case <-readable:
	case <-answered:
	case <-in.ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if answered == nil {
		in.mu.Lock()
		in.waiting--
		in.mu.Unlock()
	}
	if leads {
		return in.lead(ctx, enough)
	}
	return err
}

// lead waits in the netpoller, which calls look at first and each time something arrives: it is edge-triggered, and keeps an
// edge that comes while look is at work. A look that stops before the library has nothing more leaves hasMore set.
func (in *inbox) lead(ctx context.Context, enough func() bool) error {
	defer func() { <-in.leading }()
	in.enough = enough
	if done := ctx.Done(); done != nil && done != in.watched {
		if in.watch == nil {
			in.watch = make(chan (<-chan struct{}))
			go in.interrupt(in.watch)
		}
		select {
		case in.watch <- done:
			in.watched = done
		case <-in.ended:
			return nil
		}
	}
	for {
		err := in.raw.Read(in.look)
		if err == nil {
			break
		}
		select {
		case <-in.ended:
			return nil
		default:
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		// In this order: the interruption may be one for an earlier call, and one for this call may just come.
		in.descriptor.SetReadDeadline(time.Time{})
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	in.mu.Lock()
	in.wake()
	in.mu.Unlock()
	return nil
}

// interrupt ends the wait of the one who leads when its context ends.
func (in *inbox) interrupt(watch chan (<-chan struct{})) {
	var done <-chan struct{}
	for {
		select {
		case done = <-watch:
		case <-done:
			done = nil
			in.lookAgain()
		case <-in.ended:
			return
		}
	}
}

// lookAgain has the one who leads look at its context, and at what there is to receive.
func (in *inbox) lookAgain() { in.descriptor.SetReadDeadline(time.Unix(1, 0)) }

// fillIfWanted receives unless there are messages here that nobody has asked for.
func (in *inbox) fillIfWanted() {
	in.hasMore = true
	if in.err == nil && in.wantsMore() {
		in.fill()
	}
}

// wantsMore reports whether to receive: without messages here, for a pong, and for the server's Close.
func (in *inbox) wantsMore() bool {
	return in.size() == 0 || in.leaving || len(in.pings) > 0 && in.size() < C.SHIM_IN
}

func (in *inbox) end(err error) {
	if in.err == nil {
		in.err = err
		close(in.ended)
	}
}

// sweep takes what the library has if there is nothing here: pongs would fill its queue while nobody reads.
func (in *inbox) sweep() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.fillIfWanted()
	in.wake()
}

// sweepEach sweeps once in an interval, which is that of the pings, from now on; 0 is never.
func (in *inbox) sweepEach(interval time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.sweepEachLocked(interval)
}

func (in *inbox) sweepEachLocked(interval time.Duration) {
	if in.endSweep != nil {
		close(in.endSweep)
		in.endSweep = nil
	}
	if interval <= 0 {
		return
	}
	end := make(chan struct{})
	in.endSweep = end
	go func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				in.sweep()
			case <-end:
				return
			case <-in.ended:
				return
			}
		}
	}()
}

// leave receives until the session has ended. What nobody takes meanwhile, and does not fit, is dropped.
func (in *inbox) leave() {
	never := make(chan struct{})
	in.mu.Lock()
	in.leaving = true
	if len(in.leading) > 0 {
		in.lookAgain()
	}
	for in.err == nil {
		in.wait(context.Background(), func() bool { return false }, never)
		in.mu.Lock()
	}
	in.mu.Unlock()
}

// abandon drops what is there.
func (in *inbox) abandon(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.queue, in.head = nil, 0
	in.end(err)
}
