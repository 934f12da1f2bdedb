package ktorws

// #include <ktorws.h>
import "C"

import "fmt"

// SessionInfo is what is known about a connection.
type SessionInfo struct {
	// LocalAddr and RemoteAddr are an address and a port, "127.0.0.1:40000" or "[::1]:40000"; for a Unix socket its path.
	// Behind a proxy RemoteAddr is the proxy.
	LocalAddr, RemoteAddr string
	// Proxy is its URL without credentials; "" without a proxy.
	Proxy string
	// HTTPVersion is that of the handshake, "1.1".
	HTTPVersion string
	// TLSVersion is tls.VersionTLS12 or tls.VersionTLS13; 0 without TLS, and then what follows is empty.
	TLSVersion uint16
	// CipherSuite and KeyExchange have the names of the IANA registry, "TLS_AES_128_GCM_SHA256" and "X25519".
	CipherSuite, KeyExchange string
	// ALPN is the protocol that the server chose, "" if none.
	ALPN string
	// TLSResumed says that a TLS session of an earlier connection was resumed.
	TLSResumed bool
}

// SessionInfo is what is known about the connection as it is now, with Reconnect the latest one; of a Conn that is closed, as
// it was then.
func (c *Conn) SessionInfo() SessionInfo {
	if session, ok := c.session.acquire(); ok {
		defer c.session.release()
		return sessionInfoOf(session)
	}
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.session.lastInfo
}

func sessionInfoOf(session *C.ws_session) SessionInfo {
	var info C.ws_session_info
	info.struct_size = C.sizeof_ws_session_info
	if C.ws_get_session_info(session, &info) != C.WS_OK {
		return SessionInfo{}
	}
	return SessionInfo{
		LocalAddr:   C.GoString(&info.local_address[0]),
		RemoteAddr:  C.GoString(&info.peer_address[0]),
		Proxy:       C.GoString(&info.proxy[0]),
		HTTPVersion: fmt.Sprintf("%d.%d", info.http_version>>8, info.http_version&0xff),
		TLSVersion:  uint16(info.tls_version),
		CipherSuite: C.GoString(&info.tls_cipher_suite[0]),
		KeyExchange: C.GoString(&info.tls_key_exchange_group[0]),
		ALPN:        C.GoString(&info.alpn[0]),
		TLSResumed:  info.tls_resumed != 0,
	}
}
