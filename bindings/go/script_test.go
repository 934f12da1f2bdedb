package ktorws_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// peer is a server's end of a connection, of which a test writes and reads each frame.
type peer struct {
	net.Conn
	in *bufio.Reader
	t  testing.TB
}

// script has a server answer the handshakes, which are counted from 1, and then run a function for each. A refusal is a status
// other than 0.
func script(t testing.TB, refuse func(number int, r *http.Request) int, act func(number int, p *peer)) string {
	var count atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number := int(count.Add(1))
		if refuse != nil {
			if status := refuse(number, r); status != 0 {
				w.Header().Set("X-Refusal", fmt.Sprint(number))
				w.WriteHeader(status)
				return
			}
		}
		conn, in, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
		act(number, &peer{conn, in.Reader, t})
	}))
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}

// header writes the header of a frame: its first byte, FIN and the opcode, and the size of its payload.
func (p *peer) header(first byte, size int) {
	header := []byte{first, 127}
	if size < 126 {
		header[1] = byte(size)
	} else {
		header = binary.BigEndian.AppendUint64(header, uint64(size))
	}
	p.Write(header)
}

func (p *peer) frame(first byte, payload string) {
	p.header(first, len(payload))
	io.WriteString(p, payload)
}

// next reads a frame, unmasked, and reports whether it was masked. At the end of the connection the first byte is 0.
func (p *peer) next() (first byte, payload string, isMasked bool) {
	var head [14]byte
	if _, err := io.ReadFull(p.in, head[:2]); err != nil {
		return 0, "", false
	}
	size := int(head[1] & 127)
	switch size {
	case 126:
		io.ReadFull(p.in, head[2:4])
		size = int(binary.BigEndian.Uint16(head[2:]))
	case 127:
		io.ReadFull(p.in, head[2:10])
		size = int(binary.BigEndian.Uint64(head[2:]))
	}
	var mask [4]byte
	isMasked = head[1]&128 != 0
	if isMasked {
		io.ReadFull(p.in, mask[:])
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(p.in, data); err != nil {
		return 0, "", false
	}
	for i := range data {
		data[i] ^= mask[i%4]
	}
	return head[0], string(data), isMasked
}

// mustGet reads a frame that has to be this one.
func (p *peer) mustGet(first byte, payload string) {
	p.t.Helper()
	if got, data, _ := p.next(); got != first || data != payload {
		p.t.Errorf("the server got %#x %.60q, not %#x %.60q", got, data, first, payload)
	}
}

// drain reads until the connection ends.
func (p *peer) drain() {
	for {
		if first, _, _ := p.next(); first == 0 {
			return
		}
	}
}
