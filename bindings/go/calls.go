package ktorws

import "runtime"

// calls bounds how many goroutines are in the longer calls of the library at once: Go makes a thread for each one that is
// in C for more than a moment, and never ends it. None of these calls waits for a network.
var calls = make(chan struct{}, 4+runtime.NumCPU())

func enter() { calls <- struct{}{} }
func leave() { <-calls }
