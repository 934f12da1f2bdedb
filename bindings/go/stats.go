package ktorws

// #include <ktorws.h>
import "C"

import "time"

// Stats are the numbers of a session. Messages count when they are accepted for sending, and when they are decoded.
type Stats struct {
	MessagesSent, MessagesReceived uint64
	// Payloads, before compression.
	BytesSent, BytesReceived uint64
	// Frames with their headers, control frames included.
	WireSent, WireReceived uint64
	// What was compressed: payloads, and what was made of them.
	CompressedSentBefore, CompressedSentAfter         uint64
	CompressedReceivedBefore, CompressedReceivedAfter uint64
	PingsSent, PingsReceived                          uint64
	PongsSent, PongsReceived                          uint64
	// Of the last ping of PingInterval; 0 before the first one.
	RoundTrip time.Duration
	// What waits, besides what was received ahead for Read.
	IncomingMessages, IncomingBytes uint64
	OutgoingMessages, OutgoingBytes uint64
	// What QueueDropOldest has dropped.
	IncomingDropped, OutgoingDropped uint64
	// How long opening took.
	Resolve, Connect, Proxy, TLS, Handshake time.Duration
	// How often the session has gone on with another connection.
	Reconnects uint64
}

// Stats are the numbers as they are now; of a Conn that is closed, as they were then.
func (c *Conn) Stats() Stats {
	if session, ok := c.session.acquire(); ok {
		defer c.session.release()
		return statsOf(session)
	}
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	return c.session.last
}

func statsOf(session *C.ws_session) Stats {
	var s C.ws_stats
	s.struct_size = C.sizeof_ws_stats
	if C.ws_get_stats(session, &s) != C.WS_OK {
		return Stats{}
	}
	us := func(us C.uint64_t) time.Duration { return time.Duration(us) * time.Microsecond }
	return Stats{
		MessagesSent: uint64(s.messages_sent), MessagesReceived: uint64(s.messages_received),
		BytesSent: uint64(s.payload_sent), BytesReceived: uint64(s.payload_received),
		WireSent: uint64(s.wire_sent), WireReceived: uint64(s.wire_received),
		CompressedSentBefore:     uint64(s.compressed_sent_before),
		CompressedSentAfter:      uint64(s.compressed_sent_after),
		CompressedReceivedBefore: uint64(s.compressed_received_before),
		CompressedReceivedAfter:  uint64(s.compressed_received_after),
		PingsSent:                uint64(s.pings_sent), PingsReceived: uint64(s.pings_received),
		PongsSent: uint64(s.pongs_sent), PongsReceived: uint64(s.pongs_received),
		RoundTrip:        us(s.last_rtt_us),
		IncomingMessages: uint64(s.incoming_messages), IncomingBytes: uint64(s.incoming_bytes),
		OutgoingMessages: uint64(s.outgoing_messages), OutgoingBytes: uint64(s.outgoing_bytes),
		IncomingDropped: uint64(s.incoming_dropped), OutgoingDropped: uint64(s.outgoing_dropped),
		Resolve: us(s.resolve_us), Connect: us(s.connect_us), Proxy: us(s.proxy_us), TLS: us(s.tls_us),
		Handshake:  us(s.handshake_us),
		Reconnects: uint64(s.reconnects),
	}
}
