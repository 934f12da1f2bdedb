package ktorws_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"ktorws.dev/go/ktorws"
)

const quickly = time.Millisecond

func TestReconnectFirst(t *testing.T) {
	url := script(t, func(number int, _ *http.Request) int {
		if number <= 2 {
			return http.StatusServiceUnavailable
		}
		return 0
	}, func(_ int, p *peer) { p.drain() })
	var decided []ktorws.Retry
	c := dial(t, url, &ktorws.DialOptions{Reconnect: &ktorws.Reconnect{
		First: true,
		Decide: func(retry ktorws.Retry) ktorws.Retry {
			decided = append(decided, retry)
			retry.Delay = quickly
			return retry
		},
	}})
	if c.State() != ktorws.StateOpen || len(decided) != 2 || c.Stats().Reconnects != 0 {
		t.Fatalf("%v, %+v, %+v", c.State(), decided, c.Stats())
	}
	for i, retry := range decided {
		var refusal *ktorws.HandshakeError
		if retry.Attempt != i+1 || !retry.Try || !errors.As(retry.Why, &refusal) || refusal.Response.StatusCode != 503 {
			t.Errorf("%+v", retry)
		}
	}
}

func TestReconnectFirstGivenUp(t *testing.T) {
	url := script(t, func(int, *http.Request) int { return http.StatusServiceUnavailable }, nil)
	for _, reconnect := range []*ktorws.Reconnect{
		{First: true, MaxAttempts: 3, FirstDelay: quickly, MaxDelay: quickly},
		{FirstDelay: quickly},
	} {
		attempts := 0
		reconnect.Prepare = func(*ktorws.Attempt) { attempts++ }
		_, response, err := ktorws.Dial(patience(t), url, &ktorws.DialOptions{Reconnect: reconnect})
		if !errors.Is(err, ktorws.ErrHandshakeStatus) || response.StatusCode != 503 || attempts != reconnect.MaxAttempts {
			t.Errorf("%d attempts: %v", attempts, err)
		}
	}
}

func TestPrepare(t *testing.T) {
	requests := make(chan *http.Request, 4)
	url := script(t, func(number int, r *http.Request) int {
		requests <- r
		if number == 2 {
			return http.StatusUnauthorized
		}
		return 0
	}, func(number int, p *peer) {
		if number == 1 {
			p.frame(0x88, "\x03\xf4bye")
			p.mustGet(0x88, "\x03\xf4bye")
			return
		}
		p.frame(0x81, "back")
		p.drain()
	})
	var last *ktorws.Attempt
	var seen []ktorws.Attempt
	c := dial(t, url, &ktorws.DialOptions{
		BearerToken: "old",
		Header:      http.Header{"X-Old": {"1"}},
		Reconnect: &ktorws.Reconnect{
			FirstDelay: quickly,
			Decide: func(retry ktorws.Retry) ktorws.Retry {
				return ktorws.Retry{Try: true, Delay: quickly}
			},
			Prepare: func(a *ktorws.Attempt) {
				last = a
				seen = append(seen, ktorws.Attempt{Number: a.Number, Why: a.Why})
				var refusal *ktorws.HandshakeError
				if !errors.As(a.Why, &refusal) {
					return
				}
				for _, err := range []error{
					a.SetURL(url + "/other"), a.SetHeader("Authorization", "Bearer new"), a.DelHeader("X-Old"),
				} {
					if err != nil {
						t.Error(err)
					}
				}
			},
		},
	})
	expect(t, c, ktorws.MessageText, "back")
	for i, want := range []struct{ path, authorization, old string }{
		{"/", "Bearer old", "1"}, {"/", "Bearer old", "1"}, {"/other", "Bearer new", ""},
	} {
		r := <-requests
		if r.URL.Path != want.path || r.Header.Get("Authorization") != want.authorization || r.Header.Get("X-Old") != want.old {
			t.Errorf("request %d: %s %v", i, r.URL, r.Header)
		}
	}
	if len(seen) != 2 || seen[0].Number != 1 || seen[1].Number != 2 {
		t.Fatalf("%+v", seen)
	}
	if code := ktorws.CloseStatus(seen[0].Why); code != ktorws.StatusServiceRestart || !errors.Is(seen[0].Why, ktorws.ErrClosed) {
		t.Errorf("lost by %v", seen[0].Why)
	}
	var refusal *ktorws.HandshakeError
	if !errors.As(seen[1].Why, &refusal) || refusal.Response.StatusCode != 401 || refusal.Response.Header("X-Refusal") != "2" {
		t.Errorf("failed by %v", seen[1].Why)
	}
	if c.URL() != "ws"+url[len("http"):]+"/" {
		t.Errorf("the URL is %q", c.URL())
	}
	if err := last.SetURL(url); !errors.Is(err, ktorws.ErrState) {
		t.Errorf("got %v", err)
	}
}

// A URL or a header that is refused fails the attempt.
func TestPrepareWithWhatIsRefused(t *testing.T) {
	url := script(t, nil, func(_ int, p *peer) {})
	for _, prepare := range []func(a *ktorws.Attempt) error{
		func(a *ktorws.Attempt) error { return a.SetURL("ftp://there/") },
		func(a *ktorws.Attempt) error { return a.SetHeader("Upgrade", "x") },
	} {
		refused := make(chan error, 1)
		c := dial(t, url, &ktorws.DialOptions{Reconnect: &ktorws.Reconnect{
			FirstDelay: quickly,
			Prepare:    func(a *ktorws.Attempt) { refused <- prepare(a) },
		}})
		_, _, err := c.Read(patience(t))
		var why, got *ktorws.StatusError
		if !errors.As(<-refused, &why) || !errors.As(err, &got) || got.Status != why.Status {
			t.Errorf("refused by %v, ended by %v", why, err)
		}
	}
}

func TestMaxRetryAfter(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(503)
	}))
	defer server.Close()
	var delay time.Duration
	_, _, err := ktorws.Dial(patience(t), server.URL, &ktorws.DialOptions{Reconnect: &ktorws.Reconnect{
		First:         true,
		MaxRetryAfter: time.Minute,
		Decide: func(retry ktorws.Retry) ktorws.Retry {
			delay = retry.Delay
			return ktorws.Retry{}
		},
	}})
	if !errors.Is(err, ktorws.ErrHandshakeStatus) || delay != time.Minute {
		t.Errorf("%v: %v", delay, err)
	}
}
