package ktorws

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// Dialer opens Conns with the same options. They share the trust store, which is read once, and resume each other's TLS
// sessions, so that a program that connects more than once should keep one. It can be used by any number of goroutines.
type Dialer struct {
	config *C.ws_config
	hooks  *hooks
	handle cgo.Handle
}

// hooks are the functions of the options that the library calls.
type hooks struct {
	auth        func(Challenge) *Credentials
	filter      func(MessageType, []byte) bool
	decide      func(Retry) Retry
	prepare     func(*Attempt)
	onReconnect func(error)
	delivery    delivery
}

// NewDialer checks the options, reads the files that they name, and copies them. nil is the defaults.
func NewDialer(options *DialOptions) (*Dialer, error) {
	config := C.ws_config_new()
	if config == nil {
		return nil, statusError(C.WS_ERR_NO_MEMORY, "no memory for the options")
	}
	if options == nil {
		options = &DialOptions{}
	}
	d := &Dialer{config: config, hooks: &hooks{auth: options.Auth, delivery: deliveryOf(options)}}
	if options.Compression != nil {
		d.hooks.filter = options.Compression.Filter
	}
	if r := options.Reconnect; r != nil {
		d.hooks.decide, d.hooks.prepare, d.hooks.onReconnect = r.Decide, r.Prepare, r.OnReconnect
	}
	// The handle is a root of the collector: it knows the hooks, not the Dialer.
	d.handle = cgo.NewHandle(d.hooks)
	runtime.SetFinalizer(d, func(d *Dialer) {
		C.ws_config_free(d.config)
		d.handle.Delete()
	})
	if err := apply(options, config, d.handle); err != nil {
		return nil, err
	}
	return d, nil
}

// Dial opens a session with options of its own; see Dialer.Dial.
func Dial(ctx context.Context, url string, options *DialOptions) (*Conn, *Response, error) {
	d, err := NewDialer(options)
	if err != nil {
		return nil, nil, err
	}
	return d.Dial(ctx, url)
}

// Dial opens a session: it resolves the URL's host, connects, negotiates TLS for wss, and does the opening handshake. URLs
// of ws, wss, http and https are fine. The Response is the server's answer, also of a *HandshakeError.
//
// When ctx is done before the session is open, Dial gives it up and returns ctx's error. Afterwards ctx has no effect on
// the Conn.
func (d *Dialer) Dial(ctx context.Context, url string) (*Conn, *Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("ktorws: dial: %w", err)
	}
	text := C.CString(url)
	defer C.free(unsafe.Pointer(text))
	e := newEvents(d)
	var session *C.ws_session
	enter()
	status := C.kgo_open(d.config, text, C.uintptr_t(cgo.NewHandle(e)), &session)
	leave()
	if status != C.WS_OK {
		return nil, nil, statusError(status, "%v: %s", Status(status), explain(Status(status)))
	}
	select {
	case <-e.opened:
	case <-ctx.Done():
		enter()
		C.ws_abort(session)
		C.ws_session_free(session)
		leave()
		return nil, nil, fmt.Errorf("ktorws: dial: %w", ctx.Err())
	}
	enter()
	defer leave()
	var why *C.ws_error
	if status := C.ws_wait_open(session, 0, &why); status != C.WS_OK {
		C.ws_session_free(session)
		err := newFailure(Status(status), why)
		C.ws_error_free(why)
		if refusal, ok := err.(*HandshakeError); ok {
			return nil, refusal.Response, err
		}
		return nil, nil, err
	}
	code := int(C.ws_response_status(session))
	c, err := newConn(session, e)
	if err != nil {
		return nil, nil, err
	}
	return c, &Response{StatusCode: code, session: c.session}, nil
}

// explain has more words than ws_strerror for what ws_connect_async returns.
func explain(status Status) string {
	if status == ErrInvalidArgument {
		return "the options contradict each other"
	}
	return status.Error()
}
