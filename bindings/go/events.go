package ktorws

// #include "shim.h"
import "C"

import (
	"runtime/cgo"
	"sync"
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
}

func newEvents(dialer *Dialer) *events {
	return &events{
		dialer:   dialer,
		opened:   make(chan struct{}),
		closed:   make(chan struct{}),
		writable: make(chan struct{}, 1),
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

//export kgoReconnected
func kgoReconnected(handle C.uintptr_t, lost *C.ws_error) {
	e := eventsOf(handle)
	// A sender that found no connection has asked for no call.
	signal(e.writable)
	if hook := e.dialer.hooks.onReconnect; hook != nil {
		why := newStatusError(0, lost)
		hook(&why)
	}
}

//export kgoDropped
func kgoDropped(handle C.uintptr_t) { cgo.Handle(handle).Delete() }
