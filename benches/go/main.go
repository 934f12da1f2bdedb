// The clients in Go: the counterpart of benches/c/works.c.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"syscall"
	"time"
)

const (
	burst   = 256
	skipped = 77
)

var sizes = map[string]int{"go-rtt-64": 64, "go-rtt-4k": 4096, "go-burst-64": 64, "go-big-1m": 1 << 20}

// connection is what a client makes. Its functions end the program when something goes wrong.
type connection interface {
	// send sends the same message so many times.
	send(message []byte, count int)
	// receive passes so many messages to check.
	receive(count int)
	close()
}

type client struct {
	name, works, settings string
	open                  func(url string) connection
}

const (
	allWorks   = "go-rtt-64,go-rtt-4k,go-burst-64,go-big-1m"
	batchWorks = "go-burst-64"
)

// clients are filled by those that could be built.
var clients []client

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, "failed: "+format+"\n", arguments...)
	os.Exit(1)
}

func must(err error, doing string) {
	if err != nil {
		fail("%s: %v", doing, err)
	}
}

func pattern(size int) []byte {
	message := make([]byte, size)
	for i := range message {
		message[i] = byte(i*31 + 7)
	}
	return message
}

var expected []byte

func check(message []byte) {
	last := len(expected) - 1
	if len(message) != len(expected) || message[0] != expected[0] || message[last] != expected[last] {
		fail("another message came than was sent")
	}
}

func cpuMicroseconds() float64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage), "getrusage")
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e3
}

func echo(c connection, count, together int, times []float64) {
	for done := 0; done < count; done += together {
		start := time.Now()
		c.send(expected, together)
		c.receive(together)
		if times != nil {
			times[done] = float64(time.Since(start).Nanoseconds()) / 1e3
		}
	}
}

func run(c client, work, url string, count int) {
	expected = pattern(sizes[work])
	together, warmUp := 1, count/10
	least := 200
	if work == "go-big-1m" {
		least = 3
	}
	if warmUp < least {
		warmUp = least
	}
	var times []float64
	if work == "go-burst-64" {
		together = burst
	} else {
		times = make([]float64, count)
	}
	connection := c.open(url)
	echo(connection, warmUp, together, nil)
	cpu, start := cpuMicroseconds(), time.Now()
	echo(connection, count, together, times)
	took, cpu := float64(time.Since(start).Nanoseconds())/1e3, cpuMicroseconds()-cpu
	connection.close()

	metrics := map[string]float64{"msgs_per_s": float64(count) / took * 1e6, "cpu_us_per_msg": cpu / float64(count)}
	if times != nil {
		sort.Float64s(times)
		p50, p99 := times[(count-1)/2], times[(count-1)*99/100]
		metrics["p50_us"], metrics["p99_us"] = p50, p99
		metrics["p50_ms"], metrics["cpu_ms_per_msg"] = p50/1e3, metrics["cpu_us_per_msg"]/1e3
	}
	must(json.NewEncoder(os.Stdout).Encode(metrics), "printing")
}

func main() {
	list := flag.Bool("list", false, "")
	settings := flag.Bool("settings", false, "")
	name := flag.String("client", "", "")
	work := flag.String("work", "", "")
	url := flag.String("url", "", "")
	count := flag.Int("count", 1, "")
	flag.Parse()
	for _, c := range clients {
		switch {
		case *list:
			fmt.Printf("%s\t%s\t%s\n", c.name, os.Args[0], c.works)
		case c.name == *name && *settings:
			fmt.Println(c.settings)
		case c.name == *name:
			if !strings.Contains(","+c.works+",", ","+*work+",") {
				fmt.Fprintln(os.Stderr, "skipped: not a work of this client")
				os.Exit(skipped)
			}
			run(c, *work, *url, *count)
		}
	}
}
