package ktorws

// #include "shim.h"
import "C"

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// handle is a session that is freed when it is shut and nobody is in a call on it.
type handle struct {
	// Twice the calls under way, and bits.
	state   atomic.Int64
	session *C.ws_session

	mu sync.Mutex
	// Its numbers when it was freed, its connection, and its end.
	last      Stats
	lastInfo  SessionInfo
	lastClose CloseInfo
}

const (
	handleShut  = 1
	handleFreed = 1 << 62
	handleCall  = 2
)

func (h *handle) acquire() (*C.ws_session, bool) {
	if h.state.Add(handleCall)&handleShut != 0 {
		h.release()
		return nil, false
	}
	return h.session, true
}

func (h *handle) release() {
	if h.state.Add(-handleCall) == handleShut && h.state.CompareAndSwap(handleShut, handleShut|handleFreed) {
		h.mu.Lock()
		h.last, h.lastInfo = statsOf(h.session), sessionInfoOf(h.session)
		h.lastClose, _ = closeInfoOf(h.session)
		h.mu.Unlock()
		C.ws_session_free(h.session)
	}
}

// shut lets no more calls in. The first time it calls a function before the session can be freed, and returns true.
func (h *handle) shut(before func()) bool {
	for {
		state := h.state.Load()
		if state&handleShut != 0 {
			return false
		}
		if h.state.CompareAndSwap(state, (state|handleShut)+handleCall) {
			before()
			h.release()
			return true
		}
	}
}

func numberOf(session *C.ws_session) C.uintptr_t {
	return C.uintptr_t(uintptr(unsafe.Pointer(session)))
}
