package ktorws

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"unsafe"
)

var shipments = sync.Pool{New: func() interface{} { return new(C.kgo_shipment) }}

// WriteBatch sends messages in their order, as Write does each, with as few system calls and crossings from Go to C as
// possible. It returns how many it has sent, which is all of them unless there is an error: those before it go out, those
// from it on do not. Messages of other goroutines may come between them.
func (c *Conn) WriteBatch(ctx context.Context, messages []Message) (int, error) {
	for _, message := range messages {
		if err := checkType(message.Type); err != nil {
			return 0, err
		}
	}
	shipment := shipments.Get().(*C.kgo_shipment)
	defer shipments.Put(shipment)
	sent := 0
	for sent < len(messages) {
		packed := pack(shipment, messages[sent:])
		if packed == 0 {
			if err := c.Write(ctx, messages[sent].Type, messages[sent].Data); err != nil {
				return sent, err
			}
			sent++
			continue
		}
		err := c.send(ctx, func(session *C.ws_session) Status {
			status := Status(C.kgo_send_many(numberOf(session), shipment))
			sent += int(shipment.accepted)
			if status == ErrTimeout && pack(shipment, messages[sent:]) == 0 {
				return 0
			}
			return status
		})
		if errors.Is(err, ErrUTF8) {
			// The library takes none of them then. Those before the text that is not UTF-8 go out.
			for ; err != nil && sent < len(messages); sent++ {
				if err := c.Write(ctx, messages[sent].Type, messages[sent].Data); err != nil {
					return sent, err
				}
			}
		}
		if err != nil {
			return sent, err
		}
	}
	runtime.KeepAlive(c)
	return sent, nil
}

// pack copies messages, as many as fit, and returns how many these are.
func pack(shipment *C.kgo_shipment, messages []Message) int {
	room := unsafe.Slice((*byte)(&shipment.bytes[0]), len(shipment.bytes))
	at := 0
	for count, message := range messages {
		if count == C.SHIM_OUT || len(message.Data) > len(room)-at {
			shipment.count = C.size_t(count)
			return count
		}
		at += copy(room[at:], message.Data)
		shipment.items[count] = C.kgo_packed{size: C.size_t(len(message.Data)), _type: C.uint32_t(message.Type)}
	}
	shipment.count = C.size_t(len(messages))
	return len(messages)
}
