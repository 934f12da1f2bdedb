package ktorws_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

func TestSubprotocol(t *testing.T) {
	c := dial(t, echoURL, &ktorws.DialOptions{Subprotocols: []string{"v2.chat", "v1.chat"}})
	if c.Subprotocol() != "v2.chat" {
		t.Errorf("got %q", c.Subprotocol())
	}
}

func TestResponse(t *testing.T) {
	c, response, err := ktorws.Dial(patience(t), echoURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header("upgrade"); !strings.EqualFold(got, "websocket") {
		t.Errorf("got %q", got)
	}
	if got := response.Values("x-none"); got != nil {
		t.Errorf("got %q", got)
	}
	c.CloseNow()
	if got := response.Header("upgrade"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestTLS(t *testing.T) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, settings := range map[string]*ktorws.TLS{
		"a file":          {CAFile: caFile, MinVersion: tls.VersionTLS13},
		"PEM":             {CAPEM: pem, ALPN: []string{}},
		"no verification": {InsecureSkipVerify: true},
	} {
		c, _, err := ktorws.Dial(patience(t), secureURL, &ktorws.DialOptions{TLS: settings})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		write(t, c, ktorws.MessageText, "secret")
		expect(t, c, ktorws.MessageText, "secret")
		c.CloseNow()
	}
	pin := strings.Repeat("A", 43) + "="
	for name, settings := range map[string]*ktorws.TLS{
		"another authority": nil,
		"another name":      {CAFile: caFile, ServerName: "example.org"},
		"another key":       {CAFile: caFile, PinsSHA256: []string{pin}},
	} {
		_, response, err := ktorws.Dial(patience(t), secureURL, &ktorws.DialOptions{TLS: settings})
		var status *ktorws.StatusError
		if !errors.Is(err, ktorws.ErrTLSCertificate) || !errors.As(err, &status) || status.Phase != ktorws.PhaseTLS {
			t.Errorf("%s: %v", name, err)
		}
		if response != nil {
			t.Errorf("%s: %+v", name, response)
		}
	}
}

func TestFailuresToConnect(t *testing.T) {
	for url, want := range map[string]error{
		"":                    ktorws.ErrURL,
		"ftp://127.0.0.1/":    ktorws.ErrURL,
		"ws://127.0.0.1:1/":   ktorws.ErrConnect,
		"ws://none.invalid./": ktorws.ErrResolve,
	} {
		c, response, err := ktorws.Dial(patience(t), url, nil)
		if c != nil || response != nil || !errors.Is(err, want) {
			t.Errorf("%q: %v", url, err)
		}
	}
	_, _, err := ktorws.Dial(patience(t), "ws://127.0.0.1:1/", nil)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %#v", err)
	}
}

func TestRefusedHandshake(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("X-Reason", "one")
		w.Header().Add("X-Reason", "two")
		w.WriteHeader(403)
		w.Write([]byte(r.Header.Get("X-Token") + " is not welcome, " + r.UserAgent()))
	}))
	defer server.Close()
	c, response, err := ktorws.Dial(patience(t), server.URL, &ktorws.DialOptions{
		Header: http.Header{"X-Token": {"secret"}, "User-Agent": {"gopher"}},
	})
	var refusal *ktorws.HandshakeError
	var status *ktorws.StatusError
	if c != nil || !errors.As(err, &refusal) || !errors.As(err, &status) || !errors.Is(err, ktorws.ErrHandshakeStatus) {
		t.Fatalf("got %#v", err)
	}
	if response != refusal.Response || response.StatusCode != 403 || status.Phase != ktorws.PhaseHandshake {
		t.Errorf("%+v %+v", response, status)
	}
	if got := string(response.Body); got != "secret is not welcome, gopher" {
		t.Errorf("the body is %q", got)
	}
	if got := strings.Join(response.Values("x-reason"), " "); got != "one two" || response.Header("X-Reason") != "one" {
		t.Errorf("the header is %q", got)
	}
	if !strings.Contains(err.Error(), "403") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestRedirect(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler(echoURL, http.StatusTemporaryRedirect))
	defer server.Close()
	c := dial(t, server.URL, &ktorws.DialOptions{MaxRedirects: 1})
	if c.URL() != echoURL {
		t.Errorf("the URL is %q", c.URL())
	}
	_, response, err := ktorws.Dial(patience(t), server.URL, nil)
	if !errors.Is(err, ktorws.ErrHandshakeStatus) || response.Header("Location") != echoURL {
		t.Errorf("got %v", err)
	}
}

func TestCredentials(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Get("Authorization"))
		w.Header().Add("WWW-Authenticate", `Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256`)
		w.Header().Add("WWW-Authenticate", `Basic realm="r"`)
		w.WriteHeader(401)
	}))
	defer server.Close()
	try := func(options *ktorws.DialOptions) string {
		mu.Lock()
		seen = nil
		mu.Unlock()
		if _, _, err := ktorws.Dial(patience(t), server.URL, options); !errors.Is(err, ktorws.ErrHandshakeStatus) {
			t.Errorf("got %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(seen, "|")
	}
	if got := try(&ktorws.DialOptions{User: url.UserPassword("Aladdin", "open sesame")}); got != "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" {
		t.Errorf("sent %q", got)
	}
	if got := try(&ktorws.DialOptions{BearerToken: "t0ken"}); got != "Bearer t0ken" {
		t.Errorf("sent %q", got)
	}
	var asked []ktorws.Challenge
	got := try(&ktorws.DialOptions{Auth: func(c ktorws.Challenge) *ktorws.Credentials {
		asked = append(asked, c)
		return map[int]*ktorws.Credentials{
			1: ktorws.Basic("Aladdin", "open sesame"),
			2: ktorws.Bearer("t0ken"),
			3: ktorws.Authorization("Custom x"),
			4: ktorws.Digest("Aladdin", "open sesame"),
		}[c.Attempt]
	}})
	if !strings.HasPrefix(got, "|Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==|Bearer t0ken|Custom x|Digest username=\"Aladdin\"") {
		t.Errorf("sent %q", got)
	}
	if len(asked) != 5 || len(asked[0].Challenges) != 2 || !strings.HasPrefix(asked[0].Challenges[0], "Digest ") {
		t.Errorf("asked %+v", asked)
	}
	if want := strings.Replace(server.URL, "http", "ws", 1) + "/"; asked[0].URL != want {
		t.Errorf("asked by %q", asked[0].URL)
	}
}

func TestCookies(t *testing.T) {
	jar := ktorws.NewCookieJar()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes" + r.Header.Get("Cookie")})
		w.WriteHeader(403)
	}))
	defer server.Close()
	if err := jar.Add(server.URL, "mine=1; Path=/"); err != nil {
		t.Fatal(err)
	}
	ktorws.Dial(patience(t), server.URL, &ktorws.DialOptions{Jar: jar})
	if got, err := jar.Header(server.URL); err != nil || !strings.Contains(got, "seen=yesmine=1") {
		t.Errorf("%q, %v", got, err)
	}
	jar.Clear()
	if got, err := jar.Header(server.URL); err != nil || got != "" {
		t.Errorf("%q, %v", got, err)
	}
	if err := jar.Add(server.URL, "x=1; Domain=example.org"); !errors.Is(err, ktorws.ErrInvalidArgument) {
		t.Errorf("got %v", err)
	}
	if _, err := jar.Header("nonsense"); !errors.Is(err, ktorws.ErrURL) {
		t.Errorf("got %v", err)
	}
}

// A server that takes connections and says nothing.
func listen(t *testing.T) net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

func TestContextsOfDial(t *testing.T) {
	url := "ws://" + listen(t).Addr().String()
	before := descriptors(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := ktorws.Dial(ctx, url, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, _, err := ktorws.Dial(ctx, url, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	_, _, err := ktorws.Dial(patience(t), url, &ktorws.DialOptions{HandshakeTimeout: 20 * time.Millisecond})
	var network net.Error
	if !errors.Is(err, ktorws.ErrTimeout) || !errors.As(err, &network) || !network.Timeout() {
		t.Errorf("got %v", err)
	}
	eventually(t, "the descriptors are closed", func() bool { return descriptors(t) <= before })
	// Its end is nothing to the Conn.
	ctx, cancel = context.WithCancel(context.Background())
	c, _, err := ktorws.Dial(ctx, echoURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	cancel()
	write(t, c, ktorws.MessageText, "still there")
	expect(t, c, ktorws.MessageText, "still there")
}

func TestBadOptions(t *testing.T) {
	for name, options := range map[string]ktorws.DialOptions{
		"Header: Upgrade":     {Header: http.Header{"Upgrade": {"x"}}},
		"Header: X-A":         {Header: http.Header{"X-A": {"a\nb"}}},
		`Header: "a\x00b"`:    {Header: http.Header{"X-A": {"a\x00b"}}},
		"Header: an empty":    {Header: http.Header{"": {"x"}}},
		"Subprotocols":        {Subprotocols: []string{"a b"}},
		"Compression":         {Compression: &ktorws.Compression{Level: 10}},
		"Compression: {Level": {Compression: &ktorws.Compression{Level: -1}},
		"Incoming":            {Incoming: ktorws.Queue{Messages: -1}},
		"Outgoing":            {Outgoing: ktorws.Queue{Bytes: 1, Full: 7}},
		"AutoFragment":        {AutoFragment: 1},
		"NoMasking":           {NoMasking: true},
		"PartSize":            {PartSize: 1},
		"DeliverControl":      {DeliverControl: 8},
		"DeliverEvents":       {DeliverEvents: 8},
		"MaxRedirects":        {MaxRedirects: 101},
		"MaxRedirects: -1":    {MaxRedirects: -1},
		"Proxy: this URL":     {Proxy: "gopher://user:secret@host"},
		"NoProxy":             {Proxy: "http://host", NoProxy: true},
		"BearerToken":         {BearerToken: "a secret"},
		"User":                {User: url.UserPassword("a:b", "secret")},
		"Resolve":             {Resolve: []ktorws.Resolve{{Host: "a", Addresses: []string{"b"}}}},
		"LocalAddress":        {LocalAddress: "here"},
		"UnixSocket":          {UnixSocket: strings.Repeat("x", 200)},
		"KeepAlive":           {KeepAlive: &ktorws.KeepAlive{Idle: time.Second}},
		"CAFile: /none":       {TLS: &ktorws.TLS{CAFile: "/none"}},
		"CAPEM":               {TLS: &ktorws.TLS{CAPEM: []byte("none")}},
		"CertFile":            {TLS: &ktorws.TLS{CertFile: caFile}},
		"CertPEM":             {TLS: &ktorws.TLS{CertPEM: []byte{}}},
		"PinsSHA256":          {TLS: &ktorws.TLS{PinsSHA256: []string{"AAAA"}}},
		"MinVersion":          {TLS: &ktorws.TLS{MinVersion: tls.VersionTLS11}},
		"ALPN":                {TLS: &ktorws.TLS{ALPN: []string{"h2"}}},
		"Reconnect":           {Reconnect: &ktorws.Reconnect{FirstDelay: -1}},
		"Reconnect.MaxAttem":  {Reconnect: &ktorws.Reconnect{MaxAttempts: -1}},
	} {
		_, err := ktorws.NewDialer(&options)
		if err == nil || !strings.Contains(err.Error(), "the option "+name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := ktorws.Dial(patience(t), echoURL, &ktorws.DialOptions{
		Outgoing:  ktorws.Queue{Full: ktorws.QueueDropOldest},
		Reconnect: &ktorws.Reconnect{KeepUnsent: true},
	})
	if !errors.Is(err, ktorws.ErrInvalidArgument) {
		t.Errorf("got %v", err)
	}
}

func TestUserAgent(t *testing.T) {
	sent := make(chan []string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent <- r.Header["User-Agent"]
		w.WriteHeader(403)
	}))
	defer server.Close()
	ktorws.Dial(patience(t), server.URL, nil)
	if got := <-sent; len(got) != 1 || got[0] != "ktorws/"+ktorws.Version() {
		t.Errorf("got %q", got)
	}
	ktorws.Dial(patience(t), server.URL, &ktorws.DialOptions{Header: http.Header{"User-Agent": {}}})
	if got := <-sent; got != nil {
		t.Errorf("got %q", got)
	}
}

func TestResolve(t *testing.T) {
	at, err := url.Parse(echoURL)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, "ws://none.invalid:"+at.Port()+"/", &ktorws.DialOptions{
		Resolve:   []ktorws.Resolve{{Host: "none.invalid", Addresses: []string{"127.0.0.1"}}},
		KeepAlive: &ktorws.KeepAlive{Idle: time.Minute, Interval: time.Second, Count: 3},
		NoProxy:   true,
	})
	write(t, c, ktorws.MessageText, "there")
	expect(t, c, ktorws.MessageText, "there")
}

func TestLog(t *testing.T) {
	var mu sync.Mutex
	var lines bytes.Buffer
	err := ktorws.SetLogger(ktorws.LogInfo, func(level ktorws.LogLevel, session uint64, line string) {
		mu.Lock()
		defer mu.Unlock()
		lines.WriteString(line + "\n")
	})
	if err != nil {
		t.Fatal(err)
	}
	dial(t, echoURL, nil).CloseNow()
	if err := ktorws.SetLogger(ktorws.LogOff, nil); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(lines.String(), "open") {
		t.Errorf("the log is %q", lines.String())
	}
	if err := ktorws.SetLogger(99, func(ktorws.LogLevel, uint64, string) {}); !errors.Is(err, ktorws.ErrInvalidArgument) {
		t.Errorf("got %v", err)
	}
}
