package ktorws_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

func expectFrame(t testing.TB, c *ktorws.Conn, want ktorws.Frame) {
	t.Helper()
	got, err := c.ReadFrame(patience(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.Type != want.Type || string(got.Data) != string(want.Data) || got.Flags != want.Flags || got.CloseCode != want.CloseCode {
		t.Fatalf("%+v came, not %+v", got, want)
	}
}

func frame(typ ktorws.FrameType, text string, flags ktorws.FrameFlags) ktorws.Frame {
	return ktorws.Frame{Type: typ, Data: []byte(text), Flags: flags}
}

func TestRaw(t *testing.T) {
	done := make(chan bool)
	url := script(t, nil, func(_ int, p *peer) {
		defer close(done)
		p.frame(0x89, "ping")
		p.frame(0x01, "he")
		p.frame(0x80, "llo")
		p.frame(0xf2, "reserved")
		p.mustGet(0x8a, "pong")
		p.mustGet(0x01, "by ")
		p.mustGet(0x80, "hand")
		p.frame(0x88, "\x0f\xa1bye")
		p.mustGet(0x88, "\x0f\xa1bye")
	})
	c := dial(t, url, &ktorws.DialOptions{Raw: true})
	expectFrame(t, c, frame(ktorws.FramePing, "ping", 0))
	expectFrame(t, c, frame(ktorws.FrameText, "he", ktorws.FlagMore))
	expectFrame(t, c, frame(ktorws.FrameText, "llo", 0))
	expectFrame(t, c, frame(ktorws.FrameBinary, "reserved", ktorws.FlagRSV1|ktorws.FlagRSV2|ktorws.FlagRSV3))
	for _, sent := range []ktorws.Frame{
		frame(ktorws.FramePong, "pong", 0),
		frame(ktorws.FrameText, "by ", ktorws.FlagMore),
		frame(ktorws.FrameContinuation, "hand", 0),
	} {
		if err := c.WriteFrame(patience(t), sent); err != nil {
			t.Fatal(err)
		}
	}
	closed := ktorws.Frame{Type: ktorws.FrameClose, Data: []byte("bye"), CloseCode: 4001}
	expectFrame(t, c, closed)
	if err := c.WriteFrame(patience(t), closed); err != nil {
		t.Error(err)
	}
	<-done
	if _, err := c.ReadFrame(patience(t)); ktorws.CloseStatus(err) != 4001 {
		t.Errorf("got %v", err)
	}
}

// Read returns the messages of a raw session whole, and passes over the rest.
func TestReadOfRaw(t *testing.T) {
	url := script(t, nil, func(_ int, p *peer) {
		p.frame(0x01, "\xe2\x82")
		p.frame(0x89, "ping")
		p.frame(0x80, "\xac")
		p.frame(0x82, "next")
		p.drain()
	})
	c := dial(t, url, &ktorws.DialOptions{Raw: true})
	expect(t, c, ktorws.MessageText, "€")
	batch := make([]ktorws.Message, 4)
	if count, err := c.ReadBatch(patience(t), batch); count != 1 || err != nil || string(batch[0].Data) != "next" {
		t.Errorf("%d, %v, %q", count, err, batch[0].Data)
	}
}

func TestStartDefault(t *testing.T) {
	url := script(t, nil, func(_ int, p *peer) {
		p.frame(0x89, "for the application")
		p.mustGet(0x81, "from now on")
		p.frame(0x89, "for the library")
		for i := 0; i < 2; i++ {
			if first, payload, _ := p.next(); first == 0x89 {
				p.frame(0x8a, payload)
			} else if first != 0x8a || payload != "for the library" {
				t.Errorf("the server got %#x %q", first, payload)
			}
		}
		p.frame(0x01, "one ")
		p.frame(0x80, "message")
		p.drain()
	})
	c := dial(t, url, &ktorws.DialOptions{Raw: true})
	expectFrame(t, c, frame(ktorws.FramePing, "for the application", 0))
	if err := c.StartDefault(time.Hour, -1); err != nil {
		t.Fatal(err)
	}
	if interval, timeout := c.Pings(); interval != time.Hour || timeout >= 0 {
		t.Errorf("%v, %v", interval, timeout)
	}
	write(t, c, ktorws.MessageText, "from now on")
	// Its pong is not delivered any more.
	if err := c.Ping(patience(t)); err != nil {
		t.Fatal(err)
	}
	expectFrame(t, c, frame(ktorws.FrameText, "one message", 0))
	if err := c.StartDefault(0, 0); !errors.Is(err, ktorws.ErrState) {
		t.Errorf("got %v", err)
	}
	if err := dial(t, echoURL, nil).StartDefault(0, 0); !errors.Is(err, ktorws.ErrState) {
		t.Errorf("got %v", err)
	}
}

func TestControlFrames(t *testing.T) {
	url := script(t, nil, func(_ int, p *peer) {
		p.frame(0x89, "ping")
		p.frame(0x8a, "pong")
		p.mustGet(0x8a, "ping")
		p.frame(0x81, "message")
		p.frame(0x88, "\x0f\xa0")
		p.mustGet(0x88, "\x0f\xa0")
	})
	all := ktorws.ControlPing | ktorws.ControlPong | ktorws.ControlClose
	c := dial(t, url, &ktorws.DialOptions{DeliverControl: all})
	expectFrame(t, c, frame(ktorws.FramePing, "ping", 0))
	expectFrame(t, c, frame(ktorws.FramePong, "pong", 0))
	expectFrame(t, c, frame(ktorws.FrameText, "message", 0))
	expectFrame(t, c, ktorws.Frame{Type: ktorws.FrameClose, CloseCode: 4000})

	// What was not asked for does not come, and Ping has its pong all the same.
	c = dial(t, echoURL, &ktorws.DialOptions{DeliverControl: ktorws.ControlPing})
	if err := c.Ping(patience(t)); err != nil {
		t.Error(err)
	}
	write(t, c, ktorws.MessageText, "message")
	expectFrame(t, c, frame(ktorws.FrameText, "message", 0))
}

func TestNoAutoPong(t *testing.T) {
	url := script(t, nil, func(_ int, p *peer) {
		p.frame(0x89, "ping")
		p.mustGet(0x81, "message")
		p.mustGet(0x8a, "by hand")
		p.drain()
	})
	c := dial(t, url, &ktorws.DialOptions{NoAutoPong: true, DeliverControl: ktorws.ControlPing})
	expectFrame(t, c, frame(ktorws.FramePing, "ping", 0))
	write(t, c, ktorws.MessageText, "message")
	if err := c.WriteFrame(patience(t), frame(ktorws.FramePong, "by hand", 0)); err != nil {
		t.Error(err)
	}
	if err := c.WriteFrame(patience(t), frame(ktorws.FramePong, strings.Repeat("x", 126), 0)); !errors.Is(err, ktorws.ErrInvalidArgument) {
		t.Errorf("got %v", err)
	}
}

func TestEvents(t *testing.T) {
	url := script(t, nil, func(number int, p *peer) {
		p.frame(0x81, "message")
		if number == 1 {
			p.frame(0x88, "\x03\xf4")
			p.mustGet(0x88, "\x03\xf4")
			return
		}
		p.drain()
	})
	c := dial(t, url, &ktorws.DialOptions{
		DeliverEvents: ktorws.EventOpened | ktorws.EventLost | ktorws.EventResumed,
		Reconnect:     &ktorws.Reconnect{FirstDelay: time.Millisecond},
	})
	expectFrame(t, c, frame(ktorws.FrameOpened, "", 0))
	expectFrame(t, c, frame(ktorws.FrameText, "message", 0))
	lost, err := c.ReadFrame(patience(t))
	if err != nil || lost.Type != ktorws.FrameLost || lost.CloseCode != ktorws.StatusServiceRestart || len(lost.Data) == 0 {
		t.Errorf("%+v, %v", lost, err)
	}
	expectFrame(t, c, frame(ktorws.FrameResumed, "", 0))
	expectFrame(t, c, frame(ktorws.FrameText, "message", 0))
}

func TestFlagsOfWriting(t *testing.T) {
	// Corked messages go out with the next one that is not.
	c := dial(t, echoURL, nil)
	for _, flags := range []ktorws.FrameFlags{ktorws.FlagCork, ktorws.FlagCork | ktorws.FlagNoCompress, 0} {
		if err := c.WriteFrame(patience(t), frame(ktorws.FrameText, "text", flags)); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < 3; i++ {
		expect(t, c, ktorws.MessageText, "text")
	}
	for _, wrong := range []ktorws.Frame{
		frame(ktorws.FrameOpened, "", 0),
		frame(ktorws.FrameText, "", ktorws.FlagRSV1),
		{Type: ktorws.FrameClose, CloseCode: 999},
	} {
		if err := c.WriteFrame(patience(t), wrong); !errors.Is(err, ktorws.ErrInvalidArgument) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if err := c.WriteFrame(patience(t), frame(ktorws.FrameContinuation, "", 0)); !errors.Is(err, ktorws.ErrState) {
		t.Errorf("got %v", err)
	}
}
