package ktorws

// #include "shim.h"
import "C"

import "context"

// watchOutages calls OnReconnect behind each outage. The library reports the end of one among the messages, so during an
// outage it receives if nobody else does.
func (in *inbox) watchOutages(e *events, onReconnect func(lost error)) {
	for hasEnded := false; !hasEnded; {
		select {
		case <-e.lost:
			in.awaitConnection()
		case <-in.resumed:
		case <-in.ended:
			hasEnded = true
		}
		for _, message := range in.takeOutages() {
			onReconnect(e.lossOf(message))
		}
	}
}

func (in *inbox) takeOutages() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	outages := in.outages
	in.outages = nil
	return outages
}

// awaitConnection waits until the outage is over, and receives the end of it, unless that is behind messages nobody reads.
func (in *inbox) awaitConnection() {
	isOver := func() bool { return len(in.outages) > 0 }
	for in.isAway() {
		in.mu.Lock()
		if isOver() || in.err != nil {
			in.mu.Unlock()
			return
		}
		if in.wait(context.Background(), isOver, in.resumed) != nil {
			return
		}
	}
	in.sweep()
}

func (in *inbox) isAway() bool {
	session, ok := in.session.acquire()
	if !ok {
		return false
	}
	defer in.session.release()
	return C.ws_state(session) == C.WS_STATE_CONNECTING
}
