package ktorws_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

func TestFactsOfASession(t *testing.T) {
	c, response, err := ktorws.Dial(patience(t), echoURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if got := c.RequestHeader().Get("User-Agent"); got != "ktorws/"+ktorws.Version() {
		t.Errorf("the User-Agent is %q", got)
	}
	if got := response.Headers(); !strings.EqualFold(got.Get("Upgrade"), "websocket") || got.Get("Sec-Websocket-Accept") == "" {
		t.Errorf("the headers are %q", got)
	}
	if c.State() != ktorws.StateOpen || c.Err() != nil || c.Extensions() != nil {
		t.Errorf("%v, %v, %v", c.State(), c.Err(), c.Extensions())
	}
	if other := dial(t, echoURL, nil); c.ID() == 0 || other.ID() <= c.ID() {
		t.Errorf("the numbers are %d and %d", c.ID(), other.ID())
	}
	if info, ok := c.DeflateInfo(); ok {
		t.Errorf("%+v", info)
	}
	if info, ok := c.CloseInfo(); ok {
		t.Errorf("%+v", info)
	}
	if certificates, err := c.PeerCertificates(); certificates != nil || err != nil {
		t.Errorf("%v, %v", certificates, err)
	}
	c.CloseNow()
	if c.State() != ktorws.StateClosed || c.RequestHeader() != nil || response.Headers() != nil || c.ReadLimit() != 0 {
		t.Errorf("%v, %v", c.State(), c.RequestHeader())
	}
}

func TestPeerCertificates(t *testing.T) {
	c := dial(t, secureURL, &ktorws.DialOptions{TLS: &ktorws.TLS{CAFile: caFile}})
	certificates, err := c.PeerCertificates()
	if err != nil || len(certificates) == 0 || certificates[0].VerifyHostname("localhost") != nil {
		t.Errorf("%v, %v", certificates, err)
	}
}

func TestCloseInfo(t *testing.T) {
	c := dial(t, echoURL+"close/4001/bye", nil)
	c.Read(patience(t))
	if info, ok := c.CloseInfo(); !ok || info.RemoteCode != 4001 || info.Reason != "bye" || info.Initiator != ktorws.ClosedByRemote {
		t.Errorf("%+v", info)
	}
	c = dial(t, echoURL, nil)
	if err := c.Close(4000, "done"); err != nil {
		t.Fatal(err)
	}
	want := ktorws.CloseInfo{LocalCode: 4000, RemoteCode: 4000, Reason: "done", Clean: true, Initiator: ktorws.ClosedByLocal}
	if info, ok := c.CloseInfo(); !ok || info != want {
		t.Errorf("%+v", info)
	}
	c = dial(t, echoURL+"drop", nil)
	c.Read(patience(t))
	info, ok := c.CloseInfo()
	if !ok || info.Initiator != ktorws.ClosedByTransport || info.RemoteCode != ktorws.StatusAbnormalClosure || info.Clean {
		t.Errorf("%+v", info)
	}
	if !errors.Is(c.Err(), ktorws.ErrClosedAbnormally) {
		t.Errorf("got %v", c.Err())
	}
}

// During an outage Err says why.
func TestErrInAnOutage(t *testing.T) {
	decided, goOn := make(chan bool), make(chan bool)
	c := dial(t, echoURL+"drop", &ktorws.DialOptions{Reconnect: &ktorws.Reconnect{
		Decide: func(retry ktorws.Retry) ktorws.Retry {
			decided <- true
			<-goOn
			return ktorws.Retry{}
		},
	}})
	<-decided
	if err := c.Err(); c.State() != ktorws.StateConnecting || !errors.Is(err, ktorws.ErrClosedAbnormally) {
		t.Errorf("%v, %v", c.State(), err)
	}
	close(goOn)
	c.Read(patience(t))
}

func TestLibrary(t *testing.T) {
	if !ktorws.HasFeature("tls") || ktorws.HasFeature("nonsense") {
		t.Error("the features are others")
	}
	dial(t, echoURL, nil)
	if err := ktorws.SetWorkerThreads(4); !errors.Is(err, ktorws.ErrState) {
		t.Errorf("got %v", err)
	}
	for _, wrong := range []int{0, -1, 1025} {
		if err := ktorws.SetWorkerThreads(wrong); err == nil {
			t.Errorf("%d is taken", wrong)
		}
	}
}

func TestSettingsOfASession(t *testing.T) {
	pinged := make(chan bool)
	url := script(t, nil, func(_ int, p *peer) {
		if first, payload, isMasked := p.next(); first == 0x89 && isMasked {
			p.frame(0x8a, payload)
			close(pinged)
		}
		for {
			if first, payload, isMasked := p.next(); first == 0x81 && payload == "bare" {
				if isMasked {
					t.Error("the frame is masked")
				}
				p.frame(0x81, "bare")
			} else if first == 0x89 {
				p.frame(0x8a, payload)
			} else if first == 0 {
				return
			}
		}
	})
	c := dial(t, url, &ktorws.DialOptions{AllowUnmasked: true, ReadLimit: 1000})
	if interval, timeout := c.Pings(); interval != 0 || timeout != 0 {
		t.Errorf("%v, %v", interval, timeout)
	}
	if err := c.SetPings(time.Millisecond, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if interval, timeout := c.Pings(); interval != time.Millisecond || timeout != 10*time.Second {
		t.Errorf("%v, %v", interval, timeout)
	}
	<-pinged
	if err := c.SetPings(0, 0); err != nil {
		t.Error(err)
	}
	if interval, timeout := c.Pings(); interval != 0 || timeout != 10*time.Second {
		t.Errorf("%v, %v", interval, timeout)
	}
	if c.ReadLimit() != 1000 {
		t.Errorf("the limit is %d", c.ReadLimit())
	}
	if err := c.SetReadLimit(-1); err != nil || c.ReadLimit() != -1 {
		t.Errorf("%v, %d", err, c.ReadLimit())
	}
	if err := c.SetMasking(false); err != nil || c.Masking() {
		t.Errorf("%v, %v", err, c.Masking())
	}
	write(t, c, ktorws.MessageText, "bare")
	expect(t, c, ktorws.MessageText, "bare")

	c = dial(t, echoURL, nil)
	if err := c.SetMasking(false); !errors.Is(err, ktorws.ErrState) || !c.Masking() {
		t.Errorf("got %v", err)
	}
}
