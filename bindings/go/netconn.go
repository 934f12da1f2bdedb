package ktorws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// NetConn makes a net.Conn of a Conn, for protocols that want a stream of bytes: each Write is a message of the type, and
// Read reads the messages one after the other. A message of another type ends it with StatusUnsupportedData. The server's
// Close with StatusNormalClosure or StatusGoingAway is io.EOF; after Close of the net.Conn or of the Conn, Read returns what
// was received before, then an error that is net.ErrClosed. When ctx is done, all calls fail.
//
// A deadline that passes closes nothing and loses nothing. The Conn is not to be read from otherwise.
func NetConn(ctx context.Context, c *Conn, typ MessageType) net.Conn {
	n := &netConn{conn: c, typ: typ, ctx: ctx}
	n.reading.reset(ctx)
	n.writing.reset(ctx)
	return n
}

type netConn struct {
	conn             *Conn
	typ              MessageType
	ctx              context.Context
	reading, writing deadline
	isClosed         atomic.Bool

	mu   sync.Mutex
	rest []byte
}

func (n *netConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.rest) == 0 {
		typ, message, err := n.conn.Read(n.reading.context())
		if err != nil {
			return 0, n.ended(err)
		}
		if typ != n.typ {
			err := fmt.Errorf("ktorws: a message of type %v came, not %v", typ, n.typ)
			n.conn.Close(StatusUnsupportedData, "unexpected type of message")
			return 0, err
		}
		n.rest = message
	}
	count := copy(p, n.rest)
	n.rest = n.rest[count:]
	return count, nil
}

// ended is io.EOF for an ordinary Close of the server, unless this side has closed the net.Conn.
func (n *netConn) ended(err error) error {
	var closed *CloseError
	switch {
	case !errors.As(err, &closed):
		return n.passed(err)
	case n.isClosed.Load() && closed.ByPeer:
		return fmt.Errorf("%w: %v", net.ErrClosed, err)
	case closed.ByPeer && (closed.Code == StatusNormalClosure || closed.Code == StatusGoingAway):
		return io.EOF
	}
	return err
}

func (n *netConn) Write(p []byte) (int, error) {
	if err := n.conn.Write(n.writing.context(), n.typ, p); err != nil {
		return 0, n.passed(err)
	}
	return len(p), nil
}

// passed is os.ErrDeadlineExceeded for a deadline of this net.Conn.
func (n *netConn) passed(err error) error {
	if errors.Is(err, context.Canceled) && n.ctx.Err() == nil {
		return os.ErrDeadlineExceeded
	}
	return err
}

func (n *netConn) Close() error {
	n.isClosed.Store(true)
	return n.conn.Close(StatusNormalClosure, "")
}

func (n *netConn) SetDeadline(t time.Time) error {
	n.reading.set(n.ctx, t)
	n.writing.set(n.ctx, t)
	return nil
}

func (n *netConn) SetReadDeadline(t time.Time) error {
	n.reading.set(n.ctx, t)
	return nil
}

func (n *netConn) SetWriteDeadline(t time.Time) error {
	n.writing.set(n.ctx, t)
	return nil
}

func (n *netConn) LocalAddr() net.Addr  { return address("") }
func (n *netConn) RemoteAddr() net.Addr { return address(n.conn.URL()) }

// address is a URL.
type address string

func (a address) Network() string { return "websocket" }
func (a address) String() string  { return string(a) }

// deadline is a context that ends at a time which can be changed.
type deadline struct {
	mu      sync.Mutex
	current context.Context
	cancel  context.CancelFunc
	timer   *time.Timer
}

func (d *deadline) reset(parent context.Context) { d.current, d.cancel = context.WithCancel(parent) }

func (d *deadline) context() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current
}

func (d *deadline) set(parent context.Context, t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() || d.current.Err() != nil {
		// It has passed, or is about to.
		d.cancel()
		d.reset(parent)
	}
	d.timer = nil
	if t.IsZero() {
		return
	}
	if left := time.Until(t); left > 0 {
		d.timer = time.AfterFunc(left, d.cancel)
	} else {
		d.cancel()
	}
}
