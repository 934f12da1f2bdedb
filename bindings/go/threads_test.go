package ktorws_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"ktorws.dev/go/ktorws"
)

func threads(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		if strings.HasPrefix(line, "Threads:") {
			count, _ := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "Threads:")))
			return count
		}
	}
	t.Fatal("no number of threads")
	return 0
}

// Go never ends a thread that it has made for a call of C.
func TestManyDialsAtOnceLeaveFewThreads(t *testing.T) {
	before := threads(t)
	var over sync.WaitGroup
	for i := 0; i < 300; i++ {
		over.Add(1)
		go func() {
			defer over.Done()
			c, _, err := ktorws.Dial(patience(t), echoURL, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if err := c.Close(ktorws.StatusNormalClosure, ""); err != nil {
				t.Error(err)
			}
		}()
	}
	over.Wait()
	// The library's own end when they have nothing more to do.
	eventually(t, "few threads", func() bool { return threads(t) < before+40 })
}

// Waiting costs no thread, however many wait and whatever for.
func TestWaitingHoldsNoThread(t *testing.T) {
	const conns = 200
	d, err := ktorws.NewDialer(nil)
	if err != nil {
		t.Fatal(err)
	}
	var over sync.WaitGroup
	all := make([]*ktorws.Conn, conns)
	for i := range all {
		if all[i], _, err = d.Dial(patience(t), echoURL); err != nil {
			t.Fatal(err)
		}
		defer all[i].CloseNow()
	}
	before := threads(t)
	for _, c := range all {
		c := c
		over.Add(1)
		go func() {
			defer over.Done()
			if _, _, err := c.Read(patience(t)); err != nil {
				t.Error(err)
			}
		}()
	}
	runtime.Gosched()
	for _, c := range all {
		if err := c.Ping(patience(t)); err != nil {
			t.Fatal(err)
		}
	}
	if after := threads(t); after > before+20 {
		t.Errorf("%d threads, before %d", after, before)
	}
	for _, c := range all {
		write(t, c, ktorws.MessageText, "on")
	}
	over.Wait()
}
