package ktorws

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"math"
	"sync/atomic"
	"unsafe"
)

// LogLevel is how much a line of the log matters. Each includes those before.
type LogLevel uint32

// The levels.
const (
	LogOff     LogLevel = C.WS_LOG_OFF
	LogError   LogLevel = C.WS_LOG_ERROR
	LogWarning LogLevel = C.WS_LOG_WARNING
	LogInfo    LogLevel = C.WS_LOG_INFO
	LogDebug   LogLevel = C.WS_LOG_DEBUG
)

var logger atomic.Pointer[func(LogLevel, uint64, string)]

// SetLogger has lines of the library's log up to a level told to a function, with the number that the log knows the session
// by, 0 for none. It is for the whole process, called by several goroutines at once, and must not use the package. nil ends
// it. Lines hold no credentials, header values, queries of URLs, payloads or close reasons.
func SetLogger(level LogLevel, function func(level LogLevel, session uint64, line string)) error {
	if function == nil {
		level = LogOff
	} else {
		logger.Store(&function)
	}
	if status := C.kgo_set_log(C.uint32_t(level)); status != C.WS_OK {
		return statusError(status, "%d is no level of the log", level)
	}
	return nil
}

//export kgoLog
func kgoLog(level C.uint32_t, session C.uint64_t, line *C.char) {
	(*logger.Load())(LogLevel(level), uint64(session), C.GoString(line))
}

// HasFeature reports whether this build of the library has a feature: "deflate", "proxy", "reconnect" or "tls".
func HasFeature(name string) bool {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	return C.ws_has_feature(text) != 0
}

// SetWorkerThreads sets the number of worker threads of the library, 2 unless set: they send what the kernel did not accept
// at once. It is refused with ErrState once a session has been opened.
func SetWorkerThreads(count int) error {
	if count < 0 || count > math.MaxInt32 {
		count = 0
	}
	if status := C.ws_set_worker_threads(C.uint32_t(count)); status != C.WS_OK {
		return statusError(status, "the number of worker threads cannot be set: %v", Status(status))
	}
	return nil
}

// Version is the library's version at run time.
func Version() string { return C.GoString(C.ws_version_string()) }
