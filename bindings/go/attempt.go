package ktorws

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"sync"
	"unsafe"
)

// Attempt is an attempt to connect that Reconnect.Prepare may change. Its methods fail with ErrState once Prepare has
// returned.
type Attempt struct {
	// Number counts from 1 in each outage.
	Number int
	// Why is the error of the attempt before, or for the first one that of the loss: a *StatusError, or a *HandshakeError
	// with the server's answer.
	Why error

	mu      sync.Mutex
	attempt *C.ws_attempt
}

// SetURL connects to another URL in this attempt. If its scheme, host or port differs, the Authorization, Cookie and Host
// headers of the options are not sent. Conn.URL still is the first one.
func (a *Attempt) SetURL(url string) error {
	return a.set(url, func(attempt *C.ws_attempt, url *C.char) C.ws_status {
		return C.ws_attempt_set_url(attempt, url)
	})
}

// SetHeader sets a header of this attempt, for example a new Authorization. It replaces all headers with this name.
func (a *Attempt) SetHeader(name, value string) error {
	return a.set(name, func(attempt *C.ws_attempt, name *C.char) C.ws_status {
		text := C.CString(value)
		defer C.free(unsafe.Pointer(text))
		return C.ws_attempt_set_header(attempt, name, text)
	})
}

// DelHeader removes all headers with this name from this attempt.
func (a *Attempt) DelHeader(name string) error {
	return a.set(name, func(attempt *C.ws_attempt, name *C.char) C.ws_status {
		return C.ws_attempt_set_header(attempt, name, nil)
	})
}

func (a *Attempt) set(first string, set func(attempt *C.ws_attempt, first *C.char) C.ws_status) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.attempt == nil {
		return statusError(C.WS_ERR_STATE, "Prepare has returned")
	}
	text := C.CString(first)
	defer C.free(unsafe.Pointer(text))
	if status := set(a.attempt, text); status != C.WS_OK {
		return statusError(status, "an attempt cannot have this URL or header: %v", Status(status))
	}
	return nil
}

func (a *Attempt) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attempt = nil
}
