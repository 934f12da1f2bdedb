package ktorws

// #include <ktorws.h>
import "C"

import "fmt"

// Status is what went wrong, as a number of the library. It is an error, so that errors.Is(err, ktorws.ErrTimeout) asks
// for it, whatever else the error says.
type Status int32

// The statuses; ktorws.h says more about each.
const (
	ErrInvalidArgument  Status = C.WS_ERR_INVALID_ARGUMENT
	ErrState            Status = C.WS_ERR_STATE
	ErrUnsupported      Status = C.WS_ERR_UNSUPPORTED
	ErrForked           Status = C.WS_ERR_FORKED
	ErrNoMemory         Status = C.WS_ERR_NO_MEMORY
	ErrURL              Status = C.WS_ERR_URL
	ErrResolve          Status = C.WS_ERR_RESOLVE
	ErrConnect          Status = C.WS_ERR_CONNECT
	ErrProxy            Status = C.WS_ERR_PROXY
	ErrProxyAuth        Status = C.WS_ERR_PROXY_AUTH
	ErrTLS              Status = C.WS_ERR_TLS
	ErrTLSCertificate   Status = C.WS_ERR_TLS_CERTIFICATE
	ErrHandshakeStatus  Status = C.WS_ERR_HANDSHAKE_STATUS
	ErrHandshakeInvalid Status = C.WS_ERR_HANDSHAKE_INVALID
	ErrTooManyRedirects Status = C.WS_ERR_TOO_MANY_REDIRECTS
	ErrProtocol         Status = C.WS_ERR_PROTOCOL
	ErrUTF8             Status = C.WS_ERR_UTF8
	ErrFrameTooBig      Status = C.WS_ERR_FRAME_TOO_BIG
	ErrMessageTooBig    Status = C.WS_ERR_MESSAGE_TOO_BIG
	ErrExtension        Status = C.WS_ERR_EXTENSION
	ErrCompression      Status = C.WS_ERR_COMPRESSION
	ErrClosed           Status = C.WS_ERR_CLOSED
	ErrClosedAbnormally Status = C.WS_ERR_CLOSED_ABNORMALLY
	ErrPingTimeout      Status = C.WS_ERR_PING_TIMEOUT
	ErrIO               Status = C.WS_ERR_IO
	ErrIdleTimeout      Status = C.WS_ERR_IDLE_TIMEOUT
	ErrAborted          Status = C.WS_ERR_ABORTED
	ErrTimeout          Status = C.WS_ERR_TIMEOUT
	ErrOverflow         Status = C.WS_ERR_OVERFLOW
	ErrInternal         Status = C.WS_ERR_INTERNAL
)

// Error is a few words on the status.
func (s Status) Error() string { return C.GoString(C.ws_strerror(C.int32_t(s))) }

// String is the status's name in ktorws.h, like "WS_ERR_TIMEOUT".
func (s Status) String() string { return C.GoString(C.ws_status_name(C.int32_t(s))) }

// Phase is how far a session had come when it failed.
type Phase int32

// The phases.
const (
	PhaseNone      Phase = C.WS_PHASE_NONE
	PhaseResolve   Phase = C.WS_PHASE_RESOLVE
	PhaseConnect   Phase = C.WS_PHASE_CONNECT
	PhaseProxy     Phase = C.WS_PHASE_PROXY
	PhaseTLS       Phase = C.WS_PHASE_TLS
	PhaseHandshake Phase = C.WS_PHASE_HANDSHAKE
	PhaseOpen      Phase = C.WS_PHASE_OPEN
)

// MessageType is what a message is.
type MessageType int

// The types.
const (
	// MessageText is UTF-8, which is checked both ways.
	MessageText MessageType = C.WS_FRAME_TEXT
	// MessageBinary is any bytes.
	MessageBinary MessageType = C.WS_FRAME_BINARY
)

func (t MessageType) String() string {
	switch t {
	case MessageText:
		return "MessageText"
	case MessageBinary:
		return "MessageBinary"
	}
	return fmt.Sprintf("MessageType(%d)", int(t))
}

// StatusCode is the code of a Close (RFC 6455 section 7.4). 3000 to 3999 are for libraries and frameworks, 4000 to 4999
// for applications.
type StatusCode int

// The codes of the RFC and the IANA registry.
const (
	StatusNormalClosure   StatusCode = C.WS_CLOSE_NORMAL
	StatusGoingAway       StatusCode = C.WS_CLOSE_GOING_AWAY
	StatusProtocolError   StatusCode = C.WS_CLOSE_PROTOCOL_ERROR
	StatusUnsupportedData StatusCode = C.WS_CLOSE_CANNOT_ACCEPT
	// StatusNoStatusRcvd is never sent: the Close had no code. Close takes it for one without.
	StatusNoStatusRcvd StatusCode = C.WS_CLOSE_NO_STATUS
	// StatusAbnormalClosure is never sent: there was no Close.
	StatusAbnormalClosure         StatusCode = C.WS_CLOSE_ABNORMAL
	StatusInvalidFramePayloadData StatusCode = C.WS_CLOSE_NOT_CONSISTENT
	StatusPolicyViolation         StatusCode = C.WS_CLOSE_VIOLATED_POLICY
	StatusMessageTooBig           StatusCode = C.WS_CLOSE_TOO_BIG
	StatusMandatoryExtension      StatusCode = C.WS_CLOSE_NO_EXTENSION
	StatusInternalError           StatusCode = C.WS_CLOSE_INTERNAL_ERROR
	StatusServiceRestart          StatusCode = C.WS_CLOSE_SERVICE_RESTART
	StatusTryAgainLater           StatusCode = C.WS_CLOSE_TRY_AGAIN_LATER
	StatusBadGateway              StatusCode = C.WS_CLOSE_BAD_GATEWAY
)
