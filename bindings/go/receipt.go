package ktorws

// #include "shim.h"
import "C"

import (
	"sync"
	"unsafe"
)

var receipts = sync.Pool{New: func() interface{} { return new(C.kgo_receipt) }}

// fill takes what the library has.
func (in *inbox) fill() {
	receipt := receipts.Get().(*C.kgo_receipt)
	defer receipts.Put(receipt)
	session, ok := in.session.acquire()
	if !ok {
		in.end(errShut())
		return
	}
	defer in.session.release()
	for in.wantsMore() {
		flush := C.int32_t(0)
		if in.unflushed.Load() != 0 {
			in.unflushed.Store(0)
			flush = 1
		}
		switch status := Status(C.kgo_receive(numberOf(session), in.most, flush, receipt)); status {
		case 0:
			in.unpack(receipt)
		case ErrTimeout:
			in.hasMore = false
			return
		default:
			in.end(endOf(session, status))
			return
		}
	}
}

func (in *inbox) unpack(receipt *C.kgo_receipt) {
	at, bytes := 0, 0
	for i := range receipt.items[:receipt.count] {
		item := &receipt.items[i]
		size := int(item.size)
		bytes += size
		if item.frame != 0 {
			in.put(item, unsafe.Slice((*byte)(C.kgo_payload(item.frame)), size))
			C.kgo_free(item.frame)
		} else {
			in.put(item, unsafe.Slice((*byte)(&receipt.scratch[0]), len(receipt.scratch))[at:at+size])
			at += size
		}
	}
	// Of large messages only the next one: the library bounds those that wait there.
	in.most = 1
	if bytes <= int(receipt.count)*C.SHIM_SMALL {
		in.most = C.SHIM_IN
	}
}

// put takes a copy of a message, or a pong, or an event.
func (in *inbox) put(item *C.kgo_received, data []byte) {
	switch item._type {
	case C.WS_FRAME_PONG:
		if answered, ok := in.pings[string(data)]; ok {
			delete(in.pings, string(data))
			close(answered)
		}
		if !in.delivery.wants(FramePong) {
			return
		}
	case C.WS_FRAME_LOST:
		in.isLost, in.lostBy = true, string(data)
		signal(in.changed)
	case C.WS_FRAME_RESUMED:
		in.isLost = false
		if in.delivery.outages {
			in.outages = append(in.outages, in.lostBy)
		}
		signal(in.changed)
	}
	// A message in parts ends with its connection, so its reader needs the event.
	isEvent := item._type == C.WS_FRAME_LOST || item._type == C.WS_FRAME_RESUMED
	if isEvent && !in.byFrames || in.leaving && in.size() >= C.SHIM_IN {
		return
	}
	own := make([]byte, len(data))
	copy(own, data)
	in.queue = append(in.queue, Frame{FrameType(item._type), own, FrameFlags(item.flags), StatusCode(item.close_code)})
}
