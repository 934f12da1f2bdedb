package ktorws

// #include "shim.h"
import "C"

import (
	"runtime/cgo"
	"sync"
	"time"
)

// events is what the library calls back for: it knows no Conn, so that one that is forgotten can be collected.
type events struct {
	// Kept while the library may ask its hooks.
	dialer *Dialer
	// Closed when the session is open or could not be opened.
	opened chan struct{}
	once   sync.Once
	// Closed when the connection is gone.
	closed chan struct{}
	// Holds a token when there may be room to send.
	writable chan struct{}
	// Holds a token when a connection was lost, for OnReconnect.
	lost chan struct{}

	mu sync.Mutex
	// How the latest connections were lost.
	losses []StatusError
}

// keptLosses is how many losses are kept for the frames that report them, which come later.
const keptLosses = 8

func newEvents(dialer *Dialer) *events {
	return &events{
		dialer:   dialer,
		opened:   make(chan struct{}),
		closed:   make(chan struct{}),
		writable: make(chan struct{}, 1),
		lost:     make(chan struct{}, 1),
	}
}

// signal puts a token into a channel that holds one.
func signal(tokens chan struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}

func eventsOf(handle C.uintptr_t) *events { return cgo.Handle(handle).Value().(*events) }

//export kgoOpened
func kgoOpened(handle C.uintptr_t) {
	e := eventsOf(handle)
	e.once.Do(func() { close(e.opened) })
}

//export kgoWritable
func kgoWritable(handle C.uintptr_t) { signal(eventsOf(handle).writable) }

//export kgoClosed
func kgoClosed(handle C.uintptr_t) {
	e := eventsOf(handle)
	e.once.Do(func() { close(e.opened) })
	close(e.closed)
}

//export kgoDecide
func kgoDecide(handle C.uintptr_t, lost *C.ws_error, attempt C.uint32_t, suggested C.int32_t, delay *C.int64_t) C.int32_t {
	e := eventsOf(handle)
	why := newStatusError(0, lost)
	if attempt == 1 && e.dialer.hooks.onReconnect != nil {
		e.keepLoss(why)
		signal(e.lost)
	}
	if e.dialer.hooks.decide == nil {
		return suggested
	}
	retry := e.dialer.hooks.decide(Retry{
		Why: newFailure(0, lost), Attempt: int(attempt), Try: suggested != 0, Delay: time.Duration(*delay) * time.Millisecond,
	})
	*delay = ms(retry.Delay)
	return C.int32_t(number(retry.Try))
}

func (e *events) keepLoss(why StatusError) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.losses) == keptLosses {
		e.losses = e.losses[1:]
	}
	e.losses = append(e.losses, why)
}

// lossOf returns the loss that a frame reports, which has only the message.
func (e *events) lossOf(message string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := len(e.losses) - 1; i >= 0; i-- {
		if why := e.losses[i]; why.Message == message {
			return &why
		}
	}
	return &StatusError{Status: ErrClosedAbnormally, Message: message, Phase: PhaseOpen, TLSAlert: -1}
}

//export kgoPrepare
func kgoPrepare(handle C.uintptr_t, attempt *C.ws_attempt) {
	a := &Attempt{
		Number:  int(C.ws_attempt_number(attempt)),
		Why:     newFailure(0, C.ws_attempt_last_error(attempt)),
		attempt: attempt,
	}
	eventsOf(handle).dialer.hooks.prepare(a)
	a.end()
}

//export kgoDropped
func kgoDropped(handle C.uintptr_t) { cgo.Handle(handle).Delete() }
