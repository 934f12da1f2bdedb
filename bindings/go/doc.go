// Package ktorws is a WebSocket client (RFC 6455, RFC 7692): the binding for libktorws, in the idiom of
// github.com/coder/websocket.
//
//	c, _, err := ktorws.Dial(ctx, "ws://127.0.0.1:9000/", nil)
//	if err != nil {
//		return err
//	}
//	defer c.CloseNow()
//	if err := c.Write(ctx, ktorws.MessageText, []byte("hello")); err != nil {
//		return err
//	}
//	_, message, err := c.Read(ctx)
//	if err != nil {
//		return err
//	}
//	fmt.Printf("%s\n", message)
//	return c.Close(ktorws.StatusNormalClosure, "")
//
// A Conn is used by any number of goroutines at once. None of its methods holds a thread of the operating system while it
// waits: thousands of idle Conns are goroutines that wait in Go's netpoller.
//
// # Contexts
//
// A context bounds the call it is given to, and nothing else. A Read, Write or Ping whose context ends returns the
// context's error; no message is lost, none is sent by half, and the Conn goes on. In github.com/coder/websocket the
// connection is closed then: here that is CloseNow, where it is wanted.
//
// A context that many calls share costs nothing. One for each Read, as of context.WithTimeout, costs each Read that has to
// wait about a microsecond.
//
// # Messages and frames
//
// Read and Write have whole messages. Reader and Writer have one as a stream. ReadFrame and WriteFrame have frames: parts of
// long messages, control frames, events of the session, and every frame as it came, as the options say.
//
// # Errors
//
// What the library says is a *StatusError, whose Status errors.Is finds: errors.Is(err, ktorws.ErrTLSCertificate). An
// answer that refuses the handshake is a *HandshakeError with its status, headers and body. A Close of the server is a
// *CloseError with code and reason; CloseStatus has the code. Calls that fail because this side has closed the Conn
// satisfy errors.Is(err, net.ErrClosed).
//
// # Processes
//
// The library has threads of its own, and descriptors: four for each Conn. A process that forks without exec, which Go
// programs do not, is described in ktorws.h.
package ktorws

// #cgo pkg-config: ktorws
import "C"
