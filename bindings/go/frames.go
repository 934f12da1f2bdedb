package ktorws

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/binary"
	"runtime"
	"time"
)

// FrameType is what a Frame is: an opcode of RFC 6455 section 5.2, or an event of the session.
type FrameType uint32

// The types.
const (
	// FrameContinuation continues a message. It is only written: a fragment that is read has the type of its message.
	FrameContinuation FrameType = C.WS_FRAME_CONTINUATION
	FrameText         FrameType = C.WS_FRAME_TEXT
	FrameBinary       FrameType = C.WS_FRAME_BINARY
	// FrameClose has the code in CloseCode and the reason as Data.
	FrameClose FrameType = C.WS_FRAME_CLOSE
	FramePing  FrameType = C.WS_FRAME_PING
	FramePong  FrameType = C.WS_FRAME_PONG
	// FrameOpened comes first of all.
	FrameOpened FrameType = C.WS_FRAME_OPENED
	// FrameLost follows the last message of a connection that is lost. Data says why; CloseCode is the server's code.
	FrameLost FrameType = C.WS_FRAME_LOST
	// FrameResumed precedes the first message of the connection that follows.
	FrameResumed FrameType = C.WS_FRAME_RESUMED
)

// FrameFlags are flags of a Frame, as bits.
type FrameFlags uint32

// The flags.
const (
	// FlagMore says that more fragments, or parts, of the message follow.
	FlagMore FrameFlags = C.WS_FLAG_MORE
	// FlagRSV1, FlagRSV2 and FlagRSV3 are reserved bits, of frames that raw sessions read.
	FlagRSV1 FrameFlags = C.WS_FLAG_RSV1
	FlagRSV2 FrameFlags = C.WS_FLAG_RSV2
	FlagRSV3 FrameFlags = C.WS_FLAG_RSV3
	// FlagNoCompress writes a message without compressing it. Of a message in fragments the first one has it.
	FlagNoCompress FrameFlags = C.WS_SEND_NO_COMPRESS
	// FlagCork says that more messages are written at once, and go out together with this one.
	FlagCork FrameFlags = C.WS_SEND_CORK
)

// Frame is one of ReadFrame and WriteFrame.
type Frame struct {
	Type  FrameType
	Data  []byte
	Flags FrameFlags
	// CloseCode is that of FrameClose and FrameLost; StatusNoStatusRcvd for a Close without one.
	CloseCode StatusCode
}

// ControlFrames are control frames to deliver, as bits.
type ControlFrames uint32

// The control frames.
const (
	ControlPing  ControlFrames = C.WS_CONTROL_PING
	ControlPong  ControlFrames = C.WS_CONTROL_PONG
	ControlClose ControlFrames = C.WS_CONTROL_CLOSE
)

// SessionEvents are events to deliver, as bits.
type SessionEvents uint32

// The events.
const (
	EventOpened  SessionEvents = C.WS_EVENT_OPENED
	EventLost    SessionEvents = C.WS_EVENT_LOST
	EventResumed SessionEvents = C.WS_EVENT_RESUMED
)

// delivery is what comes besides whole messages.
type delivery struct {
	// Whether anything does.
	byFrames bool
	control  ControlFrames
	events   SessionEvents
	// The control frames of a raw session after StartDefault.
	controlThen ControlFrames
	// For OnReconnect.
	outages bool
}

func deliveryOf(o *DialOptions) delivery {
	d := delivery{control: o.DeliverControl, events: o.DeliverEvents, controlThen: o.DeliverControl}
	d.outages = o.Reconnect != nil && o.Reconnect.OnReconnect != nil
	if o.Raw {
		d.control = ControlPing | ControlPong | ControlClose
	}
	d.byFrames = o.PartSize != 0 || d.control != 0 || d.events != 0
	return d
}

// wants reports whether ReadFrame returns frames of this type.
func (d *delivery) wants(kind FrameType) bool {
	switch kind {
	case FramePing:
		return d.control&ControlPing != 0
	case FramePong:
		return d.control&ControlPong != 0
	case FrameClose:
		return d.control&ControlClose != 0
	case FrameOpened:
		return d.events&EventOpened != 0
	case FrameLost:
		return d.events&EventLost != 0
	case FrameResumed:
		return d.events&EventResumed != 0
	}
	return true
}

// ReadFrame waits for a frame and returns it, as Read does with a message: a message, a part of one (PartSize), each frame as
// it came (Raw), and the control frames and events that the options deliver.
func (c *Conn) ReadFrame(ctx context.Context) (Frame, error) {
	defer runtime.KeepAlive(c)
	for {
		frame, err := c.in.receiveFrame(ctx)
		if err != nil || c.in.wants(frame.Type) {
			return frame, err
		}
	}
}

// WriteFrame sends a frame, as Write does a message. A message in fragments begins with FrameText or FrameBinary and
// FlagMore; its other fragments are FrameContinuation, and all but the last have FlagMore. Meanwhile messages of other calls
// wait. A fragment goes out at once.
//
// FramePing and FramePong have at most 125 bytes, and overtake messages that wait. FrameClose does what Close does, without
// waiting.
func (c *Conn) WriteFrame(ctx context.Context, frame Frame) error {
	defer runtime.KeepAlive(c)
	payload := frame.Data
	if frame.Type == FrameClose && frame.CloseCode != StatusNoStatusRcvd {
		payload = append(binary.BigEndian.AppendUint16(nil, uint16(frame.CloseCode)), frame.Data...)
	}
	isMessage := frame.Type == FrameText || frame.Type == FrameBinary
	if frame.Type == FrameContinuation || isMessage && frame.Flags&FlagMore != 0 {
		return c.sendFragment(ctx, frame.Type, payload, frame.Flags)
	}
	try := func(session *C.ws_session) Status {
		return Status(C.kgo_send(numberOf(session), C.uint32_t(frame.Type), bytesOf(payload), C.size_t(len(payload)),
			C.uint32_t(frame.Flags)))
	}
	if isMessage {
		return c.send(ctx, try)
	}
	return c.sendControl(ctx, try)
}

// sendFragment sends a fragment. The first one takes the turn to send, the last one gives it back.
func (c *Conn) sendFragment(ctx context.Context, typ FrameType, p []byte, flags FrameFlags) error {
	isFirst := typ != FrameContinuation
	if isFirst {
		if err := c.takeTurn(ctx); err != nil {
			return err
		}
		c.isFragmenting.Store(true)
	}
	err := c.sendInTurn(ctx, func(session *C.ws_session) Status {
		return Status(C.kgo_send(numberOf(session), C.uint32_t(typ), bytesOf(p), C.size_t(len(p)), C.uint32_t(flags)))
	})
	switch {
	case err == nil && flags&FlagMore == 0, err != nil && isFirst, hasLostMessage(err):
		c.endFragments()
	}
	return err
}

func (c *Conn) endFragments() {
	if c.isFragmenting.CompareAndSwap(true, false) {
		<-c.sending
	}
}

// hasLostMessage reports whether the message of a fragment is gone: with its connection, or because there is none.
func hasLostMessage(err error) bool {
	e, ok := err.(*StatusError)
	return ok && (e.Status == ErrIO || e.Status == ErrState)
}

// StartDefault turns a raw session into a default one, as if DialOptions.Raw had not been set: from the next frame on,
// messages are whole, and pings and the server's Close are answered. The interval of pings is 0 for none; a timeout of 0 is
// twice the interval, negative no limit. ReadFrame returns the frames that were received before as they came.
//
// It fails with ErrState if the session is not raw, has ended, or if a message of the server is not complete.
func (c *Conn) StartDefault(pingInterval, pingTimeout time.Duration) error {
	session, ok := c.session.acquire()
	if !ok {
		return errShut()
	}
	defer c.session.release()
	// The library refuses it while another thread receives.
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if status := C.ws_start_default(session, ms(pingInterval), ms(pingTimeout)); status != C.WS_OK {
		return statusError(C.ws_status(status), "the session cannot become a default one: %v", Status(status))
	}
	c.in.delivery.control = c.in.delivery.controlThen
	c.in.sweepEachLocked(pingInterval)
	return nil
}
