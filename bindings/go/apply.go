package ktorws

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"math"
	"runtime/cgo"
	"strings"
	"time"
	"unsafe"
)

// QueuePolicy is what happens when a queue is full.
type QueuePolicy uint32

// The policies.
const (
	// QueueWait holds the server back, or has Write wait.
	QueueWait QueuePolicy = C.WS_QUEUE_WAIT
	// QueueClose ends the session with ErrOverflow.
	QueueClose QueuePolicy = C.WS_QUEUE_CLOSE
	// QueueDropOldest drops the oldest messages that wait; Stats counts them.
	QueueDropOldest QueuePolicy = C.WS_QUEUE_DROP_OLDEST
)

// setter hands options to the library. After the first that is refused it does nothing more.
type setter struct {
	config *C.ws_config
	// Strings of C, until all is done.
	strings []unsafe.Pointer
	err     error
}

// apply has the options written to the configuration.
func apply(options *DialOptions, config *C.ws_config, hooks cgo.Handle) error {
	s := &setter{config: config}
	defer func() {
		for _, text := range s.strings {
			C.free(text)
		}
	}()
	s.handshake(options, hooks)
	s.messages(options)
	s.delivery(options)
	s.times(options)
	s.network(options)
	s.credentials(options, hooks)
	if options.TLS != nil {
		s.tls(options.TLS)
	}
	if options.Reconnect != nil {
		s.reconnect(options.Reconnect)
	}
	if why := C.ws_config_error(config); why != nil && s.err == nil {
		refused := newStatusError(0, why)
		return &refused
	}
	return s.err
}

// text is a string of C, NULL for an empty one. One with a NUL in it is refused: C would see less of it.
func (s *setter) text(name, value string) *C.char {
	if strings.IndexByte(value, 0) >= 0 {
		s.check(name, fmt.Sprintf("%q", value), C.WS_ERR_INVALID_ARGUMENT)
		return nil
	}
	if value == "" {
		return nil
	}
	return s.present(value)
}

// present is the same, but never NULL.
func (s *setter) present(value string) *C.char {
	text := C.CString(value)
	s.strings = append(s.strings, unsafe.Pointer(text))
	return text
}

func (s *setter) check(option, value string, status C.ws_status) {
	if status != C.WS_OK && s.err == nil {
		s.err = statusError(status, "the option %s: %s is not possible", option, value)
	}
}

// bytes is a text in memory of C, with its size.
func (s *setter) bytes(value []byte) (*C.char, C.size_t) {
	if value == nil {
		return nil, 0
	}
	text := C.CBytes(value)
	s.strings = append(s.strings, text)
	return (*C.char)(text), C.size_t(len(value))
}

func (s *setter) handshake(o *DialOptions, hooks cgo.Handle) {
	for name, values := range o.Header {
		key := s.text("Header", name)
		if key == nil {
			s.check("Header", "an empty name", C.WS_ERR_INVALID_ARGUMENT)
			return
		}
		if len(values) == 0 {
			s.check("Header", name, C.ws_config_set_header(s.config, key, nil))
		}
		for _, value := range values {
			s.text("Header", value)
			if s.err == nil {
				// The value may be a secret.
				s.check("Header", name, C.ws_config_add_header(s.config, key, s.present(value)))
			}
		}
	}
	for _, name := range o.Subprotocols {
		s.check("Subprotocols", fmt.Sprintf("%q", name), C.ws_config_add_subprotocol(s.config, s.text("Subprotocols", name)))
	}
	if o.Compression != nil {
		s.compression(o.Compression, hooks)
	}
	s.count("MaxRedirects", o.MaxRedirects, func(n C.uint32_t) C.ws_status {
		return C.ws_config_set_max_redirects(s.config, n)
	})
}

func (s *setter) compression(c *Compression, hooks cgo.Handle) {
	options := C.ws_deflate_options{
		struct_size:                C.sizeof_ws_deflate_options,
		level:                      C.uint32_t(c.Level),
		memory_level:               C.uint32_t(c.MemoryLevel),
		client_max_window_bits:     C.uint32_t(c.ClientMaxWindowBits),
		server_max_window_bits:     C.uint32_t(c.ServerMaxWindowBits),
		client_no_context_takeover: number(c.ClientNoContextTakeover),
		server_no_context_takeover: number(c.ServerNoContextTakeover),
		min_size:                   C.size_t(c.MinSize),
	}
	if c.OmitClientMaxWindowBits {
		options.flags |= C.WS_DEFLATE_OMIT_CLIENT_MAX_WINDOW_BITS
	}
	if c.OfferFallback {
		options.flags |= C.WS_DEFLATE_OFFER_FALLBACK
	}
	status := C.kgo_install_deflate(s.config, &options, C.int32_t(number(c.Filter != nil)), C.uintptr_t(hooks))
	s.check("Compression", fmt.Sprintf("%+v", *c), status)
}

func number(is bool) C.uint32_t {
	if is {
		return 1
	}
	return 0
}

// count sets a number that is not 0.
func (s *setter) count(option string, value int, set func(C.uint32_t) C.ws_status) {
	if value == 0 {
		return
	}
	status := C.ws_status(C.WS_ERR_INVALID_ARGUMENT)
	if value > 0 && value <= math.MaxUint32 {
		status = set(C.uint32_t(value))
	}
	s.check(option, fmt.Sprint(value), status)
}

func limitOf(bytes int64) C.uint64_t {
	if bytes < 0 {
		return math.MaxInt64
	}
	return C.uint64_t(bytes)
}

func (s *setter) messages(o *DialOptions) {
	if o.ReadLimit != 0 {
		C.ws_config_set_max_message_size(s.config, limitOf(o.ReadLimit))
		C.ws_config_set_max_frame_size(s.config, limitOf(o.ReadLimit))
	}
	s.queue("Incoming", o.Incoming, 1024, 4<<20, func(messages, bytes C.size_t, policy C.uint32_t) C.ws_status {
		return C.ws_config_set_incoming_queue(s.config, messages, bytes, policy)
	})
	s.queue("Outgoing", o.Outgoing, 0, 1<<20, func(messages, bytes C.size_t, policy C.uint32_t) C.ws_status {
		return C.ws_config_set_outgoing_queue(s.config, messages, bytes, policy)
	})
	s.count("AutoFragment", o.AutoFragment, func(bytes C.uint32_t) C.ws_status {
		return C.ws_config_set_auto_fragment(s.config, C.size_t(bytes))
	})
	if o.NoCoalescing {
		C.ws_config_set_coalescing(s.config, 0)
	}
	if o.NoUTF8Check {
		C.ws_config_set_validate_utf8(s.config, 0)
	}
	C.ws_config_set_allow_unmasked(s.config, C.int32_t(number(o.AllowUnmasked)))
	if o.NoMasking {
		s.check("NoMasking", "without AllowUnmasked", C.ws_config_set_masking(s.config, 0))
	}
}

func (s *setter) delivery(o *DialOptions) {
	s.count("PartSize", o.PartSize, func(bytes C.uint32_t) C.ws_status {
		return C.ws_config_set_deliver_parts(s.config, C.size_t(bytes))
	})
	// Pongs are for Ping.
	control := C.uint32_t(o.DeliverControl) | C.WS_CONTROL_PONG
	s.check("DeliverControl", fmt.Sprint(o.DeliverControl), C.ws_config_set_deliver_control(s.config, control))
	events := o.DeliverEvents
	if o.Reconnect != nil && (o.PartSize != 0 || o.Reconnect.OnReconnect != nil) {
		events |= EventLost | EventResumed
	}
	s.check("DeliverEvents", fmt.Sprint(o.DeliverEvents), C.ws_config_set_deliver_events(s.config, C.uint32_t(events)))
	if o.NoAutoPong {
		C.ws_config_set_auto_pong(s.config, 0)
	}
	if o.Raw {
		C.ws_config_set_raw(s.config, 1)
	}
}

func (s *setter) queue(option string, q Queue, messages, bytes int, set func(C.size_t, C.size_t, C.uint32_t) C.ws_status) {
	if q == (Queue{}) {
		return
	}
	if q.Messages == 0 && q.Bytes == 0 {
		q.Messages, q.Bytes = messages, bytes
	}
	status := C.ws_status(C.WS_ERR_INVALID_ARGUMENT)
	if q.Messages >= 0 && q.Bytes >= 0 {
		status = set(C.size_t(q.Messages), C.size_t(q.Bytes), C.uint32_t(q.Full))
	}
	s.check(option, fmt.Sprintf("%+v", q), status)
}

// ms is a timeout of the library: a part of a millisecond counts as one, and negative as no limit.
func ms(d time.Duration) C.int64_t {
	if d < 0 {
		return -1
	}
	return C.int64_t((d + time.Millisecond - 1) / time.Millisecond)
}

func (s *setter) times(o *DialOptions) {
	if o.ConnectTimeout != 0 {
		C.ws_config_set_connect_timeout_ms(s.config, ms(o.ConnectTimeout))
	}
	if o.HandshakeTimeout != 0 {
		C.ws_config_set_handshake_timeout_ms(s.config, ms(o.HandshakeTimeout))
	}
	if o.ResolveTimeout != 0 {
		C.ws_config_set_resolve_timeout_ms(s.config, ms(o.ResolveTimeout))
	}
	if o.ProxyTimeout != 0 {
		C.ws_config_set_proxy_timeout_ms(s.config, ms(o.ProxyTimeout))
	}
	if o.TLSTimeout != 0 {
		C.ws_config_set_tls_timeout_ms(s.config, ms(o.TLSTimeout))
	}
	if o.OpenTimeout != 0 {
		C.ws_config_set_open_timeout_ms(s.config, ms(o.OpenTimeout))
	}
	if o.CloseTimeout != 0 {
		C.ws_config_set_close_timeout_ms(s.config, ms(o.CloseTimeout))
	}
	if o.IdleTimeout != 0 {
		C.ws_config_set_idle_timeout_ms(s.config, ms(o.IdleTimeout))
	}
	C.ws_config_set_ping_interval_ms(s.config, ms(o.PingInterval))
	if o.PingTimeout != 0 {
		C.ws_config_set_ping_timeout_ms(s.config, ms(o.PingTimeout))
	}
	if o.AnyIsAlive {
		C.ws_config_set_ping_liveness(s.config, C.WS_LIVENESS_ANY)
	}
}
