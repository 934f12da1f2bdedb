package ktorws

// #include "shim.h"
import "C"

import (
	"bytes"
	"context"
	"io"
	"net"
)

// assembly is the message that is being read from parts or fragments. The holder of the turn uses it.
type assembly struct {
	turn chan struct{}
	// The parts that a Read has received before its context ended.
	begun *Message
	// The reader whose message has not ended.
	reader *messageReader
}

func (a *assembly) take(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nextPart waits for a message or a part of one, and passes over everything else. It returns io.ErrUnexpectedEOF if the
// connection is lost before.
func (c *Conn) nextPart(ctx context.Context) (Frame, error) {
	for {
		frame, err := c.in.receiveFrame(ctx)
		if err != nil {
			return frame, err
		}
		switch frame.Type {
		case FrameText, FrameBinary:
			return frame, nil
		case FrameLost:
			return frame, io.ErrUnexpectedEOF
		}
	}
}

// readWhole reads a message that may come in parts. A connection that is lost takes the begun message with it.
func (c *Conn) readWhole(ctx context.Context) (Message, error) {
	a := &c.assembly
	if err := a.take(ctx); err != nil {
		return Message{}, err
	}
	defer func() { <-a.turn }()
	if err := c.passOverRest(ctx); err != nil {
		return Message{}, err
	}
	for {
		part, err := c.nextPart(ctx)
		if err == io.ErrUnexpectedEOF {
			a.begun = nil
			continue
		}
		if err != nil {
			return Message{}, err
		}
		if a.begun == nil {
			a.begun = &Message{MessageType(part.Type), part.Data}
		} else {
			a.begun.Data = append(a.begun.Data, part.Data...)
		}
		if part.Flags&FlagMore == 0 {
			message := *a.begun
			a.begun = nil
			return message, nil
		}
	}
}

// passOverRest drops the parts that a Reader has not read.
func (c *Conn) passOverRest(ctx context.Context) error {
	a := &c.assembly
	for a.reader != nil {
		a.reader.isStale = true
		part, err := c.nextPart(ctx)
		if err != nil && err != io.ErrUnexpectedEOF {
			return err
		}
		if err != nil || part.Flags&FlagMore == 0 {
			a.reader = nil
		}
	}
	return nil
}

// Reader waits for a message and returns a reader of it. With DialOptions.PartSize it reads a long message while that arrives;
// else the message is there. ctx bounds the reader, too.
//
// What is not read of a message is dropped by the next Read or Reader. When the connection is lost amid a message (Reconnect),
// the reader returns io.ErrUnexpectedEOF. A reader is used by one goroutine.
func (c *Conn) Reader(ctx context.Context) (MessageType, io.Reader, error) {
	if !c.in.byFrames {
		typ, message, err := c.Read(ctx)
		return typ, bytes.NewReader(message), err
	}
	a := &c.assembly
	if err := a.take(ctx); err != nil {
		return 0, nil, err
	}
	defer func() { <-a.turn }()
	if err := c.passOverRest(ctx); err != nil {
		return 0, nil, err
	}
	if a.begun != nil {
		a.reader = &messageReader{conn: c, ctx: ctx, rest: a.begun.Data, hasMore: true}
		typ := a.begun.Type
		a.begun = nil
		return typ, a.reader, nil
	}
	for {
		part, err := c.nextPart(ctx)
		if err == io.ErrUnexpectedEOF {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		r := &messageReader{conn: c, ctx: ctx, rest: part.Data, hasMore: part.Flags&FlagMore != 0}
		if r.hasMore {
			a.reader = r
		}
		return MessageType(part.Type), r, nil
	}
}

type messageReader struct {
	conn    *Conn
	ctx     context.Context
	rest    []byte
	hasMore bool
	// Another Read or Reader has dropped the rest.
	isStale bool
	err     error
}

func (r *messageReader) Read(p []byte) (int, error) {
	a := &r.conn.assembly
	for len(r.rest) == 0 && r.err == nil {
		if !r.hasMore {
			return 0, io.EOF
		}
		if err := a.take(r.ctx); err != nil {
			return 0, err
		}
		r.next()
		<-a.turn
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	count := copy(p, r.rest)
	r.rest = r.rest[count:]
	return count, nil
}

func (r *messageReader) next() {
	if r.isStale {
		r.err = statusError(C.WS_ERR_STATE, "the rest of the message was dropped by a later Read or Reader")
		return
	}
	part, err := r.conn.nextPart(r.ctx)
	if err != nil {
		// After the end of a context the next call drops the rest.
		if r.ctx.Err() == nil {
			r.conn.assembly.reader = nil
		}
		r.err = err
		return
	}
	r.rest, r.hasMore = part.Data, part.Flags&FlagMore != 0
	if !r.hasMore {
		r.conn.assembly.reader = nil
	}
}

// Writer returns a writer of a message in fragments: each Write sends one, at once, and Close ends the message. From the first
// Write until then messages of other calls wait. ctx bounds the writer. It is used by one goroutine.
//
// A message that cannot be ended, because a Write has failed or ctx is done, ends the session: Close then sends a Close with
// StatusInternalError.
func (c *Conn) Writer(ctx context.Context, typ MessageType) (io.WriteCloser, error) {
	if err := checkType(typ); err != nil {
		return nil, err
	}
	return &messageWriter{conn: c, ctx: ctx, typ: FrameType(typ)}, ctx.Err()
}

type messageWriter struct {
	conn *Conn
	ctx  context.Context
	// Of the next fragment.
	typ      FrameType
	isClosed bool
	err      error
}

func (w *messageWriter) Write(p []byte) (int, error) {
	if w.isClosed {
		return 0, net.ErrClosed
	}
	if w.err != nil || len(p) == 0 {
		return 0, w.err
	}
	if w.err = w.conn.sendFragment(w.ctx, w.typ, p, FlagMore); w.err != nil {
		return 0, w.err
	}
	w.typ = FrameContinuation
	return len(p), nil
}

func (w *messageWriter) Close() error {
	if w.isClosed {
		return net.ErrClosed
	}
	w.isClosed = true
	if w.typ != FrameContinuation {
		if w.err != nil {
			return w.err
		}
		return w.conn.Write(w.ctx, MessageType(w.typ), nil)
	}
	if w.err == nil {
		w.err = w.conn.sendFragment(w.ctx, FrameContinuation, nil, 0)
	}
	if w.err != nil {
		w.conn.breakOff()
	}
	return w.err
}

// breakOff closes a session whose message cannot be completed.
func (c *Conn) breakOff() {
	if session, ok := c.session.acquire(); ok {
		if c.isFragmenting.Load() {
			C.ws_close(session, C.WS_CLOSE_INTERNAL_ERROR, nil, 0)
		}
		c.session.release()
	}
	c.endFragments()
}
