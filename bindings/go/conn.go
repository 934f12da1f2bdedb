package ktorws

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Conn is a session with a server. Any number of goroutines may call any of its methods at the same time.
//
// A Conn has to be closed, with Close or CloseNow. One that is forgotten is closed when the garbage collector finds it.
type Conn struct {
	session *handle
	events  *events
	in      *inbox
	// Held while a call waits for room to send, and while a message is sent in fragments.
	sending       chan struct{}
	isFragmenting atomic.Bool
	pings         atomic.Uint64
	assembly      assembly

	subprotocol string
	url         string
	id          uint64
}

// errShut is the error of a Conn that this side has closed.
func errShut() error {
	return &StatusError{Status: ErrAborted, Message: "the Conn is closed", TLSAlert: -1, byUs: true}
}

// newConn makes a Conn of a session that is open, and frees the session when it cannot.
func newConn(session *C.ws_session, e *events) (*Conn, error) {
	descriptor, err := duplicate(C.ws_event_fd(session))
	if err != nil {
		C.ws_session_free(session)
		return nil, err
	}
	h := &handle{session: session}
	in, err := newInbox(h, descriptor, e.dialer.hooks.delivery)
	if err != nil {
		descriptor.Close()
		C.ws_session_free(session)
		return nil, err
	}
	c := &Conn{
		session:     h,
		events:      e,
		in:          in,
		sending:     make(chan struct{}, 1),
		assembly:    assembly{turn: make(chan struct{}, 1)},
		subprotocol: C.GoString(C.ws_subprotocol(session)),
		url:         C.GoString(C.ws_request_url(session)),
		id:          uint64(C.ws_session_id(session)),
	}
	if interval := C.ws_get_ping_interval_ms(session); interval > 0 {
		in.sweepEach(time.Duration(interval) * time.Millisecond)
	}
	if hook := e.dialer.hooks.onReconnect; hook != nil {
		go in.watchOutages(e, hook)
	}
	runtime.SetFinalizer(c, func(c *Conn) { c.CloseNow() })
	return c, nil
}

// duplicate returns a duplicate of a session's descriptor, for Go's netpoller, which closes what it watches. It must be
// closed before the session is freed.
func duplicate(number C.int32_t) (*os.File, error) {
	if number < 0 {
		return nil, statusError(C.WS_ERR_INTERNAL, "the system gives no descriptor to wait with")
	}
	own, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(number), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return nil, os.NewSyscallError("fcntl", errno)
	}
	// os.NewFile leaves a descriptor that can block to blocking reads. This one is never read from.
	if err := syscall.SetNonblock(int(own), true); err != nil {
		syscall.Close(int(own))
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(own, "ktorws"), nil
}

// Subprotocol is the one that the server chose, "" if none.
func (c *Conn) Subprotocol() string { return c.subprotocol }

// URL is what was connected to: that of Dial in its normal form, or where the server has redirected to.
func (c *Conn) URL() string { return c.url }

// Read waits for a message and returns it. What was received before the session ended comes first, then every call
// returns how it ended: a *CloseError after a Close of the server, else a *StatusError.
//
// When ctx is done Read returns its error, no message is lost, and the Conn goes on: the next Read returns what this one
// would have. This is where it differs from github.com/coder/websocket, which closes the connection then.
func (c *Conn) Read(ctx context.Context) (MessageType, []byte, error) {
	defer runtime.KeepAlive(c)
	var message [1]Message
	var err error
	if c.in.byFrames {
		message[0], err = c.readWhole(ctx)
	} else {
		_, err = c.in.receive(ctx, message[:])
	}
	return message[0].Type, message[0].Data, err
}

// ReadBatch waits for a message as Read does, and takes all that are there with it, as many as fit into messages. It
// returns their number, which is 1 with the options that ReadFrame is for.
func (c *Conn) ReadBatch(ctx context.Context, messages []Message) (int, error) {
	if len(messages) == 0 {
		return 0, statusError(C.WS_ERR_INVALID_ARGUMENT, "there is no room for a message")
	}
	defer runtime.KeepAlive(c)
	if c.in.byFrames {
		message, err := c.readWhole(ctx)
		if err != nil {
			return 0, err
		}
		messages[0] = message
		return 1, nil
	}
	return c.in.receive(ctx, messages)
}

// Write sends a message. It returns when the message is in the outgoing queue, which is most often when the kernel has it,
// and waits while that queue is full. A text must be UTF-8.
//
// When ctx is done before there is room, Write returns its error and nothing of the message was sent; the Conn goes on.
// p is not used any more when Write returns. While a Writer of another goroutine is amid its message, Write waits.
func (c *Conn) Write(ctx context.Context, typ MessageType, p []byte) error {
	if err := checkType(typ); err != nil {
		return err
	}
	err := c.send(ctx, func(session *C.ws_session) Status {
		return Status(C.kgo_send(numberOf(session), C.uint32_t(typ), bytesOf(p), C.size_t(len(p)), 0))
	})
	runtime.KeepAlive(c)
	return err
}

func checkType(typ MessageType) error {
	if typ != MessageText && typ != MessageBinary {
		return statusError(C.WS_ERR_INVALID_ARGUMENT, "%v is no type of a message", typ)
	}
	return nil
}

func bytesOf(p []byte) *C.uint8_t {
	if len(p) == 0 {
		return nil
	}
	return (*C.uint8_t)(unsafe.Pointer(&p[0]))
}

// send sends with a function that does not wait, and calls it again whenever there may be room, until there is.
func (c *Conn) send(ctx context.Context, try func(*C.ws_session) Status) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	status, err := c.trySend(try)
	if err != nil || status == 0 {
		return err
	}
	if err := c.takeTurn(ctx); err != nil {
		return err
	}
	defer func() { <-c.sending }()
	return c.sendInTurn(ctx, try)
}

func (c *Conn) takeTurn(ctx context.Context) error {
	select {
	case c.sending <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.in.ended:
		return c.in.err
	}
}

// sendInTurn waits for room. The caller holds the turn.
func (c *Conn) sendInTurn(ctx context.Context, try func(*C.ws_session) Status) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		status, err := c.trySend(try)
		if err != nil || status == 0 {
			return err
		}
		if status == ErrState {
			return statusError(C.WS_ERR_STATE, "no fragment of a message can be sent now")
		}
		select {
		case <-c.events.writable:
		case <-ctx.Done():
			return ctx.Err()
		case <-c.in.ended:
			return c.in.err
		case <-c.events.closed:
		}
	}
}

// trySend returns 0, ErrTimeout, ErrState amid the fragments of another message, or an error.
func (c *Conn) trySend(try func(*C.ws_session) Status) (Status, error) {
	session, ok := c.session.acquire()
	if !ok {
		return 0, errShut()
	}
	defer c.session.release()
	status := try(session)
	if c.in.unflushed.Add(1)%sweepEvery == 0 {
		c.in.sweep()
	}
	switch status {
	case 0, ErrTimeout, ErrState:
		return status, nil
	case ErrUTF8:
		// A session also ends with it, after a text of the server.
		if why := C.ws_session_error(session); why == nil || Status(C.ws_error_status(why)) != ErrUTF8 {
			return 0, statusError(C.WS_ERR_UTF8, "a text is not UTF-8")
		}
	}
	return 0, endOf(session, status)
}

// The library does not say when there is room for a ping that found none, nor when everything is sent.
const pingRetry = 20 * time.Millisecond

// Ping sends a ping and waits for the pong. Nobody has to read meanwhile; but a pong that comes behind more messages than
// are received ahead is not seen before these are read. One that a connection was lost with (Reconnect) has no pong.
//
// To find dead connections, DialOptions has PingInterval.
func (c *Conn) Ping(ctx context.Context) error {
	defer runtime.KeepAlive(c)
	payload := binary.BigEndian.AppendUint64(nil, c.pings.Add(1))
	answered := make(chan struct{})
	c.in.expect(string(payload), answered)
	defer c.in.forget(string(payload))
	err := c.sendControl(ctx, func(session *C.ws_session) Status {
		return Status(C.kgo_send(numberOf(session), C.WS_FRAME_PING, bytesOf(payload), C.size_t(len(payload)), 0))
	})
	if err != nil {
		return err
	}
	return c.in.awaitPong(ctx, answered)
}

func (c *Conn) sendControl(ctx context.Context, try func(*C.ws_session) Status) error {
	for {
		status, err := c.trySend(try)
		if err != nil || status == 0 {
			return err
		}
		if status == ErrState {
			return statusError(C.WS_ERR_STATE, "the session is not open")
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// pause waits where the library reports nothing to wait for.
func pause(ctx context.Context) error {
	retry := time.NewTimer(pingRetry)
	defer retry.Stop()
	select {
	case <-retry.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close does the closing handshake: it sends a Close with the code and the reason, 123 bytes of UTF-8 at most, behind the
// messages that wait to be sent, waits for the server's, and for the end of the connection. DialOptions.CloseTimeout bounds
// it. Nothing can be sent any more; what has come before the server's Close can still be read, as far as it was received
// ahead.
//
// It returns nil when a Close went both ways, also when the server has begun, and else how the session ended.
func (c *Conn) Close(code StatusCode, reason string) error {
	defer runtime.KeepAlive(c)
	session, ok := c.session.acquire()
	if !ok {
		return errShut()
	}
	defer c.session.release()
	number := C.uint32_t(code)
	if code == StatusNoStatusRcvd {
		number = 0
	}
	text := C.CBytes([]byte(reason))
	defer C.free(text)
	enter()
	status := C.ws_close(session, number, (*C.char)(text), C.size_t(len(reason)))
	leave()
	if status != C.WS_OK {
		return statusError(C.ws_status(status), "no Close can have the code %d and the reason %q", int(code), reason)
	}
	c.in.leave()
	<-c.events.closed
	var info C.ws_close_info
	info.struct_size = C.sizeof_ws_close_info
	if C.ws_get_close_info(session, &info) == C.WS_OK && info.clean == 1 {
		c.shut()
		return nil
	}
	c.shut()
	return c.in.err
}

// CloseNow drops the connection at once, without a Close, and whatever was received and not read. All calls that wait
// return an error that is net.ErrClosed. On a Conn that is closed already it does nothing, so it can be deferred.
func (c *Conn) CloseNow() error {
	if session, ok := c.session.acquire(); ok {
		C.ws_abort(session)
		c.session.release()
		c.in.abandon(errShut())
	}
	c.shut()
	return nil
}

func (c *Conn) shut() {
	// Closing waits until the goroutine that leads has left the netpoller.
	if c.session.shut(func() { c.in.descriptor.Close() }) {
		runtime.SetFinalizer(c, nil)
	}
}

// endOf says how a session ended that has returned this status.
func endOf(session *C.ws_session, status Status) error {
	if why := C.ws_session_error(session); why != nil {
		e := newStatusError(status, why)
		return &e
	}
	var info C.ws_close_info
	info.struct_size = C.sizeof_ws_close_info
	if C.ws_get_close_info(session, &info) != C.WS_OK {
		e := newStatusError(status, nil)
		e.byUs = e.byUs || status == ErrClosed
		return &e
	}
	return &CloseError{
		Code:   StatusCode(info.remote_code),
		Reason: C.GoStringN(info.reason, C.int(info.reason_size)),
		ByPeer: info.initiator == C.WS_CLOSED_BY_REMOTE,
	}
}

var _ net.Error = (*StatusError)(nil)
