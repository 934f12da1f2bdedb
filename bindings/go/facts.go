package ktorws

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"crypto/x509"
	"net/http"
	"unsafe"
)

// State is where a session stands (RFC 6455 section 4.1 and 7.1).
type State int32

// The states.
const (
	// StateConnecting is that of a session whose connection is lost, while another one is being opened.
	StateConnecting State = C.WS_STATE_CONNECTING
	StateOpen       State = C.WS_STATE_OPEN
	StateClosing    State = C.WS_STATE_CLOSING
	StateClosed     State = C.WS_STATE_CLOSED
)

// State is where the session stands now.
func (c *Conn) State() State {
	session, ok := c.session.acquire()
	if !ok {
		return StateClosed
	}
	defer c.session.release()
	return State(C.ws_state(session))
}

// ID is the number of the session in the log, counted from 1 in the process.
func (c *Conn) ID() uint64 { return c.id }

// Err is what ended the session, or during an outage what lost its connection (Reconnect). It is nil while nothing has, after
// a Close from both sides, and once the Conn is closed.
func (c *Conn) Err() error {
	session, ok := c.session.acquire()
	if !ok {
		return nil
	}
	defer c.session.release()
	if why := C.ws_session_error(session); why != nil {
		return newFailure(0, why)
	}
	return nil
}

// RequestHeader are the headers of the handshake as they were sent; nil once the Conn is closed.
func (c *Conn) RequestHeader() http.Header {
	session, ok := c.session.acquire()
	if !ok {
		return nil
	}
	defer c.session.release()
	return headersOf(func(index C.size_t, name, value **C.char) C.int32_t {
		return C.ws_request_header_at(session, index, name, value)
	})
}

// Extension is one that the server has accepted.
type Extension struct {
	Name string
	// Parameters are those that the server chose: "a; b=1", or "".
	Parameters string
}

// Extensions are the extensions of the session, in the order of the server's answer; nil once the Conn is closed.
func (c *Conn) Extensions() []Extension {
	session, ok := c.session.acquire()
	if !ok {
		return nil
	}
	defer c.session.release()
	var all []Extension
	for {
		extension := C.ws_extension_at(session, C.size_t(len(all)))
		if extension == nil {
			return all
		}
		all = append(all, Extension{C.GoString(extension.name), C.GoString(extension.parameters)})
	}
}

// DeflateInfo is what both sides have agreed on for permessage-deflate (RFC 7692 section 7.1).
type DeflateInfo struct {
	// Level is that of this side's compression.
	Level                                            int
	ClientMaxWindowBits, ServerMaxWindowBits         int
	ClientNoContextTakeover, ServerNoContextTakeover bool
}

// DeflateInfo is what was agreed on. It is false if the session is not compressed, and once the Conn is closed.
func (c *Conn) DeflateInfo() (DeflateInfo, bool) {
	session, ok := c.session.acquire()
	if !ok {
		return DeflateInfo{}, false
	}
	defer c.session.release()
	var info C.ws_deflate_info
	info.struct_size = C.sizeof_ws_deflate_info
	if C.ws_get_deflate_info(session, &info) != C.WS_OK {
		return DeflateInfo{}, false
	}
	return DeflateInfo{
		Level:                   int(info.level),
		ClientMaxWindowBits:     int(info.client_max_window_bits),
		ServerMaxWindowBits:     int(info.server_max_window_bits),
		ClientNoContextTakeover: info.client_no_context_takeover != 0,
		ServerNoContextTakeover: info.server_no_context_takeover != 0,
	}, true
}

// PeerCertificates are the server's certificate and those of its chain, as they were sent; none without TLS, and once the Conn
// is closed.
func (c *Conn) PeerCertificates() ([]*x509.Certificate, error) {
	session, ok := c.session.acquire()
	if !ok {
		return nil, nil
	}
	defer c.session.release()
	var all []*x509.Certificate
	for {
		var der *C.uint8_t
		var size C.size_t
		if C.ws_peer_certificate(session, C.size_t(len(all)), &der, &size) == 0 {
			return all, nil
		}
		certificate, err := x509.ParseCertificate(C.GoBytes(unsafe.Pointer(der), C.int(size)))
		if err != nil {
			return nil, err
		}
		all = append(all, certificate)
	}
}

// Initiator is the side that began the end of a session.
type Initiator uint32

// The initiators.
const (
	// ClosedByLocal is this side: Close, CloseNow, or a timeout.
	ClosedByLocal Initiator = C.WS_CLOSED_BY_LOCAL
	// ClosedByRemote is the server, whose Close was the first.
	ClosedByRemote Initiator = C.WS_CLOSED_BY_REMOTE
	// ClosedByProtocol is this side, because the server violated the protocol or a limit.
	ClosedByProtocol Initiator = C.WS_CLOSED_BY_PROTOCOL
	// ClosedByTransport is the connection, which ended without a Close.
	ClosedByTransport Initiator = C.WS_CLOSED_BY_TRANSPORT
)

// CloseInfo is how a session was closed.
type CloseInfo struct {
	// LocalCode is that of our Close, StatusNoStatusRcvd if it had none, 0 if none was sent.
	LocalCode StatusCode
	// RemoteCode and Reason are of the server's Close: StatusNoStatusRcvd if it had none, StatusAbnormalClosure if none came.
	RemoteCode StatusCode
	Reason     string
	// Clean says that both sides have sent a Close.
	Clean     bool
	Initiator Initiator
}

// CloseInfo is how the session was closed, false while it is not.
func (c *Conn) CloseInfo() (CloseInfo, bool) {
	if session, ok := c.session.acquire(); ok {
		defer c.session.release()
		return closeInfoOf(session)
	}
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.session.lastClose, c.session.lastClose != CloseInfo{}
}

func closeInfoOf(session *C.ws_session) (CloseInfo, bool) {
	var info C.ws_close_info
	info.struct_size = C.sizeof_ws_close_info
	if C.ws_get_close_info(session, &info) != C.WS_OK {
		return CloseInfo{}, false
	}
	return CloseInfo{
		LocalCode:  StatusCode(info.local_code),
		RemoteCode: StatusCode(info.remote_code),
		Reason:     C.GoStringN(info.reason, C.int(info.reason_size)),
		Clean:      info.clean != 0,
		Initiator:  Initiator(info.initiator),
	}, true
}

// BufferedAmount is how many bytes wait to be sent, frame headers included.
func (c *Conn) BufferedAmount() int {
	session, ok := c.session.acquire()
	if !ok {
		return 0
	}
	defer c.session.release()
	return int(C.ws_buffered_amount(session))
}

// Flush waits until the kernel has taken everything that was written before. The server need not have received it.
func (c *Conn) Flush(ctx context.Context) error {
	return c.sendControl(ctx, func(session *C.ws_session) Status { return Status(C.ws_flush(session, 0)) })
}
