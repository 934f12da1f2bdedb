package ktorws

// #include "shim.h"
import "C"

import "time"

// set changes a setting of a session that is open.
func (c *Conn) set(what string, set func(session *C.ws_session) C.ws_status) error {
	session, ok := c.session.acquire()
	if !ok {
		return errShut()
	}
	defer c.session.release()
	if status := set(session); status != C.WS_OK {
		return statusError(status, "%s is not possible: %v", what, Status(status))
	}
	return nil
}

// SetReadLimit sets the largest message to accept, from the next frame on; negative is no limit. A larger one ends the
// session with StatusMessageTooBig, and Read returns ErrFrameTooBig or ErrMessageTooBig.
func (c *Conn) SetReadLimit(bytes int64) error {
	limit := limitOf(bytes)
	return c.set("the limit", func(session *C.ws_session) C.ws_status {
		if status := C.ws_set_max_message_size(session, limit); status != C.WS_OK {
			return status
		}
		return C.ws_set_max_frame_size(session, limit)
	})
}

// ReadLimit is the largest message to accept, negative for no limit. It is 0 once the Conn is closed.
func (c *Conn) ReadLimit() int64 {
	session, ok := c.session.acquire()
	if !ok {
		return 0
	}
	defer c.session.release()
	message, frame := C.ws_get_max_message_size(session), C.ws_get_max_frame_size(session)
	if frame < message {
		message = frame
	}
	if message == limitOf(-1) {
		return -1
	}
	return int64(message)
}

// SetPings has the server pinged in another interval from now on; 0 is never. A timeout of 0 leaves the timeout as it is, and
// a negative one is no limit.
func (c *Conn) SetPings(interval, timeout time.Duration) error {
	err := c.set("this interval, or timeout,", func(session *C.ws_session) C.ws_status {
		if timeout != 0 {
			if status := C.ws_set_ping_timeout_ms(session, ms(timeout)); status != C.WS_OK {
				return status
			}
		}
		return C.ws_set_ping_interval_ms(session, ms(interval))
	})
	if err == nil {
		c.in.sweepEach(interval)
	}
	return err
}

// Pings is how often the server is pinged, 0 for never, and how long it may take to answer, negative for no limit. Both are 0
// once the Conn is closed.
func (c *Conn) Pings() (interval, timeout time.Duration) {
	session, ok := c.session.acquire()
	if !ok {
		return 0, 0
	}
	defer c.session.release()
	interval = time.Duration(C.ws_get_ping_interval_ms(session)) * time.Millisecond
	return interval, time.Duration(C.ws_get_ping_timeout_ms(session)) * time.Millisecond
}

// SetMasking has frames masked or not, from the next message on. Without masks it needs DialOptions.AllowUnmasked.
func (c *Conn) SetMasking(on bool) error {
	return c.set("to switch masking off without AllowUnmasked", func(session *C.ws_session) C.ws_status {
		return C.ws_set_masking(session, C.int32_t(number(on)))
	})
}

// Masking reports whether frames are masked. It is false once the Conn is closed.
func (c *Conn) Masking() bool {
	session, ok := c.session.acquire()
	if !ok {
		return false
	}
	defer c.session.release()
	return C.ws_get_masking(session) != 0
}
