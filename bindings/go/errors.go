package ktorws

// #include <ktorws.h>
import "C"

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"unsafe"
)

// StatusError is an error of the library. errors.Is finds its Status and its Errno; ErrTimeout, ErrPingTimeout and
// ErrIdleTimeout count as timeouts (net.Error), and what fails because this side has closed the Conn is net.ErrClosed.
type StatusError struct {
	Status Status
	// Message is one sentence that says what happened. It holds no credentials.
	Message string
	Phase   Phase
	// Errno is the operating system's error behind it, 0 where there is none.
	Errno syscall.Errno
	// TLSAlert is the description of the TLS alert that the server sent, -1 where it sent none.
	TLSAlert int
	// CloseCode is the code of the server's Close in Retry.Why and Attempt.Why, 0 where the connection was lost otherwise.
	CloseCode StatusCode

	byUs bool
}

func (e *StatusError) Error() string {
	if e.Message == "" {
		return "ktorws: " + e.Status.Error()
	}
	return "ktorws: " + e.Message
}

// Is reports whether target is the error's Status or Errno, or net.ErrClosed for a Conn that this side has closed.
func (e *StatusError) Is(target error) bool {
	switch target := target.(type) {
	case Status:
		return target == e.Status
	case syscall.Errno:
		return e.Errno != 0 && target == e.Errno
	}
	return target == net.ErrClosed && e.byUs
}

// Timeout reports whether something did not happen in time.
func (e *StatusError) Timeout() bool {
	return e.Status == ErrTimeout || e.Status == ErrPingTimeout || e.Status == ErrIdleTimeout
}

// Temporary is there for net.Error, and false.
func (e *StatusError) Temporary() bool { return false }

// HandshakeError says that a server, or a proxy (Phase is PhaseProxy), has answered the handshake with something else
// than yes. It is a StatusError as well.
type HandshakeError struct {
	StatusError
	// Response is the answer.
	Response *Response
}

// Unwrap returns the StatusError.
func (e *HandshakeError) Unwrap() error { return &e.StatusError }

// CloseError says that the session has ended with a Close of the server. errors.Is(err, ktorws.ErrClosed) holds too.
type CloseError struct {
	// Code and Reason are the server's; StatusNoStatusRcvd if it sent none.
	Code   StatusCode
	Reason string
	// ByPeer says that the server began it.
	ByPeer bool
}

func (e *CloseError) Error() string {
	by := "this side"
	if e.ByPeer {
		by = "the server"
	}
	return fmt.Sprintf("ktorws: closed by %s: status = %d and reason = %q", by, int(e.Code), e.Reason)
}

// Is reports whether target is ErrClosed, or net.ErrClosed for a Conn that this side has closed.
func (e *CloseError) Is(target error) bool {
	return target == error(ErrClosed) || target == net.ErrClosed && !e.ByPeer
}

// CloseStatus is the code of a CloseError that err is or wraps, or its StatusError.CloseCode; -1 for any other error.
func CloseStatus(err error) StatusCode {
	var closed *CloseError
	if errors.As(err, &closed) {
		return closed.Code
	}
	var status *StatusError
	if errors.As(err, &status) && status.CloseCode != 0 {
		return status.CloseCode
	}
	return -1
}

// Response is the answer to the handshake: that of a session, or one that refused it.
type Response struct {
	// StatusCode is the HTTP status, 101 for a session.
	StatusCode int
	// Body is that of a refusal, its first 64 KiB at most.
	Body []byte

	session *handle
	// Of a refusal.
	header http.Header
}

// Header is the first value of the header called name, "" where there is none. Those of a session can be had until the
// Conn is closed.
func (r *Response) Header(name string) string {
	if values := r.Values(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Values are all values of the header called name.
func (r *Response) Values(name string) []string { return r.Headers().Values(name) }

// Headers are all headers; the map is the caller's. Those of a session can be had until the Conn is closed.
func (r *Response) Headers() http.Header {
	if r == nil {
		return nil
	}
	if r.session == nil {
		return r.header.Clone()
	}
	session, ok := r.session.acquire()
	if !ok {
		return nil
	}
	defer r.session.release()
	return headersOf(func(index C.size_t, name, value **C.char) C.int32_t {
		return C.ws_response_header_at(session, index, name, value)
	})
}

// headersOf collects what a function of the library returns one by one.
func headersOf(at func(index C.size_t, name, value **C.char) C.int32_t) http.Header {
	all := http.Header{}
	for index := C.size_t(0); ; index++ {
		var name, value *C.char
		if at(index, &name, &value) == 0 {
			return all
		}
		all.Add(C.GoString(name), C.GoString(value))
	}
}

// newStatusError copies an error of the library, or makes one of the status alone.
func newStatusError(status Status, why *C.ws_error) StatusError {
	e := StatusError{Status: status, TLSAlert: -1}
	if why != nil {
		e.Status = Status(C.ws_error_status(why))
		e.Message = C.GoString(C.ws_error_message(why))
		e.Phase = Phase(C.ws_error_phase(why))
		e.Errno = syscall.Errno(C.ws_error_os_errno(why))
		e.TLSAlert = int(C.ws_error_tls_alert(why))
		e.CloseCode = StatusCode(C.ws_error_close_code(why))
	}
	e.byUs = e.Status == ErrAborted
	return e
}

// newFailure copies an error of the library, and with it the answer that refused the handshake.
func newFailure(status Status, why *C.ws_error) error {
	base := newStatusError(status, why)
	code := C.ws_error_http_status(why)
	if code == 0 {
		return &base
	}
	response := &Response{StatusCode: int(code)}
	response.header = headersOf(func(index C.size_t, name, value **C.char) C.int32_t {
		return C.ws_error_http_header_at(why, index, name, value)
	})
	var size C.size_t
	if body := C.ws_error_http_body(why, &size); body != nil {
		response.Body = C.GoBytes(unsafe.Pointer(body), C.int(size))
	}
	return &HandshakeError{base, response}
}

func statusError(status C.ws_status, format string, args ...interface{}) error {
	return &StatusError{Status: Status(status), Message: fmt.Sprintf(format, args...), TLSAlert: -1}
}
