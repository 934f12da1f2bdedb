package ktorws

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// Credentials answer a Challenge.
type Credentials struct {
	give func(auth *C.ws_auth) C.ws_status
}

// Basic is a user name and a password (RFC 7617).
func Basic(user, password string) *Credentials {
	return &Credentials{func(auth *C.ws_auth) C.ws_status {
		return withTexts(user, password, func(user, password *C.char) C.ws_status {
			return C.ws_auth_basic(auth, user, password)
		})
	}}
}

// Digest is a digest of a user name and a password (RFC 7616), for the first challenge that asks for one.
func Digest(user, password string) *Credentials {
	return &Credentials{func(auth *C.ws_auth) C.ws_status {
		return withTexts(user, password, func(user, password *C.char) C.ws_status {
			return C.ws_auth_digest(auth, user, password)
		})
	}}
}

// Bearer is a token (RFC 6750).
func Bearer(token string) *Credentials {
	return &Credentials{func(auth *C.ws_auth) C.ws_status {
		return withTexts(token, "", func(token, _ *C.char) C.ws_status { return C.ws_auth_bearer(auth, token) })
	}}
}

// Authorization is a header of one's own making.
func Authorization(value string) *Credentials {
	return &Credentials{func(auth *C.ws_auth) C.ws_status {
		return withTexts(value, "", func(value, _ *C.char) C.ws_status { return C.ws_auth_header(auth, value) })
	}}
}

func withTexts(first, second string, use func(first, second *C.char) C.ws_status) C.ws_status {
	a, b := C.CString(first), C.CString(second)
	defer C.free(unsafe.Pointer(a))
	defer C.free(unsafe.Pointer(b))
	return use(a, b)
}

//export kgoAuthenticate
func kgoAuthenticate(handle C.uintptr_t, auth *C.ws_auth) {
	challenge := Challenge{URL: C.GoString(C.ws_auth_url(auth)), Attempt: int(C.ws_auth_attempt(auth))}
	for {
		header := C.ws_auth_challenge(auth, C.size_t(len(challenge.Challenges)))
		if header == nil {
			break
		}
		challenge.Challenges = append(challenge.Challenges, C.GoString(header))
	}
	// Those that cannot be sent are none: the server's refusal is what Dial returns.
	if answer := cgo.Handle(handle).Value().(*hooks).auth(challenge); answer != nil {
		answer.give(auth)
	}
}

//export kgoFilter
func kgoFilter(handle C.uintptr_t, typ C.uint32_t, data unsafe.Pointer, size C.size_t) C.int32_t {
	filter := cgo.Handle(handle).Value().(*hooks).filter
	return C.int32_t(number(filter(MessageType(typ), unsafe.Slice((*byte)(data), int(size)))))
}

// CookieJar has cookies that sessions share (RFC 6265), in memory. Any goroutine may use it.
type CookieJar struct{ jar *C.ws_cookie_jar }

// NewCookieJar makes an empty one.
func NewCookieJar() *CookieJar {
	jar := &CookieJar{C.ws_cookie_jar_new()}
	runtime.SetFinalizer(jar, func(jar *CookieJar) { C.ws_cookie_jar_free(jar.jar) })
	return jar
}

// Add takes a cookie as a server at the URL would set it: setCookie is the value of a Set-Cookie header.
func (j *CookieJar) Add(url, setCookie string) error {
	defer runtime.KeepAlive(j)
	status := withTexts(url, setCookie, func(url, cookie *C.char) C.ws_status {
		return C.ws_cookie_jar_add(j.jar, url, cookie)
	})
	if status != C.WS_OK {
		return statusError(status, "the jar does not take the cookie: %v", Status(status))
	}
	return nil
}

// Header is the Cookie header for a handshake with the URL, "" where there is none.
func (j *CookieJar) Header(url string) (string, error) {
	defer runtime.KeepAlive(j)
	text := C.CString(url)
	defer C.free(unsafe.Pointer(text))
	var buffer []byte
	for {
		var size C.size_t
		// Of another goroutine's cookies there may be more by the next call.
		into := C.malloc(C.size_t(len(buffer) + 1))
		status := C.ws_cookie_jar_header(j.jar, text, (*C.char)(into), C.size_t(len(buffer)), &size)
		header := C.GoStringN((*C.char)(into), C.int(len(buffer)))
		C.free(into)
		switch status {
		case C.WS_OK:
			return header[:size], nil
		case C.WS_ERR_BUFFER_TOO_SMALL:
			buffer = make([]byte, size)
		default:
			return "", statusError(C.ws_status(status), "no cookies for %q: %v", url, fmt.Sprint(Status(status)))
		}
	}
}

// Clear removes all cookies.
func (j *CookieJar) Clear() {
	C.ws_cookie_jar_clear(j.jar)
	runtime.KeepAlive(j)
}
