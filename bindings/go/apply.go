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
	// Pongs are for Ping.
	C.ws_config_set_deliver_control(config, C.WS_CONTROL_PONG)
	s.handshake(options)
	s.messages(options)
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

func (s *setter) handshake(o *DialOptions) {
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
	if c := o.Compression; c != nil {
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
		s.check("Compression", fmt.Sprintf("%+v", *c), C.ws_config_install_deflate(s.config, &options))
	}
	s.count("MaxRedirects", o.MaxRedirects, func(n C.uint32_t) C.ws_status {
		return C.ws_config_set_max_redirects(s.config, n)
	})
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

func (s *setter) network(o *DialOptions) {
	switch {
	case o.NoProxy && o.Proxy != "":
		s.check("NoProxy", "with a Proxy", C.WS_ERR_INVALID_ARGUMENT)
	case o.NoProxy:
		C.ws_config_set_proxy(s.config, nil)
	case o.Proxy != "":
		// It may have a password in it.
		s.check("Proxy", "this URL", C.ws_config_set_proxy(s.config, s.text("Proxy", o.Proxy)))
	}
	for _, r := range o.Resolve {
		for _, address := range r.Addresses {
			host, at := s.text("Resolve", r.Host), s.text("Resolve", address)
			if at == nil {
				s.check("Resolve", "an empty address", C.WS_ERR_INVALID_ARGUMENT)
				return
			}
			s.check("Resolve", r.Host+" is "+address, C.ws_config_add_resolve(s.config, host, C.uint16_t(r.Port), at))
		}
	}
	local := s.text("LocalAddress", o.LocalAddress)
	s.check("LocalAddress", o.LocalAddress, C.ws_config_set_local_address(s.config, local))
	if o.UnixSocket != "" {
		path := s.text("UnixSocket", o.UnixSocket)
		s.check("UnixSocket", o.UnixSocket, C.ws_config_set_unix_socket(s.config, path))
	}
	if k := o.KeepAlive; k != nil {
		seconds := func(d time.Duration) C.uint32_t {
			if d < 0 || d > math.MaxUint32*time.Second {
				return math.MaxUint32
			}
			return C.uint32_t((d + time.Second - 1) / time.Second)
		}
		status := C.ws_config_set_tcp_keepalive(s.config, seconds(k.Idle), seconds(k.Interval), C.uint32_t(k.Count))
		s.check("KeepAlive", fmt.Sprintf("%+v", *k), status)
	}
}

func (s *setter) credentials(o *DialOptions, hooks cgo.Handle) {
	if o.User != nil {
		password, _ := o.User.Password()
		s.text("User", o.User.Username()+password)
		if s.err == nil {
			user, password := s.present(o.User.Username()), s.present(password)
			s.check("User", "this name or password", C.ws_config_set_basic_auth(s.config, user, password))
		}
	}
	if o.BearerToken != "" {
		token := s.text("BearerToken", o.BearerToken)
		s.check("BearerToken", "this token", C.ws_config_set_bearer_token(s.config, token))
	}
	if o.Auth != nil {
		C.kgo_set_auth(s.config, C.uintptr_t(hooks))
	}
	if o.Jar != nil {
		C.ws_config_set_cookie_jar(s.config, o.Jar.jar)
	}
}

func (s *setter) tls(t *TLS) {
	path := func(option, path string, set func(*C.char) C.ws_status) {
		if path != "" {
			if text := s.text(option, path); text != nil {
				s.check(option, path, set(text))
			}
		}
	}
	path("CAFile", t.CAFile, func(path *C.char) C.ws_status { return C.ws_config_add_tls_ca_file(s.config, path) })
	path("CADir", t.CADir, func(path *C.char) C.ws_status { return C.ws_config_add_tls_ca_dir(s.config, path) })
	path("CRLFile", t.CRLFile, func(path *C.char) C.ws_status { return C.ws_config_add_tls_crl_file(s.config, path) })
	path("KeyLogFile", t.KeyLogFile, func(path *C.char) C.ws_status {
		return C.ws_config_set_tls_key_log_file(s.config, path)
	})
	path("ServerName", t.ServerName, func(name *C.char) C.ws_status {
		return C.ws_config_set_tls_server_name(s.config, name)
	})
	path("CertFile", t.CertFile, func(path *C.char) C.ws_status {
		return C.ws_config_set_tls_client_cert_file(s.config, path, s.text("KeyFile", t.KeyFile))
	})
	if pem, size := s.bytes(t.CAPEM); pem != nil {
		s.check("CAPEM", "this text", C.ws_config_add_tls_ca_pem(s.config, pem, size))
	}
	if pem, size := s.bytes(t.CertPEM); pem != nil {
		key, keySize := s.bytes(t.KeyPEM)
		status := C.ws_config_set_tls_client_cert_pem(s.config, pem, size, key, keySize)
		s.check("CertPEM", "this text, or the key's,", status)
	}
	for _, pin := range t.PinsSHA256 {
		path("PinsSHA256", pin, func(pin *C.char) C.ws_status { return C.ws_config_add_tls_pin_sha256(s.config, pin) })
	}
	verify := func(skip bool) C.int32_t { return 1 - C.int32_t(number(skip)) }
	C.ws_config_set_tls_verify(s.config, verify(t.InsecureSkipVerify), verify(t.InsecureSkipHostname))
	if t.MinVersion != 0 {
		status := C.ws_config_set_tls_min_version(s.config, C.uint32_t(t.MinVersion))
		s.check("MinVersion", fmt.Sprintf("%#x", t.MinVersion), status)
	}
	if t.ALPN != nil {
		names := strings.Join(t.ALPN, ",")
		s.check("ALPN", names, C.ws_config_set_tls_alpn(s.config, s.text("ALPN", names)))
	}
}

func (s *setter) reconnect(r *Reconnect) {
	if r.MaxAttempts < 0 {
		s.check("Reconnect.MaxAttempts", fmt.Sprint(r.MaxAttempts), C.WS_ERR_INVALID_ARGUMENT)
		return
	}
	options := C.ws_reconnect_options{
		struct_size:    C.sizeof_ws_reconnect_options,
		first_delay_ms: ms(r.FirstDelay),
		max_delay_ms:   ms(r.MaxDelay),
		max_outage_ms:  ms(r.MaxOutage),
		max_attempts:   C.uint32_t(r.MaxAttempts),
	}
	if r.KeepUnsent {
		options.flags = C.WS_RECONNECT_KEEP_UNSENT
	}
	asks := number(r.Decide != nil || r.OnReconnect != nil)
	s.check("Reconnect", "a negative time", C.kgo_set_reconnect(s.config, &options, C.int32_t(asks)))
	if r.OnReconnect != nil {
		C.ws_config_set_deliver_events(s.config, C.WS_EVENT_LOST|C.WS_EVENT_RESUMED)
	}
}
