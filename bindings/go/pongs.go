package ktorws

import "context"

// expect has the channel closed when the pong with this payload comes.
func (in *inbox) expect(payload string, answered chan struct{}) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pings == nil {
		in.pings = make(map[string]chan struct{})
	}
	in.pings[payload] = answered
}

func (in *inbox) forget(payload string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.pings, payload)
}

// awaitPong waits until it has come.
func (in *inbox) awaitPong(ctx context.Context, answered chan struct{}) error {
	isAnswered := func() bool {
		select {
		case <-answered:
			return true
		default:
			return false
		}
	}
	for {
		in.mu.Lock()
		if isAnswered() {
			in.mu.Unlock()
			return nil
		}
		if in.err != nil {
			in.mu.Unlock()
			return in.err
		}
		if err := in.wait(ctx, isAnswered, answered); err != nil {
			return err
		}
	}
}
