package ktorws

import (
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// DialOptions are the settings of sessions to come. Of all of them the zero value is the default.
type DialOptions struct {
	// Header is sent with the handshake. Host, Origin and User-Agent have one value each; an empty slice as the value of
	// User-Agent sends none.
	Header http.Header
	// Subprotocols are offered, those first that are liked best. Conn.Subprotocol is the one that the server chose.
	Subprotocols []string
	// Compression offers permessage-deflate; nil does not.
	Compression *Compression

	// ReadLimit is the largest message to accept, 64 MiB unless set; negative is no limit.
	ReadLimit int64
	// Incoming bounds the messages that wait to be read: 1,024 of them and 4 MiB unless set. Up to 64 more are received
	// ahead, or one large one.
	Incoming Queue
	// Outgoing bounds those that wait to be sent: 1 MiB unless set.
	Outgoing Queue
	// AutoFragment sends larger messages than this in fragments.
	AutoFragment int
	// NoCoalescing has every message go out before Write returns. Else small ones that follow each other quickly share a
	// system call, with the next Read or some 100 µs later.
	NoCoalescing bool
	// NoUTF8Check delivers texts that are not UTF-8, which else end the session. Texts that are written are always checked.
	NoUTF8Check bool
	// AllowUnmasked allows frames that are not masked, which RFC 6455 forbids and servers refuse, and NoMasking writes such.
	// They are for tests and for peers that agree on it.
	AllowUnmasked, NoMasking bool

	// The next five are for Conn.ReadFrame. Conn.Read and Conn.Reader still return whole messages, and nothing else.

	// PartSize delivers longer messages in parts of at least so many bytes, as they arrive: 1,024 or more; 0 is whole messages.
	// Conn.Reader is for them, too.
	PartSize int
	// DeliverControl are the control frames of the server to deliver; they are still answered.
	DeliverControl ControlFrames
	// DeliverEvents are the events of the session to deliver.
	DeliverEvents SessionEvents
	// NoAutoPong leaves the server's pings to the application, which has to answer them.
	NoAutoPong bool
	// Raw delivers every frame as it came, control frames included, and answers none. Compression and Reconnect are not for
	// it. Conn.StartDefault ends it.
	Raw bool

	// Of the timeouts negative is no limit. The context of Dial bounds them all.

	// ConnectTimeout bounds resolving and connecting; 10 s unless set.
	ConnectTimeout time.Duration
	// HandshakeTimeout bounds the proxy, TLS and the opening handshake together; 15 s unless set.
	HandshakeTimeout time.Duration
	// ResolveTimeout, ProxyTimeout and TLSTimeout bound these steps alone; no limit of their own unless set.
	ResolveTimeout, ProxyTimeout, TLSTimeout time.Duration
	// OpenTimeout bounds a whole opening, also each one of Reconnect; no limit unless set.
	OpenTimeout time.Duration
	// CloseTimeout bounds the closing handshake and the end of the connection; 5 s unless set.
	CloseTimeout time.Duration
	// IdleTimeout ends a session on which nothing has come for as long, with ErrIdleTimeout; no limit unless set.
	IdleTimeout time.Duration

	// PingInterval is how often the server is pinged; 0 is never. Without an answer within PingTimeout, which is twice the
	// interval unless set, the session ends with ErrPingTimeout.
	PingInterval, PingTimeout time.Duration
	// AnyIsAlive counts whatever comes after a ping as its answer, not only the pong.
	AnyIsAlive bool

	TLS *TLS

	// Proxy is a URL: http, https, socks5 or socks5h, with user and password if it wants them. "" takes it from the
	// environment (ws_proxy, http_proxy, wss_proxy, https_proxy, all_proxy, no_proxy).
	Proxy string
	// NoProxy connects directly, whatever the environment says.
	NoProxy bool

	// User is sent as Basic authentication.
	User *url.Userinfo
	// BearerToken is sent as it is (RFC 6750).
	BearerToken string
	// Auth is asked when the server answers 401, for what to try next; nil gives up. Several goroutines may be in it.
	Auth func(Challenge) *Credentials
	// Jar has cookies to send, and takes those that servers set.
	Jar *CookieJar
	// MaxRedirects is how many redirects to follow.
	MaxRedirects int

	// Reconnect has sessions go on with another connection when theirs is lost; nil ends them.
	Reconnect *Reconnect

	// Resolve has addresses for hosts, which are then not looked up.
	Resolve []Resolve
	// LocalAddress is an IP address of this machine to connect from.
	LocalAddress string
	// UnixSocket is a path, or "@" and an abstract name, to connect to in place of the URL's host.
	UnixSocket string
	// Socket is a connected stream socket to open the session on, a *net.TCPConn for example: it is duplicated, and nobody else
	// may use it meanwhile. A Dialer opens one session on it.
	Socket syscall.Conn
	// KeepAlive has the kernel probe silent connections.
	KeepAlive *KeepAlive
	// Nagle has the kernel wait for more before it sends little (no TCP_NODELAY).
	Nagle bool
}

// Compression is how messages are compressed (RFC 7692).
type Compression struct {
	// Level is 1, quickly, to 9, small; 5 unless set.
	Level int
	// MemoryLevel is 1 to 9; 8 unless set.
	MemoryLevel int
	// ClientMaxWindowBits and ServerMaxWindowBits bound the windows, as exponents of two, 8 to 15. A server has to agree to
	// the latter.
	ClientMaxWindowBits, ServerMaxWindowBits int
	// ClientNoContextTakeover and ServerNoContextTakeover compress each message by itself. A server has to agree to the
	// latter.
	ClientNoContextTakeover, ServerNoContextTakeover bool
	// MinSize is how many bytes a message needs to be compressed.
	MinSize int
	// Filter says whether to compress a message, or its first fragment, which it must not keep; nil compresses all. Several
	// goroutines may be in it.
	Filter func(typ MessageType, p []byte) bool
	// OmitClientMaxWindowBits leaves client_max_window_bits out of the offer, and OfferFallback adds an offer without
	// parameters: for servers that decline the usual one.
	OmitClientMaxWindowBits, OfferFallback bool
}

// Queue bounds messages that wait: their number and their bytes. With one of the two 0, it is unbounded; with both, the
// default is meant.
type Queue struct {
	Messages, Bytes int
	Full            QueuePolicy
}

// Resolve says where a host is.
type Resolve struct {
	Host string
	// Port is 0 for any.
	Port uint16
	// Addresses are IP addresses.
	Addresses []string
}

// KeepAlive is TCP's own: probes after Idle of silence, every Interval, Count of them without an answer end the
// connection. Durations are whole seconds.
type KeepAlive struct {
	Idle, Interval time.Duration
	Count          int
}

// TLS are the settings of wss.
type TLS struct {
	// CAFile, CADir and CAPEM have certificates to trust in place of the system's.
	CAFile, CADir string
	CAPEM         []byte
	// SystemStore trusts the system's authorities besides them.
	SystemStore bool
	// CRLFile has lists of revoked certificates.
	CRLFile string
	// CertFile and KeyFile, or CertPEM and KeyPEM, are shown to servers that ask. Without a key it is with the certificate.
	CertFile, KeyFile string
	CertPEM, KeyPEM   []byte
	// PinsSHA256 are hashes of public keys in base64, of which the server's certificate must have one.
	PinsSHA256 []string
	// ServerName is asked for, and must be in the certificate, in place of the URL's host.
	ServerName string
	// InsecureSkipVerify accepts any certificate: whoever sits between can read and change everything.
	InsecureSkipVerify bool
	// InsecureSkipHostname accepts a trusted certificate with any name.
	InsecureSkipHostname bool
	// MinVersion is tls.VersionTLS12, the default, or tls.VersionTLS13.
	MinVersion uint16
	// ALPN are the protocols to offer; "http/1.1" unless set, and none if it is not nil and empty.
	ALPN []string
	// KeyLogFile is for Wireshark.
	KeyLogFile string
}

// Reconnect is how a session goes on when its connection is lost: ktorws.h says when (ws_config_set_reconnect). Meanwhile
// Read and Write wait. Messages that were sent may be lost, and subscriptions and the like have to be made again.
type Reconnect struct {
	// FirstDelay is the time before the first attempt, 500 ms unless set. Each is twice the one before, up to MaxDelay, 30 s
	// unless set, and a random part of it is waited.
	FirstDelay, MaxDelay time.Duration
	// MaxOutage and MaxAttempts end an outage, and the session; 0 is no limit.
	MaxOutage   time.Duration
	MaxAttempts int
	// First tries the first opening again as well, by the same rules. Dial then fails only when no attempt is left.
	First bool
	// MaxRetryAfter bounds the Retry-After of a server that is obeyed; 5 minutes unless set.
	MaxRetryAfter time.Duration
	// KeepUnsent sends what was written and not sent on the next connection.
	KeepUnsent bool
	// Decide has the last word before each attempt: it returns what it was given, or with other values of Try and Delay.
	Decide func(Retry) Retry
	// Prepare is called before each attempt but the very first opening, and may give it another URL and headers: a new token,
	// for example. It must not wait for the Conn.
	Prepare func(*Attempt)
	// OnReconnect is called when there is another connection, with how the one before was lost, behind the messages of the
	// lost connection: when more of them wait than are received ahead, when these are read. Outages without a message between
	// them may be one call. It may use the Conn.
	OnReconnect func(lost error)
}

// Retry is an attempt to reconnect.
type Retry struct {
	// Why is how the connection was lost, or what failed: a *StatusError, or a *HandshakeError with the server's answer.
	Why error
	// Attempt counts from 1.
	Attempt int
	// Try says whether it is made, and Delay when.
	Try   bool
	Delay time.Duration
}

// Challenge is a server's question for credentials.
type Challenge struct {
	// URL is who asks.
	URL string
	// Challenges are its WWW-Authenticate headers.
	Challenges []string
	// Attempt counts from 1. From 2 on the server has not taken the answer before.
	Attempt int
}
