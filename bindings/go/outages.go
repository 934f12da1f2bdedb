package ktorws

// #include "shim.h"
import "C"

import "context"

// watchOutages calls OnReconnect behind each outage. The library reports both ends of an outage among the messages, so during
// one it receives if nobody else does.
func (in *inbox) watchOutages(e *events, onReconnect func(lost error)) {
	isOver := func() bool { return len(in.outages) > 0 }
	for {
		// In this order: when the session is not away any more, the loss can be received, and the new connection follows it.
		isAway := in.isAway()
		in.sweep()
		in.mu.Lock()
		outages := in.outages
		in.outages = nil
		isAway = isAway || in.isLost
		hasEnded := in.err != nil
		in.mu.Unlock()
		for _, message := range outages {
			onReconnect(e.lossOf(message))
		}
		switch {
		case len(outages) > 0:
			// It may be over meanwhile.
		case hasEnded:
			return
		case isAway:
			in.mu.Lock()
			in.wait(context.Background(), isOver, in.changed)
		default:
			select {
			case <-e.lost:
			case <-in.changed:
			case <-in.ended:
			}
		}
	}
}

func (in *inbox) isAway() bool {
	session, ok := in.session.acquire()
	if !ok {
		return false
	}
	defer in.session.release()
	return C.ws_state(session) == C.WS_STATE_CONNECTING
}
