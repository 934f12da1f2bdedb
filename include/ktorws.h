/*
 * libktorws: a WebSocket client (RFC 6455, RFC 7692) with Ktor's session model.
 *
 * A session is a connection to a server. ws_send_text and ws_send_binary send messages, ws_recv
 * receives them.
 *
 *     #include <ktorws.h>
 *     #include <stdio.h>
 *
 *     int main(void) {
 *         ws_session *session;
 *         ws_frame *frame;
 *         if (ws_connect("ws://127.0.0.1:9000/", NULL, &session, NULL) != WS_OK) return 1;
 *         ws_send_text(session, "hello", WS_NUL_TERMINATED);
 *         if (ws_recv(session, &frame, -1) == WS_OK) printf("%s\n", (const char *)frame->data);
 *         ws_frame_free(frame);
 *         ws_session_end(session, -1);
 *     }
 *
 * Conventions. They hold for every function unless it says otherwise.
 *
 * - Statuses: a function returns WS_OK, which is 0, or a negative ws_status. A function that fails
 *   has changed nothing. Functions that return a plain value do not fail.
 * - Out-parameters are last, before a timeout if there is one. They are always written: on failure
 *   with NULL or 0. Of a struct to be filled, the members after `struct_size` become 0.
 * - Structs of the caller begin with `struct_size`, which the caller sets to their sizeof. A
 *   `struct_size` that is smaller than this version's or larger than 4096 is wrong. A larger struct
 *   is of a later version: the library neither reads nor writes its additional members.
 * - Strings are NUL-terminated UTF-8. Payloads and close reasons have a pointer and a size, and may
 *   contain NUL bytes. The size of a text may be WS_NUL_TERMINATED. NULL with a size of 0 is empty.
 * - NULL: every function checks for it. Passing a freed or foreign pointer is undefined behavior.
 * - Ownership: what a function is passed is copied. What it writes belongs to the caller, who frees
 *   it with the documented function. What it lends is valid until its owner is freed; do not free
 *   or change it.
 * - Threads: any thread may call any function on a session at any time. Other objects are used by
 *   one thread at a time, or read by many. There is no thread-local state.
 * - Functions of the application are called with no lock held, except for `encode` and `decode` of
 *   ws_extension_vtable. A call that fails keeps none of the functions that it was passed, and
 *   calls neither `drop` nor `release`.
 * - Messages are whole: fragments are assembled, text is checked to be UTF-8, pings are answered,
 *   and the server's Close is echoed, also while the application does not call the library.
 *   ws_config_set_raw and ws_config_set_deliver_parts change that.
 * - Memory: limits and queues bound the memory of a session, whatever the server sends. If there is
 *   not enough memory for a message or a long string, the function returns WS_ERR_NO_MEMORY. If
 *   there is not enough for small objects, the process is aborted.
 *
 * Numbers:
 *
 * - A `timeout_ms` of a call, in milliseconds: 0 does not wait, negative is no limit. A timeout
 *   closes nothing and loses nothing.
 * - A time limit of a configuration: 0 is refused, negative is no limit.
 * - An interval: 0 and negative numbers disable it.
 * - A member of an options struct: 0 is the default.
 * - A bound of a queue: 0 is no bound. A limit of a size: 0 is refused.
 * - A switch is 0 or 1. Other numbers are refused.
 *
 * The library and its process:
 *
 * - Threads named "ktorws" start with the first ws_connect. They block all signals. ws_shutdown
 *   ends them, but a process can end at any time.
 * - The library changes no signal handler and no environment variable, and does not raise SIGPIPE.
 *   Its descriptors are close-on-exec.
 * - fork: sessions stay with the parent. In the child their functions return WS_ERR_FORKED, and
 *   freeing them sends nothing. The child can open its own sessions. exec is always safe.
 * - dlclose leaves the library in memory.
 * - A panic is a bug: the library prints a message on standard error, and the call returns
 *   WS_ERR_INTERNAL.
 *
 * Compatibility: within one SONAME (libktorws.so.0) functions, numbers and their meaning stay.
 * Functions, values and members at the end of structs are added.
 */


#ifndef KTORWS_H
#define KTORWS_H

#include <stddef.h>
#include <stdint.h>

#define WS_VERSION_MAJOR 0
#define WS_VERSION_MINOR 1
#define WS_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------
 * Basics
 *
 * The version, the statuses, and the objects that the functions below use.
 * ---------------------------------------------------------------------------------------------
 */

/** The version of this header, to be compared with ws_version_number(). */
#define WS_VERSION_NUMBER \
    ((uint32_t)WS_VERSION_MAJOR << 16 | (uint32_t)WS_VERSION_MINOR << 8 | WS_VERSION_PATCH)

/** The version of this header, to be compared with ws_version_string(). */
#define WS_VERSION_STRING "0.1.0"

/** The size of a text that ends at its first NUL byte. */
#define WS_NUL_TERMINATED SIZE_MAX

/**
 * The result of a function: WS_OK, or a negative number that says what went wrong. A number never
 * changes its meaning and is never reused. ws_status_name returns the name of a number.
 */
enum {
    /**
     * Success.
     */
    WS_OK = 0,
    /**
     * An argument is NULL, out of range, not UTF-8, or contradicts another argument.
     */
    WS_ERR_INVALID_ARGUMENT = -101,
    /**
     * The object is in the wrong state for this call.
     */
    WS_ERR_STATE = -102,
    /**
     * The buffer is too small. The required size was written, and the message can be received
     * again.
     */
    WS_ERR_BUFFER_TOO_SMALL = -103,
    /**
     * This version of the library does not support it.
     */
    WS_ERR_UNSUPPORTED = -104,
    /**
     * The object belongs to the parent process (fork).
     */
    WS_ERR_FORKED = -105,
    /**
     * There is not enough memory.
     */
    WS_ERR_NO_MEMORY = -106,
    /**
     * The URL is not a valid WebSocket URL.
     */
    WS_ERR_URL = -201,
    /**
     * The host name could not be resolved.
     */
    WS_ERR_RESOLVE = -202,
    /**
     * No address of the host accepted the TCP connection.
     */
    WS_ERR_CONNECT = -203,
    /**
     * The proxy could not be reached, failed, or refused the tunnel.
     */
    WS_ERR_PROXY = -204,
    /**
     * The proxy requires other credentials (HTTP status 407).
     */
    WS_ERR_PROXY_AUTH = -205,
    /**
     * The TLS handshake failed, or the TLS connection broke.
     */
    WS_ERR_TLS = -211,
    /**
     * The server's certificate was rejected.
     */
    WS_ERR_TLS_CERTIFICATE = -212,
    /**
     * The server answered the opening handshake with a status other than 101.
     */
    WS_ERR_HANDSHAKE_STATUS = -221,
    /**
     * The server's answer to the opening handshake violates RFC 6455, is not HTTP, or is
     * incomplete.
     */
    WS_ERR_HANDSHAKE_INVALID = -222,
    /**
     * The server redirects more often than ws_config_set_max_redirects allows.
     */
    WS_ERR_TOO_MANY_REDIRECTS = -223,
    /**
     * The server violated RFC 6455. The connection was failed with Close 1002.
     */
    WS_ERR_PROTOCOL = -301,
    /**
     * A text is not valid UTF-8. A text of the caller was not sent. For a text of the server, the
     * connection was failed with Close 1007.
     */
    WS_ERR_UTF8 = -302,
    /**
     * The server sent a frame that exceeds the frame limit. The connection was failed with Close
     * 1009.
     */
    WS_ERR_FRAME_TOO_BIG = -303,
    /**
     * The server sent a message that exceeds the message limit. The connection was failed with
     * Close 1009.
     */
    WS_ERR_MESSAGE_TOO_BIG = -304,
    /**
     * An extension failed.
     */
    WS_ERR_EXTENSION = -305,
    /**
     * The server sent invalid compressed data. The connection was failed with Close 1007.
     */
    WS_ERR_COMPRESSION = -306,
    /**
     * The session was closed by a Close from both sides, or this side is closing it. This is the
     * normal end.
     */
    WS_ERR_CLOSED = -401,
    /**
     * The connection ended without a Close from the server (1006).
     */
    WS_ERR_CLOSED_ABNORMALLY = -402,
    /**
     * The server did not answer a ping of the library in time. The library sent Close 1011 and
     * dropped the connection.
     */
    WS_ERR_PING_TIMEOUT = -403,
    /**
     * The connection was lost: an error of the operating system.
     */
    WS_ERR_IO = -404,
    /**
     * The session was ended by ws_abort, by its last ws_session_free, or by ws_shutdown.
     */
    WS_ERR_ABORTED = -405,
    /**
     * Nothing was received for the idle timeout. The library sent Close 1001 and dropped the
     * connection.
     */
    WS_ERR_IDLE_TIMEOUT = -406,
    /**
     * The time limit expired. The session, if there is one, continues, and nothing is lost.
     */
    WS_ERR_TIMEOUT = -501,
    /**
     * The call was interrupted by ws_interrupt. The session continues, and nothing is lost.
     */
    WS_ERR_INTERRUPTED = -502,
    /**
     * A queue with the policy WS_QUEUE_CLOSE was full. The session has ended.
     */
    WS_ERR_OVERFLOW = -503,
    /**
     * A bug in this library, or the system provides no threads or random bytes.
     */
    WS_ERR_INTERNAL = -901,
};
typedef int32_t ws_status;

/**
 * A WebSocket session. ws_connect or ws_connect_async opens it, ws_close closes it,
 * ws_session_free frees it.
 *
 * Any thread may call any function on a session at any time, also while other threads do, as long
 * as a handle is not freed: the one that ws_connect wrote, or one of ws_session_ref. After the
 * last ws_session_free, running callbacks may still use the session until they return, but
 * ws_session_ref returns NULL in them. A session belongs to the process that opened it: in a
 * forked child its functions return WS_ERR_FORKED.
 */
typedef struct ws_session ws_session;

/**
 * The settings of sessions to be opened. ws_config_new creates a configuration, the setters change
 * it, ws_connect uses it, ws_config_free frees it.
 *
 * A refused setting sticks: ws_config_error returns it, and connecting with the configuration
 * fails with it. A program can therefore ignore the statuses of the setters, or check them all at
 * once. To continue after a refused setting, create a new configuration.
 *
 * ws_connect and ws_connect_async copy the configuration before they call any function of the
 * application. The application may change, reuse or free it afterwards. Sessions of one
 * configuration share its TLS state, so that later connections resume TLS sessions. While a thread
 * changes or frees a configuration, no other thread may use it. Otherwise any number of threads
 * may use it at the same time.
 */
typedef struct ws_config ws_config;

/**
 * A failure with its details. An error that ws_connect or ws_wait_open wrote belongs to the
 * caller, who frees it with ws_error_free. An error of ws_session_error or ws_config_error is
 * lent. An error never changes, so any number of threads can read it.
 */
typedef struct ws_error ws_error;

/* ---------------------------------------------------------------------------------------------
 * Connecting
 *
 * From a URL to a session. The call waits until the session is open.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Opens a session and waits until it is open (Ktor's webSocketSession): resolves the host,
 * connects, through a proxy if there is one, performs the TLS handshake for wss, and performs the
 * opening handshake (RFC 6455 section 4.1). The time limits of the configuration apply. In total
 * that is 25 seconds unless they are changed, redirects and requests for credentials not included;
 * see ws_config_set_open_timeout_ms.
 *
 * `url` begins with ws:// or wss://; http:// and https:// mean the same. A user and a password in
 * it are sent as Basic authentication, unless the configuration has an Authorization header. A
 * fragment is refused. `config` may be NULL for the defaults. Reuse one configuration for several
 * TLS connections: the library then reads the trust store once and resumes TLS sessions.
 *
 * On success `*session` is a handle, which the caller frees with ws_session_free. On failure
 * `*session` is NULL, no callback is called, and `*error`, unless `error` is NULL, is an error,
 * which the caller frees with ws_error_free.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `url` or `session` is NULL, and if settings contradict each
 * other (ws_config_set_outgoing_queue, ws_config_set_reconnect, ws_config_set_group,
 * ws_config_set_unix_socket, ws_config_set_deliver_parts). Returns the status of a refused setting
 * (ws_config_error). Returns WS_ERR_STATE if the socket of ws_config_set_socket_fd is taken or the
 * group is freed. Returns WS_ERR_FORKED for a group of the parent process. Returns WS_ERR_URL,
 * WS_ERR_RESOLVE, WS_ERR_CONNECT, WS_ERR_TLS and WS_ERR_TLS_CERTIFICATE. Returns WS_ERR_PROXY and
 * WS_ERR_PROXY_AUTH, with the proxy's answer in the error. Returns WS_ERR_HANDSHAKE_STATUS and
 * WS_ERR_TOO_MANY_REDIRECTS, with the server's answer in the error. Returns
 * WS_ERR_HANDSHAKE_INVALID for an invalid answer or a redirect that cannot be followed. Returns
 * WS_ERR_EXTENSION if an extension of the application rejects the answer. Returns WS_ERR_IO if the
 * connection is lost. Returns WS_ERR_TIMEOUT; the phase of the error names the step. Returns
 * WS_ERR_INTERRUPTED after ws_config_interrupt. Returns WS_ERR_ABORTED if another thread called
 * ws_shutdown or freed the group, and if on_open freed the session. Returns WS_ERR_NO_MEMORY for a
 * long URL. Returns WS_ERR_INTERNAL if the system provides no threads, descriptors or random
 * bytes.
 */
ws_status ws_connect(const char *url,
                     const ws_config *config,
                     ws_session **session,
                     ws_error **error);

/**
 * Adds a handle to a session, for another owner. Each handle is freed with ws_session_free.
 * Returns `session`.
 *
 * Returns NULL for NULL, and in a callback of the session after its last handle was freed.
 */
ws_session *ws_session_ref(ws_session *session);

/**
 * Frees a handle. Freeing the last handle aborts the session if it has not ended, and calls that
 * wait in other threads return WS_ERR_ABORTED. For a clean end call ws_session_end instead. NULL
 * is allowed.
 *
 * Received frames remain valid. Strings and errors that the session lent become invalid. In a
 * forked child the function frees the handle and sends nothing.
 */
void ws_session_free(ws_session *session);

/**
 * The state of a session (RFC 6455 section 4.1 and 7.1).
 */
enum {
    /**
     * The session is being opened (ws_connect_async), or its connection is lost and another one is
     * being opened (ws_config_set_reconnect).
     */
    WS_STATE_CONNECTING = 0,
    /**
     * Messages can be sent and received.
     */
    WS_STATE_OPEN = 1,
    /**
     * The session is ending: a Close was sent or received, or the connection has failed.
     */
    WS_STATE_CLOSING = 2,
    /**
     * The connection is closed.
     */
    WS_STATE_CLOSED = 3,
};
typedef int32_t ws_session_state;

/**
 * Returns the state of a session. Returns WS_STATE_CLOSED for NULL and in a forked child.
 */
ws_session_state ws_state(const ws_session *session);

/* ---------------------------------------------------------------------------------------------
 * Sending
 *
 * Messages, fragments and batches.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * The type of a frame: an opcode of RFC 6455 section 5.2, or an event of the session.
 */
enum {
    /**
     * A fragment that continues a message. For sending only: a received fragment has the type of
     * its message.
     */
    WS_FRAME_CONTINUATION = 0,
    /**
     * A text message. It is valid UTF-8 unless ws_config_set_validate_utf8 disables the check.
     */
    WS_FRAME_TEXT = 1,
    /**
     * A binary message.
     */
    WS_FRAME_BINARY = 2,
    /**
     * The server's Close, in raw sessions and with ws_config_set_deliver_control. The payload is
     * the reason.
     */
    WS_FRAME_CLOSE = 8,
    /**
     * A ping, in raw sessions and with ws_config_set_deliver_control.
     */
    WS_FRAME_PING = 9,
    /**
     * A pong, in raw sessions and with ws_config_set_deliver_control.
     */
    WS_FRAME_PONG = 10,
    /**
     * The session is open (ws_config_set_deliver_events). The payload is empty.
     */
    WS_FRAME_OPENED = 16,
    /**
     * The connection is lost, and the library opens another one (ws_config_set_deliver_events,
     * ws_config_set_reconnect). It follows the last message of the lost connection. The payload is
     * the reason, as ws_error_message returns it. `close_code` is the code of the server's Close,
     * 1006 if there was none.
     */
    WS_FRAME_LOST = 17,
    /**
     * Another connection is open (ws_config_set_deliver_events). It precedes the first message of
     * that connection. The payload is empty.
     */
    WS_FRAME_RESUMED = 18,
};
typedef uint32_t ws_frame_type;

/**
 * Flags for sending, to be ORed.
 */
enum {
    /**
     * The frame is a fragment (RFC 6455 section 5.4), and more fragments follow as
     * WS_FRAME_CONTINUATION. Not for ws_send_batch.
     */
    WS_SEND_MORE = 1,
    /**
     * The message is not compressed. For a fragmented message, set it on the first fragment.
     */
    WS_SEND_NO_COMPRESS = 2,
    /**
     * More messages follow immediately. The message is sent together with them, by the next
     * ws_recv, ws_flush or ws_close, or after about 100 microseconds. No effect on fragments.
     */
    WS_SEND_CORK = 4,
};
typedef uint32_t ws_send_flags;

/**
 * Sends a text message of `length` bytes, or a C string with WS_NUL_TERMINATED.
 *
 * The text is copied. What the kernel accepts is sent before the call returns; the library sends
 * the rest in the background. A message that follows others quickly may be sent a moment later,
 * together with them (ws_config_set_coalescing). If the outgoing queue is full, the call waits for
 * room, at most for the send timeout of the configuration. It also waits while another thread
 * sends a fragmented message. If it fails, nothing of the message is sent. The messages of one
 * thread are sent in order, and messages are never interleaved.
 *
 * A server may stop reading until its answers are received. A thread that sends much without
 * receiving therefore needs another thread that receives, or must receive after WS_ERR_TIMEOUT.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL unless `length` is 0. Returns WS_ERR_UTF8 if the text
 * is not UTF-8. Returns WS_ERR_STATE while the session is being opened, if this thread has an
 * incomplete fragmented message, and in a function of an extension. Returns WS_ERR_TIMEOUT and
 * WS_ERR_INTERRUPTED. Returns WS_ERR_OVERFLOW if the queue is full and its policy is
 * WS_QUEUE_CLOSE. Returns WS_ERR_CLOSED if the session is closing or closed; if it ended
 * otherwise, the status of ws_session_error. Returns WS_ERR_EXTENSION if an extension failed,
 * WS_ERR_IO if the connection is lost, WS_ERR_NO_MEMORY and WS_ERR_FORKED.
 */
ws_status ws_send_text(ws_session *session,
                       const char *text,
                       size_t length);

/**
 * Sends a binary message of `length` bytes, as ws_send_text sends a text.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL unless `length` is 0. Returns WS_ERR_STATE,
 * WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_OVERFLOW, WS_ERR_CLOSED, WS_ERR_EXTENSION, WS_ERR_IO,
 * WS_ERR_NO_MEMORY and WS_ERR_FORKED as ws_send_text does.
 */
ws_status ws_send_binary(ws_session *session, const void *data, size_t length);

/**
 * Sends a frame of any type (Ktor's send(Frame)). Waits for room at most `timeout_ms` milliseconds
 * (0: does not wait, negative: no limit). `flags` is an OR of ws_send_flags. `length` may be
 * WS_NUL_TERMINATED for text. Messages are sent as ws_send_text sends them.
 *
 * A whole message has the type WS_FRAME_TEXT or WS_FRAME_BINARY. A fragmented message begins with
 * this type and WS_SEND_MORE. Its other fragments have the type WS_FRAME_CONTINUATION, and all but
 * the last have WS_SEND_MORE. A fragment is sent at once. A fragment of text may end within a
 * character. Until the message is complete, messages of other threads wait; the thread that sent
 * the latest fragment cannot send another message. Any thread may send the next fragment. Control
 * frames may come between.
 *
 *     ws_send(session, WS_FRAME_TEXT, "Hel", 3, WS_SEND_MORE, -1);
 *     ws_send(session, WS_FRAME_CONTINUATION, "lo", 2, 0, -1);
 *
 * WS_FRAME_PING and WS_FRAME_PONG have a payload of at most 125 bytes and are sent before messages
 * that wait. Pongs are received with ws_config_set_deliver_control. To detect a dead server use
 * ws_config_set_ping_interval_ms. WS_FRAME_CLOSE has the payload of RFC 6455 section 5.5.1, a code
 * of two bytes and the reason, and does the same as ws_close. Control frames have no flags.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL unless `length` is 0, for an unknown type or flag, for
 * a control frame with flags or a payload of more than 125 bytes, and for an invalid Close.
 * Returns WS_ERR_UTF8 if a text is not UTF-8. Returns WS_ERR_STATE while the session is being
 * opened, for a WS_FRAME_CONTINUATION without a message, for another message of a thread with an
 * incomplete one, and in a function of an extension. Returns WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED,
 * WS_ERR_OVERFLOW, WS_ERR_CLOSED, WS_ERR_EXTENSION, WS_ERR_IO, WS_ERR_NO_MEMORY and WS_ERR_FORKED
 * as ws_send_text does.
 */
ws_status ws_send(ws_session *session,
                  uint32_t type,
                  const void *data,
                  size_t length,
                  uint32_t flags,
                  int64_t timeout_ms);

/**
 * A piece of a message for ws_sendv. The caller sets all members. The layout never changes.
 */
typedef struct ws_slice {
    /**
     * The bytes. May be NULL if `size` is 0.
     */
    const void *data;
    /**
     * The number of bytes.
     */
    size_t size;
} ws_slice;

/**
 * Sends a frame as ws_send does, whose payload consists of `count` pieces. A payload of more than
 * one piece is copied once more than by ws_send.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL unless `count` or the size of the piece is 0, else what
 * ws_send returns.
 */
ws_status ws_sendv(ws_session *session,
                   uint32_t type,
                   const ws_slice *slices,
                   size_t count,
                   uint32_t flags,
                   int64_t timeout_ms);

/**
 * A message for ws_send_batch. The caller sets all members. The layout never changes.
 */
typedef struct ws_message {
    /**
     * The payload. May be NULL if `size` is 0.
     */
    const void *data;
    /**
     * The size of the payload in bytes.
     */
    size_t size;
    /**
     * WS_FRAME_TEXT or WS_FRAME_BINARY.
     */
    uint32_t type;
    /**
     * An OR of ws_send_flags.
     */
    uint32_t flags;
} ws_message;

/**
 * Sends `count` messages, as ws_send does, with as few system calls as possible. Waits for room at
 * most `timeout_ms` milliseconds in total. Messages of other threads may come between them. The
 * size of a text may be WS_NUL_TERMINATED.
 *
 * Writes the number of accepted messages to `*accepted`, also on failure; `accepted` may be NULL.
 * The messages before the number are sent, the others are not.
 *
 *     size_t sent = 0, accepted;
 *     while (sent < count) {
 *         ws_status status = ws_send_batch(session, items + sent, count - sent, &accepted, 1000);
 *         sent += accepted;
 *         if (status != WS_OK && status != WS_ERR_TIMEOUT) break;
 *     }
 *
 * Returns WS_ERR_INVALID_ARGUMENT and WS_ERR_UTF8, with nothing sent, if one of the messages is
 * invalid or a fragment, and WS_ERR_INVALID_ARGUMENT for NULL unless `count` is 0. Else returns
 * what ws_send returns.
 */
ws_status ws_send_batch(ws_session *session,
                        const ws_message *items,
                        size_t count,
                        size_t *accepted,
                        int64_t timeout_ms);

/**
 * Waits until the kernel has accepted everything that was sent before, by any thread, at most
 * `timeout_ms` milliseconds (0: does not wait, negative: no limit). The server need not have
 * received it.
 *
 * Returns WS_ERR_TIMEOUT and WS_ERR_INTERRUPTED. Returns WS_ERR_IO if the connection of a session
 * that reconnects was lost with queued messages. Returns the status of the end if the session
 * ended before. Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
 */
ws_status ws_flush(ws_session *session, int64_t timeout_ms);

/**
 * Returns the number of bytes that wait to be sent, including frame headers (bufferedAmount of
 * browsers counts payloads). With TLS, the last 256 KiB that are encrypted may not count. Returns
 * 0 for NULL and in a forked child.
 */
size_t ws_buffered_amount(const ws_session *session);

/* ---------------------------------------------------------------------------------------------
 * Receiving
 *
 * Whole messages, or parts of long ones, on the thread of the caller.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Flag bits of a frame.
 */
enum {
    /**
     * More fragments or parts of the message follow. Set in raw sessions and with
     * ws_config_set_deliver_parts.
     */
    WS_FLAG_MORE = 1,
    /**
     * The reserved bit RSV3. Set in raw sessions.
     */
    WS_FLAG_RSV3 = 16,
    /**
     * The reserved bit RSV2. Set in raw sessions.
     */
    WS_FLAG_RSV2 = 32,
    /**
     * The reserved bit RSV1. Set in raw sessions.
     */
    WS_FLAG_RSV1 = 64,
};
typedef uint32_t ws_frame_flags;

/**
 * A received frame: a whole message, a part or fragment of one, a control frame, or an event. It
 * belongs to the caller from ws_recv until ws_frame_free, also after the session is freed. Any
 * thread may read it. Do not change it. The library allocates it and may add members at the end.
 */
typedef struct ws_frame {
    /**
     * The payload, followed by a NUL byte that `size` does not count. Never NULL.
     */
    const uint8_t *data;
    /**
     * The size of the payload in bytes.
     */
    size_t size;
    /**
     * A ws_frame_type.
     */
    uint32_t type;
    /**
     * An OR of ws_frame_flags.
     */
    uint32_t flags;
    /**
     * For WS_FRAME_CLOSE the close code, 1005 if there was none. For WS_FRAME_LOST see there. Else
     * 0.
     */
    uint32_t close_code;
} ws_frame;

/**
 * Receives the next message. Waits at most `timeout_ms` milliseconds (0: does not wait, negative:
 * no limit). Several threads may wait; each message goes to one of them.
 *
 * The calling thread reads the connection itself. While no thread of the application receives, the
 * library reads: it answers pings within 50 ms, and messages wait in the incoming queue.
 *
 * On success `*frame` is a frame, which the caller frees with ws_frame_free. Messages that were
 * received before the end are delivered first. Then every call returns the status of the end.
 *
 *     ws_frame *frame;
 *     ws_status status;
 *     while ((status = ws_recv(session, &frame, -1)) == WS_OK) {
 *         fwrite(frame->data, 1, frame->size, stdout);
 *         ws_frame_free(frame);
 *     }
 *
 * Returns WS_ERR_TIMEOUT and WS_ERR_INTERRUPTED, after which the session continues and nothing is
 * lost. The status of the end is WS_ERR_CLOSED after a Close from both sides, or
 * WS_ERR_CLOSED_ABNORMALLY, WS_ERR_PROTOCOL, WS_ERR_UTF8, WS_ERR_FRAME_TOO_BIG,
 * WS_ERR_MESSAGE_TOO_BIG, WS_ERR_COMPRESSION, WS_ERR_EXTENSION, WS_ERR_PING_TIMEOUT,
 * WS_ERR_IDLE_TIMEOUT, WS_ERR_OVERFLOW, WS_ERR_TLS, WS_ERR_IO, WS_ERR_NO_MEMORY or WS_ERR_ABORTED;
 * ws_session_error and ws_get_close_info return the details. Returns the status of ws_connect if
 * the session could not be opened, WS_ERR_STATE if its messages go to a callback or a group,
 * WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
 */
ws_status ws_recv(ws_session *session,
                  ws_frame **frame,
                  int64_t timeout_ms);

/**
 * Frees a frame. NULL is allowed.
 */
void ws_frame_free(ws_frame *frame);

/**
 * Receives the next message into a buffer of the caller, without a NUL byte after it. Writes the
 * size of the message to `*size` and its ws_frame_type to `*type`; `type` may be NULL. It does not
 * return flags and the close code. `buffer` may be NULL if `capacity` is 0.
 *
 *     ws_status status;
 *     while ((status = ws_recv_into(session, buffer, capacity, &size, NULL, -1)) == WS_OK ||
 *            status == WS_ERR_BUFFER_TOO_SMALL) {
 *         if (status == WS_OK)
 *             fwrite(buffer, 1, size, stdout);
 *         else if ((buffer = realloc(buffer, capacity = size)) == NULL)
 *             break;
 *     }
 *
 * Returns WS_ERR_BUFFER_TOO_SMALL if the message is larger than `capacity`. `*size` is then the
 * required size, and the message remains for the next call; with several receiving threads the
 * next call may get another message. Else returns what ws_recv returns.
 */
ws_status ws_recv_into(ws_session *session,
                       void *buffer,
                       size_t capacity,
                       size_t *size,
                       uint32_t *type,
                       int64_t timeout_ms);

/**
 * Receives the messages that are available, at most `capacity`. Waits for the first one as ws_recv
 * does. Writes their number to `*count` and the frames to `frames[0]` to `frames[*count - 1]`. The
 * caller frees each with ws_frame_free.
 *
 *     ws_frame *frames[64];
 *     size_t count;
 *     while (ws_recv_batch(session, frames, 64, &count, -1) == WS_OK) {
 *         for (size_t i = 0; i < count; i++) {
 *             fwrite(frames[i]->data, 1, frames[i]->size, stdout);
 *             ws_frame_free(frames[i]);
 *         }
 *     }
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a `capacity` of 0, else what ws_recv returns.
 */
ws_status ws_recv_batch(ws_session *session,
                        ws_frame **frames,
                        size_t capacity,
                        size_t *count,
                        int64_t timeout_ms);

/**
 * Interrupts the calls that wait on the session in other threads: they return WS_ERR_INTERRUPTED.
 * If none waits, the next call that would wait returns it. No message is lost.
 *
 * The calls return at once, with one exception. If the latest bytes of the server came within 2
 * milliseconds, a ws_recv returns up to two ticks of the kernel's clock (8 milliseconds at 250 Hz)
 * after the first interrupt of the session.
 *
 * It is async-signal-safe, unless another thread may free the last handle of the session
 * meanwhile.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
 */
ws_status ws_interrupt(ws_session *session);

/**
 * Returns 1 if the session has ended, or could not be opened, and all its messages were received,
 * else 0 (Ktor's isClosedForReceive). Returns 1 for NULL and in a forked child.
 */
int32_t ws_is_closed_for_receive(const ws_session *session);

/* ---------------------------------------------------------------------------------------------
 * Closing
 *
 * The closing handshake, its codes, and other ends of a session.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Ends a session cleanly and frees the handle: closes it with code 1000 as ws_close does, waits as
 * ws_wait_closed does, at most `timeout_ms` milliseconds (0: does not wait, negative: no limit),
 * and frees the handle as ws_session_free does. A session that has not closed in time is aborted
 * with its last handle.
 *
 * The handle is freed whatever the function returns, except for WS_ERR_STATE.
 *
 * Returns WS_OK if the session is closed, WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_STATE in a
 * callback of the session that would have to wait, WS_ERR_INVALID_ARGUMENT for NULL, and
 * WS_ERR_FORKED.
 */
ws_status ws_session_end(ws_session *session, int64_t timeout_ms);

/**
 * Close codes (RFC 6455 section 7.4.1 and the IANA registry). 3000 to 3999 are for libraries and
 * frameworks, 4000 to 4999 for applications.
 */
enum {
    /**
     * The purpose of the session is fulfilled.
     */
    WS_CLOSE_NORMAL = 1000,
    /**
     * The endpoint goes away.
     */
    WS_CLOSE_GOING_AWAY = 1001,
    /**
     * The peer violated the protocol.
     */
    WS_CLOSE_PROTOCOL_ERROR = 1002,
    /**
     * A type of data that the endpoint cannot accept.
     */
    WS_CLOSE_CANNOT_ACCEPT = 1003,
    /**
     * The Close had no code. Never sent.
     */
    WS_CLOSE_NO_STATUS = 1005,
    /**
     * There was no Close. Never sent.
     */
    WS_CLOSE_ABNORMAL = 1006,
    /**
     * Data that does not match its type, for example text that is not UTF-8.
     */
    WS_CLOSE_NOT_CONSISTENT = 1007,
    /**
     * A message that violates a policy.
     */
    WS_CLOSE_VIOLATED_POLICY = 1008,
    /**
     * A message that is too big.
     */
    WS_CLOSE_TOO_BIG = 1009,
    /**
     * The server did not accept a required extension.
     */
    WS_CLOSE_NO_EXTENSION = 1010,
    /**
     * An unexpected condition.
     */
    WS_CLOSE_INTERNAL_ERROR = 1011,
    /**
     * The service restarts.
     */
    WS_CLOSE_SERVICE_RESTART = 1012,
    /**
     * The service is overloaded.
     */
    WS_CLOSE_TRY_AGAIN_LATER = 1013,
    /**
     * A gateway received an invalid answer.
     */
    WS_CLOSE_BAD_GATEWAY = 1014,
};
typedef uint32_t ws_close_code;

/**
 * Starts the closing handshake (RFC 6455 section 7.1.2) and returns at once. Our Close is sent
 * after the queued messages. From now on nothing can be sent. What the server sends before its
 * Close can still be received. ws_wait_closed waits for the end.
 *
 * `code` is 1000 to 1003, 1007 to 1014 or 3000 to 4999. `reason` has at most 123 bytes of UTF-8;
 * `length` may be WS_NUL_TERMINATED. If `code` is 0 and the reason is empty, the Close has
 * neither.
 *
 * On a session that is closing or closed it does nothing and returns WS_OK. It ends a session
 * whose connection is lost at once (ws_config_set_reconnect).
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, another code, a longer reason or one that is not
 * UTF-8, and WS_ERR_FORKED.
 */
ws_status ws_close(ws_session *session,
                   uint32_t code,
                   const char *reason,
                   size_t length);

/**
 * Waits until the connection is closed and on_close of ws_callbacks has returned, at most
 * `timeout_ms` milliseconds (0: does not wait, negative: no limit). It does not close the session
 * itself: ws_close, the server or an error does. The close timeout bounds the closing handshake
 * (ws_config_set_close_timeout_ms).
 *
 * While a call waits after ws_close, messages that find a full incoming queue are dropped, because
 * the server's Close follows them and no thread may be receiving. To get all messages, receive
 * until WS_ERR_CLOSED first. In a callback of the session, a closed connection suffices.
 *
 * Returns WS_OK regardless of how the session ended. Returns WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED,
 * WS_ERR_STATE in a callback of the session that would have to wait, WS_ERR_INVALID_ARGUMENT for
 * NULL, and WS_ERR_FORKED.
 */
ws_status ws_wait_closed(ws_session *session, int64_t timeout_ms);

/**
 * The side that began the end of a session.
 */
enum {
    /**
     * This side: by ws_close, ws_abort, ws_shutdown or a timeout, also while the session was being
     * opened.
     */
    WS_CLOSED_BY_LOCAL = 1,
    /**
     * The server sent the first Close.
     */
    WS_CLOSED_BY_REMOTE = 2,
    /**
     * This side, because the server violated the protocol or a limit.
     */
    WS_CLOSED_BY_PROTOCOL = 3,
    /**
     * The connection ended without a Close.
     */
    WS_CLOSED_BY_TRANSPORT = 4,
};
typedef uint32_t ws_close_initiator;

/**
 * How a session was closed (Ktor's closeReason). The caller sets `struct_size`.
 */
typedef struct ws_close_info {
    /**
     * sizeof(ws_close_info), set by the caller.
     */
    size_t struct_size;
    /**
     * The code of our Close. 1005 if it had none, 0 if none was sent.
     */
    uint32_t local_code;
    /**
     * The code of the server's Close. 1005 if it had none, 1006 if none was received.
     */
    uint32_t remote_code;
    /**
     * The reason of the server's Close, NUL-terminated UTF-8; "" if it had none. It is lent until
     * the session is freed.
     */
    const char *reason;
    /**
     * The size of the reason in bytes, at most 123.
     */
    size_t reason_size;
    /**
     * 1 if both sides sent a Close, else 0.
     */
    uint32_t clean;
    /**
     * A ws_close_initiator.
     */
    uint32_t initiator;
} ws_close_info;

/**
 * Writes how the session was closed. It is known once receiving has returned the end of the
 * session. `local_code` and `clean` are final once ws_wait_closed has returned WS_OK; before, they
 * may be 0 because our Close waits behind queued messages.
 *
 * Returns WS_ERR_STATE while the session has not ended, WS_ERR_INVALID_ARGUMENT for NULL or a
 * wrong `struct_size`, and WS_ERR_FORKED.
 */
ws_status ws_get_close_info(const ws_session *session,
                            ws_close_info *info);

/**
 * Closes the connection at once, without a closing handshake. Calls that wait return
 * WS_ERR_ABORTED. Messages that the library has read can still be received, as many as the
 * incoming queue holds. What it has not read is lost. On a session that has ended, it closes what
 * is left of the connection and does not change how the session ended.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
 */
ws_status ws_abort(ws_session *session);

/* ---------------------------------------------------------------------------------------------
 * Errors
 *
 * What the library knows about a failure.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Returns the name of a status, for example "WS_ERR_TIMEOUT". Returns "WS_ERR_UNKNOWN" for an
 * unknown number. The string is static.
 */
const char *ws_status_name(int32_t status);

/**
 * Returns a short description of a status. Returns "unknown status" for an unknown number. The
 * string is static. ws_error_message describes a failure in detail.
 */
const char *ws_strerror(int32_t status);

/**
 * Returns the error that ended the session, or, during an outage, the error that lost its
 * connection (ws_config_set_reconnect). After the end, its status is what receiving returns. The
 * error is lent until the session is freed.
 *
 * Returns NULL if there is no error, after a clean end, for NULL, and in a forked child.
 */
const ws_error *ws_session_error(const ws_session *session);

/**
 * The step in which a session failed.
 */
enum {
    /**
     * Before the first step.
     */
    WS_PHASE_NONE = 0,
    /**
     * Resolving the host name.
     */
    WS_PHASE_RESOLVE = 1,
    /**
     * Connecting TCP.
     */
    WS_PHASE_CONNECT = 2,
    /**
     * Opening a tunnel through the proxy.
     */
    WS_PHASE_PROXY = 3,
    /**
     * The TLS handshake.
     */
    WS_PHASE_TLS = 4,
    /**
     * The opening handshake.
     */
    WS_PHASE_HANDSHAKE = 5,
    /**
     * The session was open.
     */
    WS_PHASE_OPEN = 6,
};
typedef int32_t ws_phase;

/**
 * Returns the status of an error. Returns WS_OK for NULL.
 */
ws_status ws_error_status(const ws_error *error);

/**
 * Returns a sentence that describes the failure, with the numbers and names involved. It contains
 * no credentials. The string is lent until the error is freed. Returns "" for NULL.
 */
const char *ws_error_message(const ws_error *error);

/**
 * Returns the step in which the session failed. Returns WS_PHASE_NONE for an invalid argument and
 * for NULL.
 */
ws_phase ws_error_phase(const ws_error *error);

/**
 * Returns the errno of the operating system. Returns 0 if there is none, and for NULL.
 */
int32_t ws_error_os_errno(const ws_error *error);

/**
 * Returns the TLS alert that the server sent (RFC 8446 section 6). Returns -1 if it sent none, and
 * for NULL.
 */
int32_t ws_error_tls_alert(const ws_error *error);

/**
 * Returns the code of the server's Close, if the error is that the server closed the session
 * (ws_reconnect_decision, ws_attempt_last_error): 1005 if the Close had no code. Returns 0 for
 * other errors and for NULL.
 */
uint32_t ws_error_close_code(const ws_error *error);

/**
 * Returns the HTTP status with which the server or the proxy refused the handshake. Returns 0 if
 * there is none, and for NULL.
 */
uint32_t ws_error_http_status(const ws_error *error);

/**
 * Returns a header field of the answer that refused the handshake: the `index`-th (from 0) with
 * this name. Case is ignored. Returns NULL if there is no such field, and for NULL.
 *
 * The string is lent until the error is freed. It is what the server sent, which need not be
 * UTF-8.
 */
const char *ws_error_http_header(const ws_error *error, const char *name, size_t index);

/**
 * Writes the `index`-th header field (from 0) of the answer that refused the handshake to `*name`
 * and `*value`. The order is the server's.
 *
 * Returns 1. Returns 0, with NULL in `*name` and `*value`, after the last field, if there is no
 * such answer, and for NULL. The strings are lent until the error is freed. They are what the
 * server sent, which need not be UTF-8.
 */
int32_t ws_error_http_header_at(const ws_error *error,
                                size_t index,
                                const char **name,
                                const char **value);

/**
 * Returns the body of the answer that refused the handshake, at most its first 64 KiB, as sent.
 * Writes its size to `*size`; `size` may be NULL. The bytes are lent until the error is freed.
 *
 * Returns NULL, with 0 in `*size`, if there is no body, and for NULL.
 */
const uint8_t *ws_error_http_body(const ws_error *error, size_t *size);

/**
 * Frees an error that ws_connect or ws_wait_open wrote. NULL is allowed. Do not free a lent error.
 */
void ws_error_free(ws_error *error);

/* ---------------------------------------------------------------------------------------------
 * Configurations
 *
 * Settings for the sessions that are opened with them, and what the handshake contains.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Creates a configuration with the defaults, which each setter documents. The caller frees it with
 * ws_config_free. Returns NULL if there is not enough memory.
 */
ws_config *ws_config_new(void);

/**
 * Creates a copy, which changes independently. The caller frees it with ws_config_free. Returns
 * NULL for NULL.
 */
ws_config *ws_config_clone(const ws_config *config);

/**
 * Frees a configuration. Sessions that were opened with it continue. NULL is allowed.
 */
void ws_config_free(ws_config *config);

/**
 * Returns the first setting of the configuration that was refused: its status, and a message that
 * names the function, the value and the reason. The error is lent until the configuration is
 * freed.
 *
 * Returns NULL if no setting was refused, and for NULL.
 *
 *     ws_config_add_tls_ca_file(config, "ca.pem");
 *     ws_config_add_tls_pin_sha256(config, pin);
 *     if (ws_config_error(config) != NULL)
 *         fprintf(stderr, "%s\n", ws_error_message(ws_config_error(config)));
 */
const ws_error *ws_config_error(const ws_config *config);

/**
 * Adds a header field to the opening handshake. Authorization, Host, Origin and User-Agent exist
 * only once: a new field replaces the one before. The default Host is the host of the URL, with
 * the port unless it is the default port of the scheme.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, a name that is not an HTTP token, a value with a
 * control character, a Host that is not a host with an optional port, and for reserved names:
 * those that begin with Sec-WebSocket- (see ws_config_add_subprotocol and
 * ws_config_install_deflate), those of the connection (Connection, HTTP2-Settings, Keep-Alive,
 * Upgrade), those of a body (Content-Length, Expect, TE, Trailer, Transfer-Encoding), and those
 * for a proxy (Proxy-Authorization, Proxy-Connection). Credentials of a proxy belong into the URL
 * of ws_config_set_proxy.
 */
ws_status ws_config_add_header(ws_config *config, const char *name, const char *value);

/**
 * Sets a header field of the opening handshake. It replaces all fields with this name. A value of
 * NULL removes them.
 *
 * Returns WS_ERR_INVALID_ARGUMENT as ws_config_add_header does.
 */
ws_status ws_config_set_header(ws_config *config, const char *name, const char *value);

/**
 * Offers a subprotocol (RFC 6455 section 1.9), after those already offered. ws_subprotocol returns
 * the one that the server chose. A server that chooses another one fails the handshake.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, a name that is not an HTTP token, and a name that is
 * already offered.
 */
ws_status ws_config_add_subprotocol(ws_config *config, const char *name);

/**
 * Sets the Origin header. NULL, the default, sends none: only browsers must send one (RFC 6455
 * section 10.2).
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL or the value contains a control character.
 */
ws_status ws_config_set_origin(ws_config *config, const char *origin);

/**
 * Sets the User-Agent header. Default: "ktorws/" and the version of the library. NULL sends none.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL or the value contains a control character.
 */
ws_status ws_config_set_user_agent(ws_config *config, const char *user_agent);

/* ---------------------------------------------------------------------------------------------
 * Time limits and pings
 *
 * How long each step may take, and how a dead connection is found.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Sets the time limit for the whole opening, including redirects and requests for credentials, in
 * milliseconds. Negative, the default: no limit besides those of the steps.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_open_timeout_ms(ws_config *config, int64_t timeout_ms);

/**
 * Sets the time limit for resolving the host, in milliseconds. Negative, the default: no limit
 * besides the connect timeout.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_resolve_timeout_ms(ws_config *config, int64_t timeout_ms);

/**
 * Sets the time limit for resolving the host and connecting TCP together, in milliseconds.
 * Negative: no limit. Default: 10,000. It starts again after each redirect.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_connect_timeout_ms(ws_config *config, int64_t timeout_ms);

/**
 * Sets the time limit for opening a tunnel through a proxy, including TLS to the proxy, in
 * milliseconds. Negative, the default: no limit besides the handshake timeout.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_proxy_timeout_ms(ws_config *config, int64_t timeout_ms);

/**
 * Sets the time limit for the TLS handshake with the server, in milliseconds. Negative, the
 * default: no limit besides the handshake timeout.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_tls_timeout_ms(ws_config *config, int64_t timeout_ms);

/**
 * Sets the time limit for the proxy, TLS and the opening handshake together, in milliseconds.
 * Negative: no limit. Default: 15,000. It starts again after each redirect and each 401.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_handshake_timeout_ms(ws_config *config, int64_t timeout_ms);

/**
 * Sets how long ws_send_text and ws_send_binary wait for room in the outgoing queue, in
 * milliseconds. Negative: no limit. Default: 30,000. To send without waiting, call ws_send with a
 * timeout of 0.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_send_timeout_ms(ws_config *config, int64_t timeout_ms);

/**
 * Sets the time limit for the closing handshake and the end of the connection after our Close is
 * sent, in milliseconds. Then the library drops the connection. Queued messages are sent before
 * our Close; the same limit applies to the time in which the server accepts none of their bytes.
 * Negative: no limit. Default: 5,000.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_close_timeout_ms(ws_config *config, int64_t timeout_ms);

/**
 * Ends a session from which nothing, not even a pong, was received for this time, in milliseconds.
 * The library sends Close 1001 "Idle timeout" and drops the connection, and receiving returns
 * WS_ERR_IDLE_TIMEOUT. Negative, the default: no limit. Ktor's counterpart is the socket timeout.
 *
 * The time does not count while the incoming queue is full, and while the server accepts bytes.
 * The library reads all bytes that have arrived before it ends the session. A stopped process
 * (SIGSTOP, a suspended machine) therefore causes no timeout.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_idle_timeout_ms(ws_config *config, int64_t timeout_ms);

/**
 * Sets the interval of the pings that the library sends, in milliseconds. 0 and negative numbers
 * disable them. Default: 0. See ws_set_ping_interval_ms.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL.
 */
ws_status ws_config_set_ping_interval_ms(ws_config *config, int64_t interval_ms);

/**
 * Sets the time limit for the answer to a ping of the library, in milliseconds. Negative: no
 * limit. Default: twice the interval. See ws_set_ping_timeout_ms.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_ping_timeout_ms(ws_config *config, int64_t timeout_ms);

/**
 * What answers a ping of the library.
 */
enum {
    /**
     * The pong with the payload of the ping.
     */
    WS_LIVENESS_PONG = 0,
    /**
     * Any byte that is received after the ping was sent.
     */
    WS_LIVENESS_ANY = 1,
};
typedef uint32_t ws_ping_liveness;

/**
 * Sets what answers a ping of the library, a ws_ping_liveness. Default: WS_LIVENESS_PONG.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or an unknown number.
 */
ws_status ws_config_set_ping_liveness(ws_config *config, uint32_t liveness);

/**
 * Sets the interval of the pings that the library sends, in milliseconds (Ktor's
 * pingIntervalMillis). 0 and negative numbers disable them. The first ping is sent one interval
 * from now. The next one is sent one interval after the one before, but not before that was
 * answered.
 *
 * Each ping has its own payload, and only the pong with that payload answers it
 * (ws_config_set_ping_liveness). If it is not answered in time, the library sends Close 1011 "Ping
 * timeout" and drops the connection, and receiving returns WS_ERR_PING_TIMEOUT. The time in which
 * the library does not read, because the incoming queue is full, does not count. Pings end when
 * the session begins to close. ws_get_stats returns the last round-trip time.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
 */
ws_status ws_set_ping_interval_ms(ws_session *session, int64_t interval_ms);

/**
 * Returns the interval of the pings, in milliseconds; of the configuration until the session is
 * open. Returns 0 if there are none, for NULL and in a forked child.
 */
int64_t ws_get_ping_interval_ms(const ws_session *session);

/**
 * Sets the time limit for the answer to a ping of the library, in milliseconds (Ktor's
 * timeoutMillis), also for an outstanding ping. Negative: no limit, and pings are sent whether
 * they are answered or not. Until it is set, it is twice the interval.
 *
 * The time starts when the kernel accepts the ping. It starts again while the server accepts bytes
 * that were sent before the ping, and while a frame of the server is arriving. The library reads
 * all bytes that have arrived before it ends the session. A stopped process (SIGSTOP, a suspended
 * machine) therefore causes no timeout.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0, and WS_ERR_FORKED.
 */
ws_status ws_set_ping_timeout_ms(ws_session *session, int64_t timeout_ms);

/**
 * Returns the time limit for the answer to a ping, in milliseconds, -1 for no limit; of the
 * configuration until the session is open. Returns 0 if there are no pings and no limit was set,
 * for NULL and in a forked child.
 */
int64_t ws_get_ping_timeout_ms(const ws_session *session);

/* ---------------------------------------------------------------------------------------------
 * Limits and queues
 *
 * How much memory a session may use, and what happens when it is used up.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Sets the largest payload of a received frame, in bytes: 1 to 2^63-1. Default: 64 MiB. See
 * ws_set_max_frame_size.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
 */
ws_status ws_config_set_max_frame_size(ws_config *config, uint64_t bytes);

/**
 * Sets the largest received message, in bytes: 1 to 2^63-1. Default: 64 MiB. See
 * ws_set_max_message_size.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
 */
ws_status ws_config_set_max_message_size(ws_config *config, uint64_t bytes);

/**
 * Sets the largest payload of a received text or binary frame, in bytes: 1 to 2^63-1 (Ktor's
 * maxFrameSize). It takes effect with the next frame. A frame that announces more is not read: the
 * connection is failed with Close 1009, and receiving returns WS_ERR_FRAME_TOO_BIG.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range, and WS_ERR_FORKED.
 */
ws_status ws_set_max_frame_size(ws_session *session, uint64_t bytes);

/**
 * Returns the largest payload of a received frame, in bytes; of the configuration until the
 * session is open. Returns 0 for NULL.
 */
uint64_t ws_get_max_frame_size(const ws_session *session);

/**
 * Sets the largest received message, in bytes over all its frames: 1 to 2^63-1. It takes effect
 * with the next frame. If a message exceeds it, the connection is failed with Close 1009, and
 * receiving returns WS_ERR_MESSAGE_TOO_BIG.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range, and WS_ERR_FORKED.
 */
ws_status ws_set_max_message_size(ws_session *session, uint64_t bytes);

/**
 * Returns the largest received message, in bytes; of the configuration until the session is open.
 * Returns 0 for NULL.
 */
uint64_t ws_get_max_message_size(const ws_session *session);

/**
 * What happens when a queue is full.
 */
enum {
    /**
     * Wait. TCP stops the server from sending; a sending thread waits for its timeout.
     */
    WS_QUEUE_WAIT = 0,
    /**
     * End the session with Close 1008 and WS_ERR_OVERFLOW. Messages received before are delivered.
     */
    WS_QUEUE_CLOSE = 1,
    /**
     * Drop the oldest messages. ws_stats counts them.
     */
    WS_QUEUE_DROP_OLDEST = 2,
};
typedef uint32_t ws_queue_policy;

/**
 * Bounds the incoming queue, which holds received messages until the application receives them.
 * `messages` is the largest number of messages; 0: no bound. `bytes` is the memory, in bytes, from
 * which the queue accepts no further message; 0: no bound. A message counts with the memory that
 * its payload has allocated (at least 128 bytes, at most twice the payload and some KiB) and 128
 * bytes for its place. `policy` is a ws_queue_policy. Default: 1,024 messages, 4 MiB,
 * WS_QUEUE_WAIT.
 *
 * With WS_QUEUE_WAIT the library does not read while the queue is full. Pings of the server then
 * wait too, and the end of the connection is noticed later. With the other policies it always
 * reads. A thread that waits in ws_recv receives its message regardless of the bounds.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, if both bounds are 0, and for an unknown policy.
 */
ws_status ws_config_set_incoming_queue(ws_config *config,
                                       size_t messages,
                                       size_t bytes,
                                       uint32_t policy);

/**
 * Bounds the messages that wait to be sent. `messages` is the largest number of messages; 0: no
 * bound. `bytes` is the largest size, in bytes, including frame headers; 0: no bound. An empty
 * queue accepts a message of any size. `policy` is a ws_queue_policy. Default: any number of
 * messages, 1 MiB, WS_QUEUE_WAIT.
 *
 * With WS_QUEUE_CLOSE, a message that does not fit ends the session, and its call returns
 * WS_ERR_OVERFLOW. With WS_QUEUE_DROP_OLDEST, whole messages of which nothing was sent are
 * dropped. The message that is being sent, which then does not count, and incomplete fragmented
 * messages stay. permessage-deflate then compresses each message separately, and ws_connect
 * refuses other extensions, because a message may refer to a dropped one.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, if both bounds are 0, and for an unknown policy.
 */
ws_status ws_config_set_outgoing_queue(ws_config *config,
                                       size_t messages,
                                       size_t bytes,
                                       uint32_t policy);

/**
 * Sends a message larger than `bytes` in fragments of that size (RFC 6455 section 5.4), so that a
 * pong or our Close waits for one fragment at most. The server's application receives one message.
 * 0, the default: every message is one frame.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 1 to 124 bytes.
 */
ws_status ws_config_set_auto_fragment(ws_config *config, size_t bytes);

/**
 * Controls whether small messages that follow each other quickly share a system call. 1, the
 * default: the first message of a burst is sent at once. The next ones are sent by the next
 * ws_recv that waits, by ws_flush or ws_close, when they reach 32 KiB, or after about 100
 * microseconds. A message that follows no other message within a third of a millisecond is always
 * sent at once. 0: every message is sent before its call returns.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_coalescing(ws_config *config, int32_t on);

/**
 * Sets how many microseconds, 0 to 1,000, a thread in ws_recv polls for bytes before it sleeps.
 * Polling saves the time that waking up takes, about one round trip on a local network. It
 * occupies a processor. The thread polls only while that has paid off recently. Default: 0.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
 */
ws_status ws_config_set_spin_us(ws_config *config, uint32_t microseconds);

/* ---------------------------------------------------------------------------------------------
 * TLS
 *
 * Trusted authorities, client certificates, names and versions.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Trusts the certificates of a PEM file, which is read now. The system's trust store is then not
 * used, unless ws_config_set_tls_system_store says so.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, for a file that cannot be read, is not a regular file
 * or is larger than 64 MiB, and for a file without a usable certificate.
 */
ws_status ws_config_add_tls_ca_file(ws_config *config, const char *path);

/**
 * Trusts the certificates in `size` bytes of PEM text (WS_NUL_TERMINATED for a C string), as
 * ws_config_add_tls_ca_file does.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and for a text without a usable certificate.
 */
ws_status ws_config_add_tls_ca_pem(ws_config *config,
                                   const char *pem,
                                   size_t size);

/**
 * Trusts the certificates in the files of a directory, which are read now, as
 * ws_config_add_tls_ca_file does. Files without a certificate are ignored.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, for a directory that cannot be read, and for a
 * directory without a usable certificate.
 */
ws_status ws_config_add_tls_ca_dir(ws_config *config, const char *path);

/**
 * Controls the system's trust store. 1: trust its authorities, and those that the configuration
 * adds. 0: trust only the latter. Default: 1 unless an authority was added.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_tls_system_store(ws_config *config, int32_t on);

/**
 * Rejects certificates that the revocation lists of a PEM file name. The file is read now. Further
 * calls add lists. Certificates of an authority without a list are not rejected. The library
 * downloads no list and does not use OCSP.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, for a file that cannot be read, is not a regular file
 * or is larger than 64 MiB, and for a file without a list.
 */
ws_status ws_config_add_tls_crl_file(ws_config *config, const char *path);

/**
 * Sets the client certificate: a PEM file with the certificate and its chain, and a PEM file with
 * its key (PKCS #8, PKCS #1 or SEC1, not encrypted). Both are read now. NULL as `key_path`: both
 * are in one file. NULL as `certificate_path`, the default: no client certificate.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, for a file that cannot be read, is not a
 * regular file, is larger than 64 MiB or lacks its object, and for a key that does not match the
 * certificate.
 */
ws_status ws_config_set_tls_client_cert_file(ws_config *config,
                                             const char *certificate_path,
                                             const char *key_path);

/**
 * Sets the client certificate from PEM text, as ws_config_set_tls_client_cert_file does. Each size
 * may be WS_NUL_TERMINATED. NULL as `key`: the key is in `certificate`.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` or `certificate` is NULL, for a text that lacks its
 * object, and for a key that does not match the certificate.
 */
ws_status ws_config_set_tls_client_cert_pem(ws_config *config,
                                            const char *certificate,
                                            size_t certificate_size,
                                            const char *key,
                                            size_t key_size);

/**
 * Sets the name that is requested (SNI) and that the certificate must have, instead of the URL's
 * host: a host name or an IP address.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or an invalid name.
 */
ws_status ws_config_set_tls_server_name(ws_config *config, const char *name);

/**
 * Controls the verification of the server's certificate. Default: 1 and 1.
 *
 * `peer` 1: the certificate must be valid and trusted. 0: every certificate is accepted,
 * regardless of `host`, and a man in the middle can read and change the connection. The server
 * still proves that it holds the private key of its certificate, and pins are still checked
 * (ws_config_add_tls_pin_sha256). `host` 1: the certificate must have the server's name. 0: it may
 * have any name.
 *
 * RSA keys need 2,048 bits; without verification 1,024 bits suffice if the server signs with PKCS
 * #1 v1.5, which TLS 1.3 does not allow. ECDSA keys are of P-256 or P-384.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or other numbers.
 */
ws_status ws_config_set_tls_verify(ws_config *config, int32_t peer, int32_t host);

/**
 * Accepts only servers whose certificate has this public key, or that of an earlier call. The pin
 * is checked besides the certificate, also if verification is off. It is the SHA-256 of the
 * SubjectPublicKeyInfo in base64, with or without curl's prefix "sha256//". Another key makes
 * ws_connect fail with WS_ERR_TLS_CERTIFICATE, and the error shows it. Default: any key.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and if the pin is not the base64 of 32 bytes.
 */
ws_status ws_config_add_tls_pin_sha256(ws_config *config, const char *pin);

/**
 * Versions of TLS, with the numbers of the protocol.
 */
enum {
    /**
     * TLS 1.2.
     */
    WS_TLS_1_2 = 771,
    /**
     * TLS 1.3.
     */
    WS_TLS_1_3 = 772,
};
typedef uint32_t ws_tls_version;

/**
 * Sets the lowest version of TLS, a ws_tls_version. Default: WS_TLS_1_2. The library does not
 * support older versions.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or an unknown number.
 */
ws_status ws_config_set_tls_min_version(ws_config *config, uint32_t version);

/**
 * Sets the protocols to offer within TLS (ALPN, RFC 7301), separated by commas. Default:
 * "http/1.1". NULL: none.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an empty name or one of more than
 * 255 bytes. Returns WS_ERR_UNSUPPORTED for "h2" and "h3", which a server could choose.
 */
ws_status ws_config_set_tls_alpn(ws_config *config, const char *protocols);

/**
 * Appends the secrets of TLS connections to a file, in the NSS format that Wireshark reads. The
 * file is opened now. If it does not exist, it is created for its owner only. NULL, the default:
 * none. The library does not use SSLKEYLOGFILE.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for a file that cannot be written or is
 * a pipe.
 */
ws_status ws_config_set_tls_key_log_file(ws_config *config, const char *path);

/* ---------------------------------------------------------------------------------------------
 * Addresses, sockets and proxies
 *
 * How the connection reaches the server.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Connects through a proxy. The URL has the form "SCHEME://USER:PASSWORD@HOST:PORT". The scheme is
 * http, https (TLS to the proxy), socks5 (the library resolves names) or socks5h (the proxy
 * resolves names); without one it is http. User and password are optional and percent-encoded. The
 * default port is 1080, for https 443, as in curl. The proxy opens a tunnel by CONNECT, for ws
 * URLs too. NULL: no proxy, also not that of the environment.
 *
 * If the proxy fails, ws_connect fails with WS_ERR_PROXY or WS_ERR_PROXY_AUTH; there is no direct
 * fallback. The ws_error_http_ functions return the proxy's answer. The certificate of an https
 * proxy is always verified, against the same authorities as the server's.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an invalid URL.
 */
ws_status ws_config_set_proxy(ws_config *config, const char *url);

/**
 * Controls the proxy of the environment, which ws_connect reads. 1, the default: use it. 0: no
 * proxy. It replaces ws_config_set_proxy.
 *
 * For ws URLs the first variable of ws_proxy, WS_PROXY, http_proxy, all_proxy and ALL_PROXY that
 * is set is used; for wss URLs the first of wss_proxy, WSS_PROXY, https_proxy, HTTPS_PROXY,
 * all_proxy and ALL_PROXY. An empty value means no proxy. HTTP_PROXY is not used, because it is a
 * request header in CGI programs. no_proxy or NO_PROXY lists exceptions, separated by commas or
 * spaces: "*" for all hosts, names, which include their subdomains, addresses, networks
 * ("10.0.0.0/8", "fd00::/8"), and names and addresses with a port.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number. A malformed proxy in the environment
 * makes ws_connect fail with WS_ERR_PROXY; the library does not connect directly instead.
 */
ws_status ws_config_set_proxy_from_env(ws_config *config, int32_t on);

/**
 * Connects to `address` instead of resolving `host`, for URLs with this host and `port` (0: any
 * port). Further calls add addresses. The Host header, SNI and the certificate check still use the
 * URL's host. It has no effect behind a proxy that resolves names.
 *
 * `address` is an IP address: "127.0.0.1", "::1", "fe80::1%eth0".
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and for an invalid host or address.
 */
ws_status ws_config_add_resolve(ws_config *config,
                                const char *host,
                                uint16_t port,
                                const char *address);

/**
 * Binds connections to this IP address of the machine. Only server addresses of its family are
 * then tried. NULL, the default: the system chooses. An address that the machine does not have
 * makes ws_connect fail with WS_ERR_CONNECT.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an invalid address.
 */
ws_status ws_config_set_local_address(ws_config *config, const char *address);

/**
 * Connects to a Unix socket instead of the URL's host: a path of at most 107 bytes, or "@" and an
 * abstract name. The Host header and the name in the certificate still are the URL's. Proxies of
 * the environment are not used; with ws_config_set_proxy, ws_connect returns
 * WS_ERR_INVALID_ARGUMENT. NULL, the default: TCP. It replaces ws_config_set_socket_fd.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an empty or longer path.
 */
ws_status ws_config_set_unix_socket(ws_config *config, const char *path);

/**
 * Opens the next session on a connected stream socket. The library duplicates the descriptor: the
 * caller may close it at any time. While the session lasts, nobody else may read from the socket,
 * write to it or change its options. The first session takes the socket; further sessions of the
 * configuration, redirects and reconnecting fail with WS_ERR_STATE. Proxies are as with
 * ws_config_set_unix_socket, which it replaces. -1, the default: a new connection.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an invalid descriptor. A descriptor
 * that is not a connected stream socket makes ws_connect fail with WS_ERR_CONNECT.
 */
ws_status ws_config_set_socket_fd(ws_config *config, int32_t fd);

/**
 * Controls TCP_NODELAY. 1, the default: the kernel sends every message at once. 0: the kernel may
 * wait for more.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_tcp_nodelay(ws_config *config, int32_t on);

/**
 * Enables TCP keepalive: after `idle_s` seconds without a byte the kernel probes the connection
 * every `interval_s` seconds, and ends it after `count` unanswered probes. 0 as `idle_s`, the
 * default, disables it. Pings also check that the server program responds
 * (ws_config_set_ping_interval_ms).
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, more than 32,767 seconds, an interval of 0, or a count
 * that is not 1 to 127.
 */
ws_status ws_config_set_tcp_keepalive(ws_config *config,
                                      uint32_t idle_s,
                                      uint32_t interval_s,
                                      uint32_t count);

/* ---------------------------------------------------------------------------------------------
 * Credentials, cookies and redirects
 *
 * What a server may ask for before it opens the session.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Sends a user name and a password with the handshake (Basic authentication, RFC 7617). It
 * replaces the Authorization header. An unencrypted connection reveals them. NULL as `user`
 * removes them.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` or `password` is NULL, for a control character, and
 * for a colon in the user name.
 */
ws_status ws_config_set_basic_auth(ws_config *config,
                                   const char *user,
                                   const char *password);

/**
 * Sends a token with the handshake (Bearer, RFC 6750). It replaces the Authorization header. NULL
 * removes it.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for an empty token or one with another
 * character than letters, digits and "-._~+/=".
 */
ws_status ws_config_set_bearer_token(ws_config *config, const char *token);

/**
 * Sets how many redirects are followed (statuses 301, 302, 303, 307 and 308): 0 to 100. Default:
 * 0, so that a redirect fails with WS_ERR_HANDSHAKE_STATUS. One redirect more fails with
 * WS_ERR_TOO_MANY_REDIRECTS. The target may be a relative URL, or one of ws, wss, http and https.
 * A redirect from wss to ws is refused. The configuration's Authorization, Cookie and Host headers
 * and the credentials of the URL are sent only to the same scheme, host and port; other headers
 * are sent to every target. A redirect that cannot be followed fails with
 * WS_ERR_HANDSHAKE_INVALID.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or more than 100.
 */
ws_status ws_config_set_max_redirects(ws_config *config, uint32_t count);

/**
 * A request of a server for credentials: an answer to the handshake with the status 401. It is
 * lent to a ws_auth_callback until that returns.
 */
typedef struct ws_auth ws_auth;

/**
 * A function that supplies credentials. It calls ws_auth_basic, ws_auth_digest, ws_auth_bearer or
 * ws_auth_header; the last call counts. If it calls none of them, ws_connect fails with
 * WS_ERR_HANDSHAKE_STATUS.
 */
typedef void (*ws_auth_callback)(ws_auth *auth, void *user_data);

/**
 * Sets the function that supplies credentials if a server requires them. The library then repeats
 * the handshake, at most 8 times. The credentials are for the server that has asked. NULL, the
 * default: none.
 *
 * The thread that opens the session calls it: the one in ws_connect, or a thread of the library
 * for ws_connect_async and for reconnecting. Several sessions may call it at the same time.
 * `user_data` must remain valid as long as the configuration opens sessions and they reconnect.
 * The time in the function counts only for the limit of ws_config_set_open_timeout_ms, which does
 * not interrupt it: if it returns too late, opening fails with WS_ERR_TIMEOUT, and the error names
 * the callback.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL.
 */
ws_status ws_config_set_auth_callback(ws_config *config,
                                      ws_auth_callback callback,
                                      void *user_data);

/**
 * Returns the URL that requires credentials, without credentials. Returns "" for NULL.
 */
const char *ws_auth_url(const ws_auth *auth);

/**
 * Returns the `index`-th WWW-Authenticate header (from 0). Returns NULL after the last one, and
 * for NULL.
 */
const char *ws_auth_challenge(const ws_auth *auth, size_t index);

/**
 * Returns the number of this request in the opening, from 1. Returns 0 for NULL. From 2 on, the
 * server has refused the answer before, or requires a new digest.
 */
uint32_t ws_auth_attempt(const ws_auth *auth);

/**
 * Answers with a user name and a password (Basic, RFC 7617).
 *
 * Returns WS_ERR_INVALID_ARGUMENT as ws_config_set_basic_auth does.
 */
ws_status ws_auth_basic(ws_auth *auth,
                        const char *user,
                        const char *password);

/**
 * Answers with a digest of a user name and a password (RFC 7616), for the first challenge that the
 * library supports: MD5, SHA-256 or SHA-512/256, with `qop=auth` or without qop.
 *
 * Returns WS_ERR_STATE if there is no such challenge, and WS_ERR_INVALID_ARGUMENT for NULL and
 * control characters.
 */
ws_status ws_auth_digest(ws_auth *auth,
                         const char *user,
                         const char *password);

/**
 * Answers with a token (Bearer, RFC 6750).
 *
 * Returns WS_ERR_INVALID_ARGUMENT as ws_config_set_bearer_token does.
 */
ws_status ws_auth_bearer(ws_auth *auth,
                         const char *token);

/**
 * Answers with the value of an Authorization header.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a control character.
 */
ws_status ws_auth_header(ws_auth *auth,
                         const char *value);

/**
 * A store of cookies that sessions share (RFC 6265). ws_cookie_jar_new creates it,
 * ws_config_set_cookie_jar adds it to configurations, ws_cookie_jar_free frees it. Any thread may
 * use it at any time.
 *
 * The jar exists in memory only. It holds at most 3,000 cookies and 4 MiB, and of one registrable
 * domain with its subdomains at most 180 cookies and 256 KiB. It rejects a cookie of more than
 * 4,096 bytes, and more than 180 cookies in one answer. To make room, it removes the cookie that
 * was sent or set least recently, of the domain or of all.
 *
 * The jar rejects cookies for a public suffix, a domain under which anyone can register names,
 * like "co.uk". The list of the system names them (/usr/share/publicsuffix/public_suffix_list.dat,
 * Debian's package publicsuffix). Without the list, a cookie is sent only to the host that set it.
 *
 * A forked child has its own copy, which is empty if another thread was changing the jar during
 * the fork.
 */
typedef struct ws_cookie_jar ws_cookie_jar;

/**
 * Creates an empty jar. The caller frees it with ws_cookie_jar_free. Returns NULL if there is not
 * enough memory.
 */
ws_cookie_jar *ws_cookie_jar_new(void);

/**
 * Frees a jar. Configurations with the jar continue to use it. NULL is allowed.
 */
void ws_cookie_jar_free(ws_cookie_jar *jar);

/**
 * Sends the cookies of a jar with the handshake, after those of a Cookie header of the
 * configuration, and stores the cookies that servers set, also with redirects and refusals. NULL,
 * the default: no jar. The application can send a Cookie header and read Set-Cookie with
 * ws_response_header and ws_error_http_header.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL.
 */
ws_status ws_config_set_cookie_jar(ws_config *config, const ws_cookie_jar *jar);

/**
 * Stores a cookie as if a server at `url` had set it. `set_cookie` is the value of a Set-Cookie
 * header.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and for a cookie that is malformed, too long, for
 * another URL, or for a public suffix. Returns WS_ERR_URL for an invalid URL.
 */
ws_status ws_cookie_jar_add(ws_cookie_jar *jar, const char *url, const char *set_cookie);

/**
 * Writes the value of the Cookie header for a handshake with `url` to `buffer`, at most `capacity`
 * bytes, without a NUL, and its size to `*size`. The size is 0 if no cookie matches.
 *
 * Returns WS_ERR_BUFFER_TOO_SMALL, with the required size in `*size`, WS_ERR_INVALID_ARGUMENT for
 * NULL (`buffer` may be NULL if `capacity` is 0), and WS_ERR_URL for an invalid URL.
 */
ws_status ws_cookie_jar_header(ws_cookie_jar *jar,
                               const char *url,
                               char *buffer,
                               size_t capacity,
                               size_t *size);

/**
 * Removes all cookies. NULL is allowed.
 */
void ws_cookie_jar_clear(ws_cookie_jar *jar);

/* ---------------------------------------------------------------------------------------------
 * Event loops
 *
 * Opening and receiving without waiting: a descriptor for poll, epoll and the loops that use them.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Opens a session as ws_connect does, on a thread of the library, and returns at once. Until the
 * session is open, ws_state returns WS_STATE_CONNECTING. Then the library calls on_open of
 * ws_callbacks, or on_close if the session could not be opened. ws_wait_open and receiving wait
 * for the opening. A group receives a session that could not be opened as one that has ended.
 *
 * While the session is being opened, functions that need an open session return WS_ERR_STATE.
 * ws_abort, ws_close and ws_session_free cancel the opening. The library opens at most 512
 * sessions at the same time; further ones wait.
 *
 * On success `*session` is a handle, which the caller frees with ws_session_free. Callbacks may
 * receive the session before this call returns. On failure `*session` is NULL, and no callback is
 * called.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `url` or `session` is NULL. Returns the status of a refused
 * setting (ws_config_error). Returns WS_ERR_URL. Returns WS_ERR_STATE if the group is freed, and
 * WS_ERR_FORKED for a group of the parent process. Returns WS_ERR_NO_MEMORY for a long URL, and
 * WS_ERR_INTERNAL if the system provides no threads or descriptors.
 */
ws_status ws_connect_async(const char *url,
                           const ws_config *config,
                           ws_session **session);

/**
 * Waits until a session is open, at most `timeout_ms` milliseconds (0: does not wait, negative: no
 * limit). A session of ws_connect is open already.
 *
 * On failure `*error`, unless `error` is NULL, is an error, which the caller frees with
 * ws_error_free. On success it is NULL.
 *
 * Returns the status of ws_connect if the session could not be opened, WS_ERR_ABORTED after
 * ws_abort, and WS_ERR_TIMEOUT and WS_ERR_INTERRUPTED while the opening continues. Returns
 * WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
 */
ws_status ws_wait_open(ws_session *session,
                       int64_t timeout_ms,
                       ws_error **error);

/**
 * Interrupts the calls of ws_connect with this configuration in other threads: they return
 * WS_ERR_INTERRUPTED. If there is none, the next call returns it. Sessions of ws_connect_async and
 * copies of the configuration are not affected. In a forked child it interrupts calls of the child
 * only.
 *
 * It is async-signal-safe, and other threads may use the configuration.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL.
 */
ws_status ws_config_interrupt(const ws_config *config);

/**
 * Returns a file descriptor for poll(2), epoll(7) and event loops. When it is readable, call
 * ws_recv with a timeout of 0 until it returns WS_ERR_TIMEOUT. The calling thread then reads the
 * connection itself.
 *
 *     struct pollfd ready = {ws_event_fd(session), POLLIN, 0};
 *     ws_status status = WS_ERR_TIMEOUT;
 *     while (status == WS_ERR_TIMEOUT) {
 *         poll(&ready, 1, -1);
 *         while ((status = ws_recv(session, &frame, 0)) == WS_OK) {
 *             fwrite(frame->data, 1, frame->size, stdout);
 *             ws_frame_free(frame);
 *         }
 *     }
 *
 * The descriptor is level-triggered. It is readable while ws_recv would return something other
 * than WS_ERR_TIMEOUT: a message, the end of the session, or the failure to open it. It may also
 * be readable without a message, for example after a ping or a part of a message; ws_recv then
 * returns WS_ERR_TIMEOUT. After that, it is not readable until something arrives.
 *
 * The session owns the descriptor. Each call returns the same one, also after reconnecting. The
 * last ws_session_free closes it before it returns, which removes it from every epoll set. Do not
 * close it, read it, write it or duplicate it: a duplicate stays in an epoll set.
 *
 * It can be called as soon as ws_connect_async has returned. While the application does not
 * receive, the library reads in its place and answers pings within 50 ms. ws_recv can still wait.
 *
 * Returns -1 for NULL, if the messages go to a callback or a group, in a forked child, and if the
 * system provides no descriptor.
 */
int32_t ws_event_fd(ws_session *session);

/* ---------------------------------------------------------------------------------------------
 * Callbacks
 *
 * Functions of the application that the library calls when something happens to a session.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * A function that receives the frames of a session. The frame is lent until the function returns.
 * See ws_callbacks.
 */
typedef void (*ws_frame_callback)(ws_session *session, const ws_frame *frame, void *user_data);

/**
 * A function that is called when the library no longer uses `user_data`.
 */
typedef void (*ws_drop_callback)(void *user_data);

/**
 * Functions that the library calls for events of a session. The caller sets `struct_size`. Each
 * function may be NULL.
 *
 * Threads of the library call them with no lock held: for one session one at a time, in order. A
 * callback may take any time. It delays only later callbacks of its own session; meanwhile the
 * library answers pings, and messages wait in the incoming queue.
 *
 * A callback may call every function of the library. Functions that would wait for a later
 * callback of the same session return WS_ERR_STATE: ws_recv, ws_wait_closed and ws_session_end.
 * ws_shutdown returns WS_ERR_STATE in every callback. A callback may call ws_session_free: no
 * on_frame follows, but on_close does. If ws_connect fails, no callback is called for that
 * session.
 *
 * A callback may call fork. The child has only the thread that called it. When the callback
 * returns in the child, that thread ends, and the child exits with status 0 unless it has started
 * other threads. The same holds for every function of the application that a thread of the library
 * calls.
 */
typedef struct ws_callbacks {
    /**
     * sizeof(ws_callbacks), set by the caller.
     */
    size_t struct_size;
    /**
     * The session is open. This is the first callback. It is not called if the session could not
     * be opened. It may be called before ws_connect returns. If it frees the session before that,
     * ws_connect returns WS_ERR_ABORTED.
     */
    void (*on_open)(ws_session *session, void *user_data);
    /**
     * A frame was received. It is lent until the function returns. With this function ws_recv
     * returns WS_ERR_STATE. Without it, messages are received by the other functions.
     */
    ws_frame_callback on_frame;
    /**
     * The outgoing queue has room again after a send returned WS_ERR_TIMEOUT because the queue was
     * full.
     */
    void (*on_writable)(ws_session *session, void *user_data);
    /**
     * The session has ended, or could not be opened. `status` is what ws_recv returns at the end,
     * or what ws_connect would have returned. ws_session_error and ws_get_close_info return the
     * details. This is the last callback. It is called exactly once for every session that
     * ws_connect or ws_connect_async returned, also if ws_shutdown ends it.
     */
    void (*on_close)(ws_session *session, ws_status status, void *user_data);
    /**
     * The library no longer uses `user_data`: all configurations with these callbacks are freed or
     * have others, and all their sessions have ended.
     */
    ws_drop_callback drop;
} ws_callbacks;

/**
 * Sets the functions that the library calls for sessions of the configuration; see ws_callbacks.
 * NULL as `callbacks` removes them. All sessions of the configuration share `user_data`, which
 * must remain valid until `drop` is called. For data of one session see ws_set_user_data.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, and for a wrong `struct_size`. After an
 * error the library does not call `drop`.
 */
ws_status ws_config_set_callbacks(ws_config *config,
                                  const ws_callbacks *callbacks,
                                  void *user_data);

/**
 * Delivers the messages of an open session to a function from now on, beginning with those in the
 * incoming queue. It is called like on_frame of ws_callbacks. When the session has ended, the
 * library calls it once more, with NULL as the frame; ws_session_error and ws_get_close_info
 * return the details. Then it calls `drop`, which may be NULL, with `user_data`. Calls of ws_recv,
 * also those that wait, return WS_ERR_STATE.
 *
 * Returns WS_ERR_STATE while the session is being opened, if its messages go to a callback, a
 * group or the event descriptor, and if on_close of its ws_callbacks has begun. Returns the status
 * of ws_connect if the session could not be opened. Returns WS_ERR_INVALID_ARGUMENT for NULL,
 * WS_ERR_ABORTED after ws_shutdown, and WS_ERR_FORKED. After an error the library calls neither
 * the function nor `drop`.
 */
ws_status ws_recv_callback(ws_session *session,
                           ws_frame_callback function,
                           void *user_data,
                           ws_drop_callback drop);

/* ---------------------------------------------------------------------------------------------
 * Groups
 *
 * Many sessions that one thread receives from.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Sessions that are received from together and end together. ws_group_new creates a group,
 * ws_config_set_group adds sessions to it, ws_group_free frees it. Any thread may call any
 * function on it at any time. It belongs to the process that created it.
 */
typedef struct ws_group ws_group;

/**
 * Creates an empty group. The caller frees it with ws_group_free. Returns NULL on failure.
 */
ws_group *ws_group_new(void);

/**
 * Frees a group and aborts its sessions, as ws_abort does (structured lifetime, as Ktor's
 * CoroutineScope). The application still frees their handles. Calls that wait in other threads
 * return WS_ERR_ABORTED. A ws_connect for the group in another thread returns WS_ERR_ABORTED, or a
 * session that is aborted. For a clean end call ws_group_close first. NULL is allowed.
 *
 * A configuration with the group can be used again after ws_config_set_group with another group or
 * NULL. In a forked child the function only frees the handle.
 */
void ws_group_free(ws_group *group);

/**
 * Adds the sessions that are opened with the configuration to a group. ws_group_recv receives
 * their messages, and ws_recv on one of them returns WS_ERR_STATE. NULL as `group`, the default:
 * no group.
 *
 * The configuration may have callbacks, but not on_frame: ws_connect then returns
 * WS_ERR_INVALID_ARGUMENT. In a forked child connecting with a group of the parent returns
 * WS_ERR_FORKED.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL.
 */
ws_status ws_config_set_group(ws_config *config,
                              ws_group *group);

/**
 * Receives the next message of any session of a group. Waits at most `timeout_ms` milliseconds (0:
 * does not wait, negative: no limit). Sessions take turns: each session with messages delivers one
 * before any delivers a second. The cost does not depend on the number of sessions. Several
 * threads may wait.
 *
 * On success `*session` is the session that received the message, and `*frame` is a frame, which
 * the caller frees with ws_frame_free. If a session has ended, or could not be opened, the
 * function returns its status once, after its messages, with the session in `*session` and NULL in
 * `*frame`. The session then no longer belongs to the group.
 *
 *     while (ws_group_size(group) > 0) {
 *         ws_status status = ws_group_recv(group, &session, &frame, -1);
 *         if (status == WS_OK) {
 *             fwrite(frame->data, 1, frame->size, stdout);
 *             ws_frame_free(frame);
 *         } else if (session != NULL) {
 *             ws_session_free(session);
 *         } else {
 *             break;
 *         }
 *     }
 *
 * `*session` is lent: the handle belongs to the owner that opened the session. A thread that frees
 * a session must make sure that no other thread uses it after ws_group_recv.
 *
 * Returns, with NULL in `*session` and `*frame`, WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED,
 * WS_ERR_ABORTED if the group was freed, WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
 */
ws_status ws_group_recv(ws_group *group,
                        ws_session **session,
                        ws_frame **frame,
                        int64_t timeout_ms);

/**
 * Returns a file descriptor for poll(2), epoll(7) and event loops. It is readable while
 * ws_group_recv with a timeout of 0 would return something other than WS_ERR_TIMEOUT.
 *
 * The group owns the descriptor. Each call returns the same one. ws_group_free closes it, which
 * removes it from every epoll set. Do not close it, read it, write it or duplicate it.
 *
 * Returns -1 for NULL, in a forked child, and if the system provides no descriptor.
 */
int32_t ws_group_event_fd(ws_group *group);

/**
 * Closes all sessions of a group, as ws_close does, and waits until they are closed, as
 * ws_wait_closed does, at most `timeout_ms` milliseconds (0: does not wait, negative: no limit).
 * It cancels the opening of sessions of ws_connect_async. Messages that arrived before the end can
 * still be received.
 *
 * Returns WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED if ws_interrupt was called on the session that it
 * waits for, and WS_ERR_STATE in a callback of one of the sessions. After these three, closing
 * continues. Returns WS_ERR_INVALID_ARGUMENT as ws_close does, and WS_ERR_FORKED; these two close
 * nothing.
 */
ws_status ws_group_close(ws_group *group,
                         uint32_t code,
                         const char *reason,
                         size_t length,
                         int64_t timeout_ms);

/**
 * Interrupts the calls of ws_group_recv that wait in other threads: they return
 * WS_ERR_INTERRUPTED. If none waits, the next call that would wait returns it. No message is lost.
 * It is async-signal-safe, unless another thread may free the group meanwhile.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
 */
ws_status ws_group_interrupt(ws_group *group);

/**
 * Returns the number of sessions in a group: those that are being opened or open, and those whose
 * end was not received yet. Returns 0 for NULL and in a forked child.
 */
size_t ws_group_size(const ws_group *group);

/* ---------------------------------------------------------------------------------------------
 * Reconnecting
 *
 * Sessions that outlive their connections, and the events of their connections.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Flags of ws_reconnect_options, to be ORed.
 */
enum {
    /**
     * Messages that the kernel has not accepted are sent on the next connection, and during an
     * outage messages are accepted as long as they fit the outgoing queue. Without the flag they
     * are lost with the connection, and sending waits for the next one.
     */
    WS_RECONNECT_KEEP_UNSENT = 1,
    /**
     * The first opening is repeated too, by the same rules. ws_connect returns an error, and a
     * session of ws_connect_async fails, only if no further attempt is made. max_outage_ms counts
     * from the call. The time limits of the configuration apply to each attempt.
     */
    WS_RECONNECT_FIRST = 2,
};
typedef uint32_t ws_reconnect_flags;

/**
 * An attempt to connect that follows a loss or a failed attempt. It is lent to a
 * ws_reconnect_preparation until that returns.
 */
typedef struct ws_attempt ws_attempt;

/**
 * A function that decides whether to make another attempt. It is called when the connection is
 * lost, and after each failed attempt, but not before on_open has returned.
 *
 * `why` is the error of the loss or of the attempt, lent until the function returns; its status is
 * WS_ERR_CLOSED if the server closed the session. `attempt` is the number of the next attempt,
 * from 1. `suggested` is 1 if the library would make it, else 0. `*delay_ms` is the delay before
 * it, in milliseconds, which the function may change.
 *
 * It returns 1 to make the attempt, or 0 to give up: the session then ends with the error of the
 * last attempt, or as it would have ended without reconnecting. A thread of the library calls it
 * with no lock held; for the first opening, the thread in ws_connect. It may take any time. Do not
 * wait for this session inside it: ws_recv, ws_wait_closed and ws_shutdown return WS_ERR_STATE,
 * and sending and ws_flush wait for their timeouts.
 */
typedef int32_t (*ws_reconnect_decision)(ws_session *session,
                                         const ws_error *why,
                                         uint32_t attempt,
                                         int32_t suggested,
                                         int64_t *delay_ms,
                                         void *user_data);

/**
 * A function that prepares an attempt. It may set another URL and header fields for this attempt
 * only. It is called like a ws_reconnect_decision, and the same restrictions apply.
 */
typedef void (*ws_reconnect_preparation)(ws_session *session, ws_attempt *attempt, void *user_data);

/**
 * How a session reconnects. The caller sets `struct_size`. All other members may be 0, which is
 * the default.
 */
typedef struct ws_reconnect_options {
    /**
     * sizeof(ws_reconnect_options), set by the caller.
     */
    size_t struct_size;
    /**
     * The delay before the first attempt, in milliseconds. It doubles with each attempt. The
     * actual delay is a random part of it, between half and all. 0: 500.
     */
    int64_t first_delay_ms;
    /**
     * The longest delay, in milliseconds. 0: 30,000. A connection that lasts less does not reset
     * the delay.
     */
    int64_t max_delay_ms;
    /**
     * The longest outage, in milliseconds, after which no attempt is made. 0: no limit.
     */
    int64_t max_outage_ms;
    /**
     * The largest number of attempts in an outage. 0: no limit.
     */
    uint32_t max_attempts;
    /**
     * An OR of ws_reconnect_flags.
     */
    uint32_t flags;
    /**
     * The longest Retry-After of a server that is obeyed, in milliseconds. A longer one is
     * shortened to it. 0: 300,000.
     */
    int64_t max_retry_after_ms;
    /**
     * Makes the final decision. NULL: the library decides.
     */
    ws_reconnect_decision decide;
    /**
     * Called before each attempt. NULL: the attempts are equal.
     */
    ws_reconnect_preparation prepare;
    /**
     * Passed to `decide` and `prepare`. Several threads may use it at the same time. The end of a
     * session does not wait for a call of these functions that has begun: it must remain valid
     * until that returns, which it has done when ws_shutdown returns WS_OK.
     */
    void *user_data;
} ws_reconnect_options;

/**
 * Opens another connection when the connection of a session is lost. NULL, the default: the
 * session ends with its connection.
 *
 * The library reconnects after: the end of the connection without a Close, a reset, a ping without
 * an answer, the idle timeout, TLS records that cannot be decrypted, and the close codes 1001,
 * 1011, 1012, 1013 and 1014 of the server. It repeats an attempt that failed because of the
 * network (resolving, connecting, the proxy, timeouts, a lost connection), and after the HTTP
 * statuses 408, 425, 429, 500, 502, 503, 504 and 520 to 524 of the server or the proxy. A
 * Retry-After of such an answer, in seconds or as a date, is obeyed up to `max_retry_after_ms`.
 * Everything else ends the session: other close codes, protocol violations, certificates, other
 * statuses, full queues with WS_QUEUE_CLOSE, ws_close and ws_abort.
 *
 * During an outage ws_state returns WS_STATE_CONNECTING, and ws_session_error returns why the
 * connection is lost. Receiving waits for messages of the next connection. Sending waits as for
 * room in the queue, or with WS_RECONNECT_KEEP_UNSENT queues the message. ws_flush waits, or
 * returns WS_ERR_IO if queued messages are lost. ws_close ends the session at once.
 * ws_config_set_deliver_events delivers the loss and the new connection in their place among the
 * messages; ws_stats counts the new connections.
 *
 * Messages that were sent before the loss may not have arrived, the server may have sent messages
 * in between, and the new connection may lead to another server: repeat subscriptions and the
 * like. A message of which a part is lost is never delivered. If it was being sent in fragments,
 * the next fragment returns WS_ERR_IO once, unless WS_RECONNECT_KEEP_UNSENT keeps the message. The
 * settings, the subprotocol and, unless `prepare` changes it, the URL remain the same; a server
 * that chooses another subprotocol ends the session. ws_request_url, the header functions and the
 * extensions describe the first connection.
 *
 *     ws_reconnect_options options = {0};
 *     options.struct_size = sizeof options;
 *     ws_config_set_reconnect(config, &options);
 *     ws_config_set_ping_interval_ms(config, 20000);
 *     ws_config_set_deliver_events(config, WS_EVENT_OPENED | WS_EVENT_RESUMED);
 *     if (ws_connect(url, config, &session, NULL) == WS_OK) {
 *         while (ws_recv(session, &frame, -1) == WS_OK) {
 *             if (frame->type == WS_FRAME_OPENED || frame->type == WS_FRAME_RESUMED)
 *                 ws_send_text(session, "subscribe", WS_NUL_TERMINATED);
 *             else
 *                 fwrite(frame->data, 1, frame->size, stdout);
 *             ws_frame_free(frame);
 *         }
 *         ws_session_free(session);
 *     }
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, for a wrong `struct_size`, a negative
 * number and an unknown flag. ws_connect returns it for a raw session, and for
 * WS_RECONNECT_KEEP_UNSENT with an outgoing queue that drops messages.
 */
ws_status ws_config_set_reconnect(ws_config *config,
                                  const ws_reconnect_options *options);

/**
 * Returns the number of the attempt in this outage, from 1. Returns 0 for NULL.
 */
uint32_t ws_attempt_number(const ws_attempt *attempt);

/**
 * Returns the error of the attempt before, or for the first attempt the error of the loss. The
 * error is lent until the ws_reconnect_preparation returns. Returns NULL for NULL.
 */
const ws_error *ws_attempt_last_error(const ws_attempt *attempt);

/**
 * Connects to another URL in this attempt. If its scheme, host or port differs, the
 * configuration's Authorization, Cookie and Host headers are not sent; those of
 * ws_attempt_set_header are. ws_request_url still returns the first URL.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_URL. After an error the attempt fails with
 * it.
 */
ws_status ws_attempt_set_url(ws_attempt *attempt, const char *url);

/**
 * Sets a header field of the opening handshake of this attempt, for example a new Authorization.
 * It replaces all fields with this name. A value of NULL removes them.
 *
 * Returns WS_ERR_INVALID_ARGUMENT as ws_config_add_header does. After an error the attempt fails
 * with it.
 */
ws_status ws_attempt_set_header(ws_attempt *attempt, const char *name, const char *value);

/**
 * Events of a session, as bits.
 */
enum {
    /**
     * WS_FRAME_OPENED.
     */
    WS_EVENT_OPENED = 1,
    /**
     * WS_FRAME_LOST.
     */
    WS_EVENT_LOST = 2,
    /**
     * WS_FRAME_RESUMED.
     */
    WS_EVENT_RESUMED = 4,
};
typedef uint32_t ws_event_frames;

/**
 * Delivers events of the session as frames among the messages, in order, by every way of
 * receiving. A program can thus locate the gap in a feed. `mask` is an OR of ws_event_frames.
 * Default: 0, none.
 *
 * An event needs no room in the incoming queue. With WS_QUEUE_DROP_OLDEST it can be dropped like a
 * message. Outages with no message between them are delivered as one.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or an unknown bit.
 */
ws_status ws_config_set_deliver_events(ws_config *config, uint32_t mask);

/* ---------------------------------------------------------------------------------------------
 * About a session
 *
 * Its handshake, its connection, its numbers, and what the application stores with it.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Sets the pointer that ws_get_user_data returns for sessions of the configuration. It is set
 * before the first callback. The library does not use what it points to. Default: NULL.
 * ws_set_user_data changes it for one session.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL.
 */
ws_status ws_config_set_user_data(ws_config *config, void *user_data);

/**
 * Sets the pointer that ws_get_user_data returns for this session. The library does not use what
 * it points to.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `session` is NULL.
 */
ws_status ws_set_user_data(ws_session *session, void *user_data);

/**
 * Returns the pointer of ws_set_user_data, or else of ws_config_set_user_data. Returns NULL if
 * neither was called, and for NULL.
 */
void *ws_get_user_data(const ws_session *session);

/**
 * Returns the subprotocol that the server chose. Returns "" if it chose none, and NULL while the
 * session is being opened and for NULL. The string is lent until the session is freed.
 */
const char *ws_subprotocol(const ws_session *session);

/**
 * Returns the URL of the session in its normal form, without user and password (Ktor's
 * call.request.url). Returns NULL while the session is being opened and for NULL. The string is
 * lent until the session is freed.
 */
const char *ws_request_url(const ws_session *session);

/**
 * Returns a header field of the handshake's request: the `index`-th (from 0) with this name. Case
 * is ignored. The string is lent until the session is freed.
 *
 * Returns NULL if there is no such field, while the session is being opened, and for NULL.
 */
const char *ws_request_header(const ws_session *session, const char *name, size_t index);

/**
 * Writes the `index`-th header field (from 0) of the handshake's request to `*name` and `*value`,
 * in the order in which they were sent. The strings are lent until the session is freed.
 *
 *     const char *name, *value;
 *     for (size_t i = 0; ws_request_header_at(session, i, &name, &value); i++)
 *         printf("%s: %s\n", name, value);
 *
 * Returns 1. Returns 0, with NULL in `*name` and `*value`, after the last field, while the session
 * is being opened, and for NULL.
 */
int32_t ws_request_header_at(const ws_session *session,
                             size_t index,
                             const char **name,
                             const char **value);

/**
 * Returns the HTTP status of the handshake's response: 101. Returns 0 while the session is being
 * opened and for NULL.
 */
uint32_t ws_response_status(const ws_session *session);

/**
 * Returns a header field of the handshake's response: the `index`-th (from 0) with this name. Case
 * is ignored. The string is lent until the session is freed. It is what the server sent, which
 * need not be UTF-8.
 *
 * Returns NULL if there is no such field, while the session is being opened, and for NULL.
 */
const char *ws_response_header(const ws_session *session, const char *name, size_t index);

/**
 * Writes the `index`-th header field (from 0) of the handshake's response to `*name` and `*value`,
 * in the order in which the server sent them. The strings are lent until the session is freed.
 * They are what the server sent, which need not be UTF-8.
 *
 * Returns 1. Returns 0, with NULL in `*name` and `*value`, after the last field, while the session
 * is being opened, and for NULL.
 */
int32_t ws_response_header_at(const ws_session *session,
                              size_t index,
                              const char **name,
                              const char **value);

/**
 * The connection of a session. The caller sets `struct_size`. The texts are NUL-terminated; a text
 * that does not fit is truncated.
 */
typedef struct ws_session_info {
    /**
     * sizeof(ws_session_info), set by the caller.
     */
    size_t struct_size;
    /**
     * The version of HTTP of the handshake: 0x0101 for HTTP/1.1.
     */
    uint32_t http_version;
    /**
     * The version of TLS, a ws_tls_version. 0 without TLS.
     */
    uint32_t tls_version;
    /**
     * 1 if TLS resumed a session of an earlier connection, else 0.
     */
    uint32_t tls_resumed;
    /**
     * The address and port of this side: "127.0.0.1:40000", "[::1]:40000". For a Unix socket its
     * path, which is usually "".
     */
    char local_address[112];
    /**
     * The address and port of the server, or of the proxy if there is one. For a Unix socket its
     * path.
     */
    char peer_address[112];
    /**
     * The URL of the proxy without credentials. "" without a proxy.
     */
    char proxy[280];
    /**
     * The cipher suite of TLS. "" without TLS.
     */
    char tls_cipher_suite[48];
    /**
     * The group of the TLS key exchange, for example "X25519". "" without TLS.
     */
    char tls_key_exchange_group[32];
    /**
     * The protocol that the server chose within TLS (ALPN), for example "http/1.1". "" if it chose
     * none.
     */
    char alpn[32];
} ws_session_info;

/**
 * Writes the facts about the connection of a session: the current one, or the last one after the
 * end.
 *
 * Returns WS_ERR_STATE while the session is being opened, the status of ws_connect if it could not
 * be opened, WS_ERR_INVALID_ARGUMENT for NULL or a wrong `struct_size`, and WS_ERR_FORKED.
 */
ws_status ws_get_session_info(const ws_session *session,
                              ws_session_info *info);

/**
 * Writes the `index`-th certificate of the server, as DER (RFC 5280), to `*der`, and its size in
 * bytes to `*size`. Number 0 is the server's own, the others are its chain.
 *
 * The first call reads the certificates from the connection. Later calls return the same ones,
 * also after the end and after reconnecting. They are lent until the session is freed.
 *
 * Returns 1. Returns 0, with NULL in `*der` and 0 in `*size`, after the last certificate, without
 * TLS, while the session is being opened, if the connection is gone at the first call, for NULL,
 * and in a forked child.
 */
int32_t ws_peer_certificate(const ws_session *session,
                            size_t index,
                            const uint8_t **der,
                            size_t *size);

/**
 * The statistics of a session. The caller sets `struct_size`. Sent messages count when they are
 * accepted, received ones when they are decoded.
 */
typedef struct ws_stats {
    /**
     * sizeof(ws_stats), set by the caller.
     */
    size_t struct_size;
    /**
     * Messages sent.
     */
    uint64_t messages_sent;
    /**
     * Messages received.
     */
    uint64_t messages_received;
    /**
     * Payload bytes of sent messages, before compression.
     */
    uint64_t payload_sent;
    /**
     * Payload bytes of received messages, after inflating.
     */
    uint64_t payload_received;
    /**
     * Bytes of sent frames, including headers and control frames.
     */
    uint64_t wire_sent;
    /**
     * Bytes of received frames, including headers and control frames.
     */
    uint64_t wire_received;
    /**
     * Payload bytes of the messages that extensions encoded, before encoding.
     */
    uint64_t compressed_sent_before;
    /**
     * Payload bytes of these messages after encoding.
     */
    uint64_t compressed_sent_after;
    /**
     * Payload bytes of the messages that extensions decoded, before decoding.
     */
    uint64_t compressed_received_before;
    /**
     * Payload bytes of these messages after decoding.
     */
    uint64_t compressed_received_after;
    /**
     * Pings sent, by the library and the application.
     */
    uint64_t pings_sent;
    /**
     * Pings received.
     */
    uint64_t pings_received;
    /**
     * Pongs sent.
     */
    uint64_t pongs_sent;
    /**
     * Pongs received.
     */
    uint64_t pongs_received;
    /**
     * The time from the last answered ping of the library to its pong, in microseconds. 0 before
     * the first one.
     */
    uint64_t last_rtt_us;
    /**
     * Messages in the incoming queue. Messages that were not read from the connection do not
     * count.
     */
    uint64_t incoming_messages;
    /**
     * Payload bytes of these messages.
     */
    uint64_t incoming_bytes;
    /**
     * Messages that wait to be sent.
     */
    uint64_t outgoing_messages;
    /**
     * Bytes of their frames.
     */
    uint64_t outgoing_bytes;
    /**
     * Received messages that WS_QUEUE_DROP_OLDEST has dropped.
     */
    uint64_t incoming_dropped;
    /**
     * Messages to send that WS_QUEUE_DROP_OLDEST has dropped.
     */
    uint64_t outgoing_dropped;
    /**
     * The duration of resolving the host, in microseconds.
     */
    uint64_t resolve_us;
    /**
     * The duration of connecting TCP, in microseconds.
     */
    uint64_t connect_us;
    /**
     * The duration of the TLS handshake, in microseconds. 0 without TLS.
     */
    uint64_t tls_us;
    /**
     * The duration of the opening handshake, in microseconds.
     */
    uint64_t handshake_us;
    /**
     * The duration of opening the tunnel through a proxy, in microseconds. 0 without a proxy.
     */
    uint64_t proxy_us;
    /**
     * The number of connections after the first one.
     */
    uint64_t reconnects;
} ws_stats;

/**
 * Writes the statistics of a session, also after its end. While it sends and receives, the numbers
 * need not be of the same moment.
 *
 * Returns WS_ERR_STATE while the session is being opened, WS_ERR_INVALID_ARGUMENT for NULL or a
 * wrong `struct_size`, and WS_ERR_FORKED.
 */
ws_status ws_get_stats(const ws_session *session,
                       ws_stats *stats);

/**
 * Returns the number of a session in the log, counted from 1 in the process. Returns 0 for NULL.
 */
uint64_t ws_session_id(const ws_session *session);

/* ---------------------------------------------------------------------------------------------
 * Frames and masking
 *
 * Control frames, parts of messages, raw sessions: the protocol as it is on the wire.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Controls the answers to the server's pings. 1, the default: each ping is answered by one pong
 * with its payload. 0: the application answers them, as RFC 6455 section 5.5.2 requires; see
 * ws_config_set_deliver_control and ws_send.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_auto_pong(ws_config *config, int32_t on);

/**
 * Control frames, as bits.
 */
enum {
    /**
     * The server's pings.
     */
    WS_CONTROL_PING = 1,
    /**
     * The server's pongs, including the answers to pings of the library.
     */
    WS_CONTROL_PONG = 2,
    /**
     * The server's Close.
     */
    WS_CONTROL_CLOSE = 4,
};
typedef uint32_t ws_control_frames;

/**
 * Delivers control frames among the messages, in order. `mask` is an OR of ws_control_frames. The
 * library still answers them. Default: 0, none.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or an unknown bit.
 */
ws_status ws_config_set_deliver_control(ws_config *config, uint32_t mask);

/**
 * Delivers a long message in parts, as it arrives. Each part but the last has at least `bytes`
 * bytes and the flag WS_FLAG_MORE. All parts have the type of the message. A part of a text may
 * end within a character. Parts are inflated, and the message limit applies to the whole message.
 * 0, the default: messages are whole.
 *
 * It has no effect in raw sessions. Connecting fails with WS_ERR_INVALID_ARGUMENT if the incoming
 * queue has the policy WS_QUEUE_DROP_OLDEST.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 1 to 1,023 bytes.
 */
ws_status ws_config_set_deliver_parts(ws_config *config, size_t bytes);

/**
 * Controls the check that received text is UTF-8 (RFC 6455 section 8.1). 1, the default: invalid
 * text fails the connection with Close 1007. 0: text is delivered unchecked. Close reasons and
 * text to send are always checked.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_validate_utf8(ws_config *config, int32_t on);

/**
 * Opens raw sessions (Ktor's webSocketRawSession) with 1. Default: 0. A raw session delivers every
 * frame as received: fragments with WS_FLAG_MORE, reserved bits, and all control frames. The
 * library answers nothing: the application answers pings by ws_send, and the server's Close by
 * ws_close. The library offers no extension. The limits and the checks of RFC 6455 remain, except
 * that reserved bits are allowed, and text of a frame with such a bit need not be UTF-8.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_raw(ws_config *config, int32_t on);

/**
 * Turns a raw session into a default one, as if ws_config_set_raw had not been called (Ktor's
 * DefaultWebSocketSession). From the next frame on, messages are whole, and the library answers
 * pings and the server's Close. Frames in the incoming queue remain as they are. Extensions are not
 * used. `ping_interval_ms` and `ping_timeout_ms` are as in ws_set_ping_interval_ms and
 * ws_set_ping_timeout_ms, but a timeout of 0 is twice the interval.
 *
 * Returns WS_ERR_STATE if the session is not raw, while it is being opened, while another thread is
 * in a function that receives, after its end, and if a message of the server is not complete.
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED.
 */
ws_status ws_start_default(ws_session *session, int64_t ping_interval_ms, int64_t ping_timeout_ms);

/**
 * Allows unmasked frames with 1. Default: 0. RFC 6455 section 5.3 forbids them, and servers fail
 * the connection. They are for tests, and for peers on the same machine that agree on it.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_allow_unmasked(ws_config *config, int32_t allow);

/**
 * Controls masking: 1, the default, or 0.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number, and WS_ERR_STATE for 0 unless
 * ws_config_set_allow_unmasked was called with 1 before.
 */
ws_status ws_config_set_masking(ws_config *config, int32_t on);

/**
 * Controls masking (Ktor's masking): 1 or 0. It takes effect with the next message.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number, WS_ERR_STATE for 0 unless the
 * configuration allows it (ws_config_set_allow_unmasked), and WS_ERR_FORKED.
 */
ws_status ws_set_masking(ws_session *session, int32_t on);

/**
 * Returns 1 if frames are masked, else 0; of the configuration until the session is open. Returns
 * 0 for NULL and in a forked child.
 */
int32_t ws_get_masking(const ws_session *session);

/* ---------------------------------------------------------------------------------------------
 * Extensions
 *
 * permessage-deflate (RFC 7692), and extensions of the application.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Flags of ws_deflate_options, to be ORed.
 */
enum {
    /**
     * Omit client_max_window_bits from the offer, for servers that decline offers with it. The
     * server then cannot require a smaller window. The member client_max_window_bits still sets
     * the client's window.
     */
    WS_DEFLATE_OMIT_CLIENT_MAX_WINDOW_BITS = 1,
    /**
     * Add a second offer without parameters, for servers that decline the first one (RFC 7692
     * section 5.1). A server that accepts the second offer ignores server_max_window_bits and
     * server_no_context_takeover.
     */
    WS_DEFLATE_OFFER_FALLBACK = 2,
};
typedef uint32_t ws_deflate_flags;

/**
 * Options of permessage-deflate (RFC 7692; Ktor's WebSocketDeflateExtension). The caller sets
 * `struct_size`. All other members may be 0, which is the default.
 */
typedef struct ws_deflate_options {
    /**
     * sizeof(ws_deflate_options), set by the caller.
     */
    size_t struct_size;
    /**
     * The level of compression: 1 (fastest) to 9 (smallest). 0: 5.
     */
    uint32_t level;
    /**
     * The memory of the compressor besides its window: 1 (about 2 KiB) to 9 (about 512 KiB). 0: 8.
     */
    uint32_t memory_level;
    /**
     * The largest window of the client's compression, as an exponent of two: 8 to 15. It is
     * offered as client_max_window_bits, and the server may require a smaller one. 0: 15, and the
     * parameter is offered without a value.
     */
    uint32_t client_max_window_bits;
    /**
     * The largest window of the server's compression, 8 to 15. It is requested as
     * server_max_window_bits. A server that does not agree fails the handshake. 0: no request.
     */
    uint32_t server_max_window_bits;
    /**
     * 1: the client compresses each message separately, and offers client_no_context_takeover. The
     * memory of the compressor is freed while nothing is sent.
     */
    uint32_t client_no_context_takeover;
    /**
     * 1: the server is requested to compress each message separately (server_no_context_takeover).
     * A server that does not agree fails the handshake.
     */
    uint32_t server_no_context_takeover;
    /**
     * Smaller messages, in bytes, are not compressed. Empty messages never are.
     */
    size_t min_size;
    /**
     * Called before a message, or its first fragment, is compressed. If it returns 0, the message
     * is not compressed. The sending thread calls it with no lock held; several threads may call
     * it at the same time. NULL: all messages are compressed.
     */
    int32_t (*filter)(void *user_data, uint32_t type, const void *data, size_t size);
    /**
     * Passed to `filter`. It must remain valid until the sessions of the configuration are freed.
     * All their threads use it.
     */
    void *filter_user_data;
    /**
     * An OR of ws_deflate_flags.
     */
    uint32_t flags;
} ws_deflate_options;

/**
 * Offers permessage-deflate in the handshake. NULL as `options`: the defaults. If the server
 * accepts, messages are compressed in both directions. ws_get_deflate_info returns what was agreed
 * on. An answer that does not match the offer fails the handshake with WS_ERR_HANDSHAKE_INVALID.
 *
 * Control frames and raw sessions are not compressed. WS_SEND_NO_COMPRESS excludes a message. A
 * fragmented message is compressed as one, and flushed with each fragment. The message limit
 * applies to the inflated bytes, and inflating stops at it; the frame limit applies to the bytes
 * on the wire. Invalid data fails the connection with Close 1007 and WS_ERR_COMPRESSION.
 *
 * Do not send secrets and data of an attacker in one compressed session: the sizes of messages can
 * reveal secrets (RFC 7692 section 8).
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config` is NULL, for an option out of range, an unknown
 * flag, a wrong `struct_size`, and if permessage-deflate or an extension with the bit RSV1 is
 * installed.
 */
ws_status ws_config_install_deflate(ws_config *config,
                                    const ws_deflate_options *options);

/**
 * What a session agreed on for permessage-deflate (RFC 7692 section 7.1). The caller sets
 * `struct_size`.
 */
typedef struct ws_deflate_info {
    /**
     * sizeof(ws_deflate_info), set by the caller.
     */
    size_t struct_size;
    /**
     * The level of the client's compression, 1 to 9.
     */
    uint32_t level;
    /**
     * The window of the client's compression, 8 to 15.
     */
    uint32_t client_max_window_bits;
    /**
     * The window of the server's compression, 8 to 15.
     */
    uint32_t server_max_window_bits;
    /**
     * 1 if the client compresses each message separately, else 0.
     */
    uint32_t client_no_context_takeover;
    /**
     * 1 if the server compresses each message separately, else 0.
     */
    uint32_t server_no_context_takeover;
} ws_deflate_info;

/**
 * Writes what the session agreed on for permessage-deflate.
 *
 * Returns WS_ERR_STATE while the session is being opened and if it does not use
 * permessage-deflate, WS_ERR_INVALID_ARGUMENT for NULL or a wrong `struct_size`, and
 * WS_ERR_FORKED.
 */
ws_status ws_get_deflate_info(const ws_session *session,
                              ws_deflate_info *info);

/**
 * A piece of a message for an extension. To encode, it is the message, or the fragment that the
 * application sends. To decode, it is what has arrived, which may be empty. The library may add
 * members at the end.
 */
typedef struct ws_extension_piece {
    /**
     * The bytes. Never NULL.
     */
    const uint8_t *data;
    /**
     * The number of bytes.
     */
    size_t size;
    /**
     * The type of the message: WS_FRAME_TEXT or WS_FRAME_BINARY.
     */
    uint32_t type;
    /**
     * An OR of ws_piece_flags.
     */
    uint32_t flags;
    /**
     * To decode: those reserved bits of the message that the extension owns, as in ws_frame_flags.
     * To encode: 0.
     */
    uint32_t rsv;
} ws_extension_piece;

/**
 * The output of an extension. See ws_sink_write.
 */
typedef struct ws_sink ws_sink;

/**
 * The place of a piece in its message, as bits.
 */
enum {
    /**
     * The first piece of the message.
     */
    WS_PIECE_FIRST = 1,
    /**
     * The last piece of the message.
     */
    WS_PIECE_LAST = 2,
};
typedef uint32_t ws_piece_flags;

/**
 * An extension in C (RFC 6455 section 9; Ktor's WebSocketExtensionFactory). The caller sets
 * `struct_size`.
 *
 * The functions return a ws_status. The library calls `encode` with the lock for sending held, and
 * `decode` with the lock for reading held, because messages must keep their order. These two must
 * not wait for a thread that sends or receives, must not take a lock that such a thread holds, and
 * must not free a session; functions on a session return WS_ERR_STATE in them. Any thread that
 * sends or receives may call them. For one instance, at most one thread at a time is in `encode`
 * and at most one in `decode`, but both may run at the same time. Several threads may call the
 * other functions at the same time.
 */
typedef struct ws_extension_vtable {
    /**
     * sizeof(ws_extension_vtable), set by the caller.
     */
    size_t struct_size;
    /**
     * The name of the extension in the handshake, an HTTP token.
     */
    const char *name;
    /**
     * The reserved bits that the extension owns, as in ws_frame_flags. It decodes only messages
     * that have one of them. 0: it owns none, and encodes and decodes every message.
     */
    uint32_t rsv;
    /**
     * Writes the parameters of the offer, as they follow the name in the header: "a; b=1". NULL:
     * none.
     */
    int32_t (*offer)(void *user_data, ws_sink *parameters);
    /**
     * Called if the server has accepted the extension. `parameters` has the form of the offer.
     * Writes the instance for the session. Another status than WS_OK fails the handshake with
     * WS_ERR_EXTENSION. NULL: every parameter is accepted, and there is no instance.
     */
    int32_t (*negotiate)(void *user_data, const char *parameters, void **instance);
    /**
     * Writes the bytes that replace the piece. For the first piece of a message, `*rsv` becomes
     * the reserved bits of the message. If an extension that owns bits sets none, all pieces of
     * the message remain unchanged. Another status than WS_OK fails the send with
     * WS_ERR_EXTENSION, and nothing of the message is sent.
     */
    int32_t (*encode)(void *instance,
                      const ws_extension_piece *piece,
                      uint32_t *rsv,
                      ws_sink *output);
    /**
     * Writes the decoded bytes of the piece. Another status than WS_OK fails the connection:
     * WS_ERR_UTF8 and WS_ERR_COMPRESSION with Close 1007, every other status as WS_ERR_EXTENSION
     * with Close 1002.
     */
    int32_t (*decode)(void *instance, const ws_extension_piece *piece, ws_sink *output);
    /**
     * Called when the instance is no longer used. May be NULL.
     */
    void (*drop)(void *instance);
    /**
     * Called when `user_data` is no longer used: all configurations with the extension and all
     * their sessions are freed. May be NULL.
     */
    void (*release)(void *user_data);
} ws_extension_vtable;

/**
 * Offers an extension in the handshake, after those already installed. The vtable is copied. If
 * the server accepts the extension, messages pass through it: sent messages in the order of the
 * server's answer, received ones in the opposite order.
 *
 * Returns WS_ERR_INVALID_ARGUMENT if `config`, `vtable`, its name, `encode` or `decode` is NULL,
 * for a wrong `struct_size`, a name that is not an HTTP token, unknown bits, and if an extension
 * with the same name or bit is installed. After an error the library does not call `release`.
 */
ws_status ws_config_install_extension(ws_config *config,
                                      const ws_extension_vtable *vtable,
                                      void *user_data);

/**
 * Appends `size` bytes to the output: parameters of an offer, or the result of encoding or
 * decoding. The bytes are copied. Call it only with the sink that a function of
 * ws_extension_vtable was passed, before that function returns.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL unless `size` is 0, WS_ERR_MESSAGE_TOO_BIG if a decoded
 * message exceeds the message limit, and WS_ERR_NO_MEMORY. After the latter two the connection or
 * the send fails, whatever the extension returns.
 */
ws_status ws_sink_write(ws_sink *sink, const void *data, size_t size);

/**
 * An extension of a session. It is lent by the session. The library may add members at the end.
 */
typedef struct ws_extension {
    /**
     * The name.
     */
    const char *name;
    /**
     * The parameters that the server chose: "a; b=1", or "".
     */
    const char *parameters;
    /**
     * The instance that `negotiate` wrote. NULL for permessage-deflate.
     */
    void *instance;
} ws_extension;

/**
 * Returns the number of extensions of a session. Returns 0 for NULL.
 */
size_t ws_extension_count(const ws_session *session);

/**
 * Returns the `index`-th extension (from 0), in the order of the server's answer (Ktor's
 * extensions). It is lent until the session is freed. Returns NULL after the last one, and for
 * NULL.
 */
const ws_extension *ws_extension_at(const ws_session *session, size_t index);

/**
 * Returns the extension with this name (Ktor's extensionOrNull). Case is ignored. It is lent until
 * the session is freed. Returns NULL if there is none, and for NULL.
 */
const ws_extension *ws_extension_find(const ws_session *session, const char *name);

/* ---------------------------------------------------------------------------------------------
 * The library
 *
 * Its version, features, threads, log and end.
 * ---------------------------------------------------------------------------------------------
 */

/**
 * Returns the version of the library at run time, in the form of WS_VERSION_NUMBER.
 */
uint32_t ws_version_number(void);

/**
 * Returns the version of the library at run time, for example "0.1.0". The string is static.
 */
const char *ws_version_string(void);

/**
 * Returns 1 if this build of the library has the feature `name`, else 0. Returns 0 for an unknown
 * name and for NULL.
 *
 * Features: "deflate" (permessage-deflate), "proxy" (HTTP, HTTPS and SOCKS 5 proxies),
 * "reconnect", "tls" (wss URLs).
 */
int32_t ws_has_feature(const char *name);

/**
 * Sets the number of worker threads of the library, 1 to 1024. Default: 2. The worker threads send
 * what the kernel did not accept at once, and receive while the application does not.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for another number, and WS_ERR_STATE while the threads run: from
 * the first ws_connect until ws_shutdown.
 */
ws_status ws_set_worker_threads(uint32_t count);

/**
 * Aborts every session of the process, as ws_abort does, and ends the threads of the library.
 * Waits for the threads at most `timeout_ms` milliseconds (negative: no limit). A ws_connect in
 * another thread returns WS_ERR_ABORTED. The handles of sessions remain valid and must still be
 * freed. The next ws_connect starts the threads again.
 *
 * A program need not call it: a process can end at any time. It is for programs that use leak
 * checkers or unload the library. A library must not call it, because other users of ktorws in the
 * process lose their sessions.
 *
 * Returns WS_ERR_TIMEOUT if a thread did not end in time, for example because it waits for the
 * system's name resolution. Returns WS_ERR_STATE inside a function of the application that the
 * library has called.
 */
ws_status ws_shutdown(int64_t timeout_ms);

/**
 * The severity of a log line. Each level includes those before it.
 */
enum {
    /**
     * No lines.
     */
    WS_LOG_OFF = 0,
    /**
     * The library cannot work.
     */
    WS_LOG_ERROR = 1,
    /**
     * A session could not be opened, or ended with an error.
     */
    WS_LOG_WARNING = 2,
    /**
     * Sessions are opened, closed and end.
     */
    WS_LOG_INFO = 3,
    /**
     * Internal events: pings, full queues, readers.
     */
    WS_LOG_DEBUG = 4,
};
typedef uint32_t ws_log_level;

/**
 * A function that receives a line of the log: its ws_log_level, the ws_session_id of its session
 * or 0, and the line, UTF-8 without a line end, lent until the function returns.
 */
typedef void (*ws_log_callback)(uint32_t level,
                                uint64_t session_id,
                                const char *message,
                                void *user_data);

/**
 * Sets the function that receives the log of the process, up to `level`, a ws_log_level. NULL as
 * `function` disables the log. Default: WS_LOG_OFF.
 *
 * Any thread may call the function, several at the same time. It must not call functions of the
 * library, and should return quickly, because the library waits for it. After ws_set_log_callback
 * has returned, the former function is not called any more.
 *
 * Lines contain no credentials, header values, queries of URLs, payloads or close reasons.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for an unknown level.
 */
ws_status ws_set_log_callback(uint32_t level, ws_log_callback function, void *user_data);

#ifdef __cplusplus
}
#endif

#endif /* KTORWS_H */
