package ktorws

// #include "shim.h"
import "C"

import (
	"fmt"
	"math"
	"runtime/cgo"
	"strings"
	"syscall"
	"time"
)

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
	if o.Socket != nil {
		s.socket(o.Socket)
	}
	if o.Nagle {
		C.ws_config_set_tcp_nodelay(s.config, 0)
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

func (s *setter) socket(socket syscall.Conn) {
	raw, err := socket.SyscallConn()
	if err == nil {
		err = raw.Control(func(descriptor uintptr) {
			s.check("Socket", "this one", C.ws_config_set_socket_fd(s.config, C.int32_t(descriptor)))
		})
	}
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("ktorws: the option Socket: %w", err)
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
	if t.SystemStore {
		C.ws_config_set_tls_system_store(s.config, 1)
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
		struct_size:        C.sizeof_ws_reconnect_options,
		first_delay_ms:     ms(r.FirstDelay),
		max_delay_ms:       ms(r.MaxDelay),
		max_outage_ms:      ms(r.MaxOutage),
		max_attempts:       C.uint32_t(r.MaxAttempts),
		max_retry_after_ms: ms(r.MaxRetryAfter),
	}
	if r.KeepUnsent {
		options.flags |= C.WS_RECONNECT_KEEP_UNSENT
	}
	if r.First {
		options.flags |= C.WS_RECONNECT_FIRST
	}
	decides, prepares := number(r.Decide != nil || r.OnReconnect != nil), number(r.Prepare != nil)
	status := C.kgo_set_reconnect(s.config, &options, C.int32_t(decides), C.int32_t(prepares))
	s.check("Reconnect", "a negative time", status)
}
