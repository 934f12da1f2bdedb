package ktorws_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"syscall"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

func TestNoUTF8Check(t *testing.T) {
	url := script(t, nil, func(_ int, p *peer) {
		p.frame(0x81, "\xff")
		p.drain()
	})
	expect(t, dial(t, url, &ktorws.DialOptions{NoUTF8Check: true}), ktorws.MessageText, "\xff")
	if _, _, err := dial(t, url, nil).Read(patience(t)); !errors.Is(err, ktorws.ErrUTF8) {
		t.Errorf("got %v", err)
	}
}

func TestNoMasking(t *testing.T) {
	masked := make(chan bool, 1)
	url := script(t, nil, func(_ int, p *peer) {
		_, _, isMasked := p.next()
		masked <- isMasked
	})
	for _, options := range []*ktorws.DialOptions{{}, {AllowUnmasked: true}, {AllowUnmasked: true, NoMasking: true}} {
		write(t, dial(t, url, options), ktorws.MessageText, "message")
		if isMasked := <-masked; isMasked == options.NoMasking {
			t.Errorf("%v: masked is %v", options.NoMasking, isMasked)
		}
	}
}

// A server that accepts and says nothing.
func TestTimeoutsOfTheSteps(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	at := listener.Addr().String()
	const short = 20 * time.Millisecond
	for name, try := range map[string]struct {
		url     string
		options ktorws.DialOptions
		phase   ktorws.Phase
	}{
		"TLS":   {"wss://" + at, ktorws.DialOptions{TLSTimeout: short}, ktorws.PhaseTLS},
		"proxy": {"ws://none.invalid", ktorws.DialOptions{ProxyTimeout: short, Proxy: "http://" + at}, ktorws.PhaseProxy},
		"open":  {"ws://" + at, ktorws.DialOptions{OpenTimeout: short}, ktorws.PhaseHandshake},
	} {
		_, _, err := ktorws.Dial(patience(t), try.url, &try.options)
		var status *ktorws.StatusError
		if !errors.As(err, &status) || !status.Timeout() || status.Phase != try.phase {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := dial(t, echoURL, &ktorws.DialOptions{ResolveTimeout: time.Minute})
	write(t, c, ktorws.MessageText, "resolved in time")
}

func TestSocket(t *testing.T) {
	at, err := url.Parse(echoURL)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.Dial("tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ktorws.NewDialer(&ktorws.DialOptions{Socket: socket.(*net.TCPConn)})
	if err != nil {
		t.Fatal(err)
	}
	local := socket.LocalAddr().String()
	socket.Close()
	c, _, err := d.Dial(patience(t), "ws://none.invalid/")
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if got := c.SessionInfo().LocalAddr; got != local {
		t.Errorf("the address is %q, not %q", got, local)
	}
	write(t, c, ktorws.MessageText, "on it")
	expect(t, c, ktorws.MessageText, "on it")
	if _, _, err := d.Dial(patience(t), echoURL); !errors.Is(err, ktorws.ErrState) {
		t.Errorf("got %v", err)
	}
	if _, err := ktorws.NewDialer(&ktorws.DialOptions{Socket: socket.(*net.TCPConn)}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TCP_NODELAY is read from the connection.
func TestNagle(t *testing.T) {
	for _, nagle := range []bool{false, true} {
		c := dial(t, echoURL, &ktorws.DialOptions{Nagle: nagle})
		local, found := c.SessionInfo().LocalAddr, false
		for descriptor := 3; descriptor < 1024 && !found; descriptor++ {
			name, err := syscall.Getsockname(descriptor)
			address, ok := name.(*syscall.SockaddrInet4)
			if err != nil || !ok || (&net.TCPAddr{IP: address.Addr[:], Port: address.Port}).String() != local {
				continue
			}
			found = true
			noDelay, err := syscall.GetsockoptInt(descriptor, syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
			if err != nil || (noDelay == 0) != nagle {
				t.Errorf("TCP_NODELAY is %d: %v", noDelay, err)
			}
		}
		if !found {
			t.Error("the connection does not belong to this process")
		}
	}
}

func authority(t *testing.T) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// The library's authority is the system's only one here.
func TestSystemStore(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", caFile)
	other := authority(t)
	dial(t, secureURL, &ktorws.DialOptions{TLS: &ktorws.TLS{CAPEM: other, SystemStore: true}})
	_, _, err := ktorws.Dial(patience(t), secureURL, &ktorws.DialOptions{TLS: &ktorws.TLS{CAPEM: other}})
	if !errors.Is(err, ktorws.ErrTLSCertificate) {
		t.Errorf("got %v", err)
	}
}

func TestOffersOfCompression(t *testing.T) {
	offers := make(chan []string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		offers <- r.Header["Sec-Websocket-Extensions"]
		w.WriteHeader(403)
	}))
	defer server.Close()
	for want, compression := range map[string]*ktorws.Compression{
		"permessage-deflate; client_max_window_bits":                        {},
		"permessage-deflate":                                                {OmitClientMaxWindowBits: true},
		"permessage-deflate; client_max_window_bits=10, permessage-deflate": {ClientMaxWindowBits: 10, OfferFallback: true},
	} {
		ktorws.Dial(patience(t), server.URL, &ktorws.DialOptions{Compression: compression})
		if got := <-offers; len(got) != 1 || got[0] != want {
			t.Errorf("offered %q, not %q", got, want)
		}
	}
}
