package ktorws_test

import (
	"crypto/tls"
	"net"
	"net/url"
	"strings"
	"testing"

	"ktorws.dev/go/ktorws"
)

func TestDialerResumesTLS(t *testing.T) {
	d, err := ktorws.NewDialer(&ktorws.DialOptions{TLS: &ktorws.TLS{CAFile: caFile}})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 2; i++ {
		c, _, err := d.Dial(patience(t), secureURL)
		if err != nil {
			t.Fatal(err)
		}
		write(t, c, ktorws.MessageText, "x")
		expect(t, c, ktorws.MessageText, "x")
		c.CloseNow()
		if resumed := c.SessionInfo().TLSResumed; resumed != (i == 1) {
			t.Errorf("session %d: resumed is %v", i, resumed)
		}
	}
}

func TestSessionInfo(t *testing.T) {
	at, err := url.Parse(echoURL)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, echoURL, nil)
	info := c.SessionInfo()
	host, port, err := net.SplitHostPort(info.LocalAddr)
	if err != nil || host != "127.0.0.1" || port == "0" {
		t.Errorf("the local address is %q", info.LocalAddr)
	}
	if info != (ktorws.SessionInfo{LocalAddr: info.LocalAddr, RemoteAddr: at.Host, HTTPVersion: "1.1"}) {
		t.Errorf("%+v", info)
	}
	c.CloseNow()
	if after := c.SessionInfo(); after != info {
		t.Errorf("%+v, before its end %+v", after, info)
	}

	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		info := dial(t, secureURL, &ktorws.DialOptions{
			TLS: &ktorws.TLS{CAFile: caFile, MinVersion: version},
		}).SessionInfo()
		if info.TLSVersion != tls.VersionTLS13 || !strings.HasPrefix(info.CipherSuite, "TLS_AES_") || info.KeyExchange == "" {
			t.Errorf("%+v", info)
		}
	}
}
