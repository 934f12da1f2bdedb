/*
 * libktorws: a WebSocket client (RFC 6455, RFC 7692) with Ktor's session model.
 *
 * A session is a connection to a server: messages go out with ws_send_text and ws_send_binary and come in, whole,
 * with ws_recv.
 *
 *     #include <ktorws.h>
 *     #include <stdio.h>
 *
 *     int main(void) {
 *         ws_session *session;
 *         ws_frame *frame;
 *         if (ws_connect("ws://127.0.0.1:9000/", NULL, &session, NULL) != WS_OK) return 1;
 *         if (ws_send_text(session, "hello", WS_NUL_TERMINATED) == WS_OK && ws_recv(session, &frame, -1) == WS_OK) {
 *             printf("%s\n", (const char *)frame->data);
 *             ws_frame_free(frame);
 *         }
 *         ws_close(session, WS_CLOSE_NORMAL, "", 0);
 *         ws_wait_closed(session, -1);
 *         ws_session_free(session);
 *     }
 *
 * Conventions, which hold for every function unless it says otherwise:
 *
 * - Statuses. A function returns WS_OK, which is 0, or a negative status, and after an error nothing has changed.
 *   Functions that return a plain value never fail.
 * - Out-parameters come last, before a timeout if there is one. They are always written: on failure with NULL or 0, unless
 *   the function says otherwise. In a struct the members after `struct_size` become 0.
 * - Structs that the caller allocates begin with `struct_size`, which the caller sets to their sizeof. The library reads and
 *   writes only the members that both sides know. A larger size, up to 4096, denotes a later version: the library ignores
 *   the additional members.
 * - Functions of the application. A call that fails does not keep the functions that it was given: the library calls neither
 *   them nor their `drop` or `release`. The library holds no lock while it calls a function of the application, except for
 *   `encode` and `decode` of ws_extension_vtable.
 * - Strings are NUL-terminated UTF-8. Payloads and close reasons are a pointer and a size, and may hold NUL bytes; the
 *   size of a text may be WS_NUL_TERMINATED. NULL with a size of 0 is an empty one.
 * - Ownership. What a function takes is copied. What it writes is the caller's, to be freed with the function that is
 *   named. What is lent stays valid until its owner is freed, and must not be freed or changed. Freeing NULL is fine.
 * - Time. An `int64_t timeout_ms` counts milliseconds; 0 does not wait, negative waits without limit. A call that
 *   times out closes nothing and loses nothing.
 * - Threads. Any thread may call any function on a live session, also while others are in one. Objects of other types
 *   are used by one thread at a time, or read by many. There is no thread-local state: errors are objects.
 * - Waiting. ws_recv waits in the calling thread. ws_event_fd is for event loops, ws_callbacks for being called, and
 *   ws_group_recv for many sessions at once.
 * - Messages are whole. Fragments are put together, text is checked to be UTF-8, pings are answered, and the peer's
 *   Close is echoed, also while the application does other things. In raw sessions (ws_config_set_raw) all but the
 *   checks is the application's.
 * - Memory. The limits and queues of a session bound the memory that it uses, whatever the server sends. If there is no
 *   memory for a message or for a long string, the function returns WS_ERR_NO_MEMORY.
 * - Bad pointers. Every function checks for NULL. Passing a freed or foreign pointer is undefined behavior.
 *
 * The library and its process:
 *
 * - Threads of its own, named "ktorws", start with the first ws_connect. They block all signals. ws_shutdown ends them
 *   for hosts that want that; nothing has to be called at exit.
 * - It changes no signal handler and no environment variable, and cannot raise SIGPIPE. Its descriptors are
 *   close-on-exec.
 * - fork: sessions stay with the parent. In the child their functions return WS_ERR_FORKED, and ws_connect opens new
 *   ones; freeing an inherited one closes the child's side of it without a byte on the wire. exec is always fine.
 * - dlclose leaves it in memory.
 * - Should it ever panic, that is a bug: it says so on standard error, and the call returns WS_ERR_INTERNAL.
 * - It allocates with malloc. When there is no memory for a message the caller gets WS_ERR_NO_MEMORY; when there is
 *   none for small objects the process is aborted.
 *
 * Compatibility: within one SONAME (libktorws.so.0) functions, numbers and the meaning of both stay; functions, enum
 * values and members at the end of structs are added. Functions from later versions than 0.1 say so.
 */


#ifndef KTORWS_H
#define KTORWS_H

#include <stddef.h>
#include <stdint.h>

#define WS_VERSION_MAJOR 0
#define WS_VERSION_MINOR 1
#define WS_VERSION_PATCH 0
/** The version of this header, to be compared with ws_version_number(). */
#define WS_VERSION_NUMBER ((uint32_t)WS_VERSION_MAJOR << 16 | (uint32_t)WS_VERSION_MINOR << 8 | (uint32_t)WS_VERSION_PATCH)
/** The version of this header, to be compared with ws_version_string(). */
#define WS_VERSION_STRING "0.1.0"

/** As the size of a text: it ends at its first NUL byte. */
#define WS_NUL_TERMINATED SIZE_MAX


/**
 * What a function returns: WS_OK or what went wrong. Numbers never change and are never used again.
 */
enum {
    /**
     * Done.
     */
    WS_OK = 0,
    /**
     * An argument is NULL, out of range, not UTF-8 or contradicts another. Nothing was done.
     */
    WS_ERR_INVALID_ARGUMENT = -101,
    /**
     * The object is in the wrong state for this call. Nothing was done.
     */
    WS_ERR_STATE = -102,
    /**
     * The buffer is too small. The needed size was written; the message stays.
     */
    WS_ERR_BUFFER_TOO_SMALL = -103,
    /**
     * This version of the library cannot do it.
     */
    WS_ERR_UNSUPPORTED = -104,
    /**
     * The session belongs to the process this one was forked from.
     */
    WS_ERR_FORKED = -105,
    /**
     * No memory.
     */
    WS_ERR_NO_MEMORY = -106,
    /**
     * The URL is not one of a WebSocket.
     */
    WS_ERR_URL = -201,
    /**
     * The host's name has no address.
     */
    WS_ERR_RESOLVE = -202,
    /**
     * No address of the host took the TCP connection.
     */
    WS_ERR_CONNECT = -203,
    /**
     * The proxy cannot be reached, failed, or opened no tunnel.
     */
    WS_ERR_PROXY = -204,
    /**
     * The proxy wants other credentials.
     */
    WS_ERR_PROXY_AUTH = -205,
    /**
     * TLS could not be negotiated, or broke.
     */
    WS_ERR_TLS = -211,
    /**
     * The server's certificate is not acceptable.
     */
    WS_ERR_TLS_CERTIFICATE = -212,
    /**
     * The server answered the opening handshake with another status than 101.
     */
    WS_ERR_HANDSHAKE_STATUS = -221,
    /**
     * The server's answer to the opening handshake breaks RFC 6455, or is not HTTP, or ended early.
     */
    WS_ERR_HANDSHAKE_INVALID = -222,
    /**
     * The server redirects more often than ws_config_set_max_redirects allows.
     */
    WS_ERR_TOO_MANY_REDIRECTS = -223,
    /**
     * The server broke RFC 6455; the connection was failed with 1002.
     */
    WS_ERR_PROTOCOL = -301,
    /**
     * Text is not UTF-8: that of a message to send, which was not sent, or that of the server, whose connection was failed with
     * 1007.
     */
    WS_ERR_UTF8 = -302,
    /**
     * The server announced a frame over the limit; the connection was failed with 1009.
     */
    WS_ERR_FRAME_TOO_BIG = -303,
    /**
     * A message grew over the limit; the connection was failed with 1009.
     */
    WS_ERR_MESSAGE_TOO_BIG = -304,
    /**
     * An extension failed.
     */
    WS_ERR_EXTENSION = -305,
    /**
     * The server sent compressed data that cannot be inflated; the connection was failed with 1007.
     */
    WS_ERR_COMPRESSION = -306,
    /**
     * The session has ended with a Close from both sides, or is being closed by this one: the ordinary end.
     */
    WS_ERR_CLOSED = -401,
    /**
     * The connection ended without a Close from the server (1006).
     */
    WS_ERR_CLOSED_ABNORMALLY = -402,
    /**
     * The server did not answer a ping of the library in time; the connection was dropped behind Close 1011.
     */
    WS_ERR_PING_TIMEOUT = -403,
    /**
     * The connection was lost: an error of the operating system.
     */
    WS_ERR_IO = -404,
    /**
     * The session was ended by ws_abort, its last ws_session_free, or ws_shutdown.
     */
    WS_ERR_ABORTED = -405,
    /**
     * Nothing came from the server for the time of ws_config_set_idle_timeout_ms; the connection was dropped behind Close 1001.
     */
    WS_ERR_IDLE_TIMEOUT = -406,
    /**
     * It did not happen in time. The session, if there is one, goes on and nothing is lost.
     */
    WS_ERR_TIMEOUT = -501,
    /**
     * The call was woken by ws_interrupt. The session goes on and nothing is lost.
     */
    WS_ERR_INTERRUPTED = -502,
    /**
     * A queue with WS_QUEUE_CLOSE ran over; the session has ended.
     */
    WS_ERR_OVERFLOW = -503,
    /**
     * A bug of this library, or the system gives no threads or random bytes.
     */
    WS_ERR_INTERNAL = -901,
};
typedef int32_t ws_status;

/**
 * How far a session had come when it failed.
 */
enum {
    /**
     * Before anything was tried.
     */
    WS_PHASE_NONE = 0,
    /**
     * Looking up the host's addresses.
     */
    WS_PHASE_RESOLVE = 1,
    /**
     * Connecting TCP.
     */
    WS_PHASE_CONNECT = 2,
    /**
     * Having the proxy open a tunnel.
     */
    WS_PHASE_PROXY = 3,
    /**
     * Negotiating TLS.
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
 * Where a session stands (RFC 6455 section 7.1).
 */
enum {
    /**
     * It is being opened, by ws_connect_async, or its connection is lost and another one is being opened
     * (ws_config_set_reconnect).
     */
    WS_STATE_CONNECTING = 0,
    /**
     * Messages flow.
     */
    WS_STATE_OPEN = 1,
    /**
     * The end has begun, on either side.
     */
    WS_STATE_CLOSING = 2,
    /**
     * The connection is gone.
     */
    WS_STATE_CLOSED = 3,
};
typedef int32_t ws_session_state;

/**
 * Close codes (RFC 6455 section 7.4.1 and the IANA registry). 3000 to 3999 are for libraries and frameworks, 4000 to
 * 4999 for applications.
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
     * The peer broke the protocol.
     */
    WS_CLOSE_PROTOCOL_ERROR = 1002,
    /**
     * A type of data that cannot be accepted.
     */
    WS_CLOSE_CANNOT_ACCEPT = 1003,
    /**
     * Not sent: the Close had no code.
     */
    WS_CLOSE_NO_STATUS = 1005,
    /**
     * Not sent: there was no Close.
     */
    WS_CLOSE_ABNORMAL = 1006,
    /**
     * Data that is not consistent with its type, like text that is not UTF-8.
     */
    WS_CLOSE_NOT_CONSISTENT = 1007,
    /**
     * A policy was violated.
     */
    WS_CLOSE_VIOLATED_POLICY = 1008,
    /**
     * A message was too big.
     */
    WS_CLOSE_TOO_BIG = 1009,
    /**
     * An extension is missing.
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
     * A gateway got an invalid answer.
     */
    WS_CLOSE_BAD_GATEWAY = 1014,
};
typedef uint32_t ws_close_code;

/**
 * Who began the end of a session.
 */
enum {
    /**
     * This side: ws_close, ws_abort, ws_shutdown or a timeout, also while the session was being opened.
     */
    WS_CLOSED_BY_LOCAL = 1,
    /**
     * The server sent the first Close.
     */
    WS_CLOSED_BY_REMOTE = 2,
    /**
     * This side, because the server broke the protocol or a limit.
     */
    WS_CLOSED_BY_PROTOCOL = 3,
    /**
     * The connection ended without a Close that was waited for.
     */
    WS_CLOSED_BY_TRANSPORT = 4,
};
typedef uint32_t ws_close_initiator;

/**
 * Control frames, as bits.
 */
enum {
    /**
     * The server's pings.
     */
    WS_CONTROL_PING = 1,
    /**
     * The server's pongs, also those that answer the library's pings.
     */
    WS_CONTROL_PONG = 2,
    /**
     * The server's Close.
     */
    WS_CONTROL_CLOSE = 4,
};
typedef uint32_t ws_control_frames;

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
 * Flag bits of a frame. Set only in raw sessions.
 */
enum {
    /**
     * More fragments of the message follow.
     */
    WS_FLAG_MORE = 1,
    /**
     * The reserved bit RSV3.
     */
    WS_FLAG_RSV3 = 16,
    /**
     * The reserved bit RSV2.
     */
    WS_FLAG_RSV2 = 32,
    /**
     * The reserved bit RSV1.
     */
    WS_FLAG_RSV1 = 64,
};
typedef uint32_t ws_frame_flags;

/**
 * What a frame is: the opcodes of RFC 6455 section 5.2.
 */
enum {
    /**
     * A later fragment of a message. Only for ws_send: received fragments have the type of their message.
     */
    WS_FRAME_CONTINUATION = 0,
    /**
     * A text message. It is valid UTF-8.
     */
    WS_FRAME_TEXT = 1,
    /**
     * A binary message.
     */
    WS_FRAME_BINARY = 2,
    /**
     * The server's Close, in raw sessions and after ws_config_set_deliver_control: the payload is the reason.
     */
    WS_FRAME_CLOSE = 8,
    /**
     * A ping, in the same.
     */
    WS_FRAME_PING = 9,
    /**
     * A pong, in the same.
     */
    WS_FRAME_PONG = 10,
    /**
     * The session is open (ws_config_set_deliver_events). The payload is empty.
     */
    WS_FRAME_OPENED = 16,
    /**
     * The connection is lost, and the library opens another one (ws_config_set_deliver_events, ws_config_set_reconnect). It comes
     * after the messages of the lost connection. The payload says why, as ws_error_message; `close_code` is the code of the
     * server's Close, 1006 if none came.
     */
    WS_FRAME_LOST = 17,
    /**
     * Another connection has taken the place of the lost one. It comes before the messages of the new connection. The payload is
     * empty.
     */
    WS_FRAME_RESUMED = 18,
};
typedef uint32_t ws_frame_type;

/**
 * How much a line of the log matters. Each level includes those before.
 */
enum {
    /**
     * Nothing is told.
     */
    WS_LOG_OFF = 0,
    /**
     * The library cannot do its work.
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
     * What goes on inside: pings, full queues, who reads.
     */
    WS_LOG_DEBUG = 4,
};
typedef uint32_t ws_log_level;

/**
 * Flags of ws_deflate_options, to be added up.
 */
enum {
    /**
     * Does not offer client_max_window_bits, for servers that decline offers with it. The server then cannot ask for a smaller
     * window. The member client_max_window_bits still sets the client's window.
     */
    WS_DEFLATE_OMIT_CLIENT_MAX_WINDOW_BITS = 1,
    /**
     * Adds a second offer without parameters, for servers that decline the first (RFC 7692 section 5.1). A server that accepts
     * the second offer ignores server_max_window_bits and server_no_context_takeover.
     */
    WS_DEFLATE_OFFER_FALLBACK = 2,
};
typedef uint32_t ws_deflate_flags;

/**
 * Where a part of a message stands in it, as bits of ws_extension_piece.
 */
enum {
    /**
     * It begins the message.
     */
    WS_PIECE_FIRST = 1,
    /**
     * It ends the message.
     */
    WS_PIECE_LAST = 2,
};
typedef uint32_t ws_piece_flags;

/**
 * What counts as the answer to a ping of the library.
 */
enum {
    /**
     * The pong with the ping's payload.
     */
    WS_LIVENESS_PONG = 0,
    /**
     * Any byte that came after the ping was sent.
     */
    WS_LIVENESS_ANY = 1,
};
typedef uint32_t ws_ping_liveness;

/**
 * Versions of TLS, as ws_config_set_tls_min_version takes them.
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
 * What happens when a queue is full.
 */
enum {
    /**
     * Wait: the server is held back by TCP, a sender by its timeout.
     */
    WS_QUEUE_WAIT = 0,
    /**
     * End the session with Close 1008 and WS_ERR_OVERFLOW. What was received before is still delivered.
     */
    WS_QUEUE_CLOSE = 1,
    /**
     * Drop the oldest messages that wait, as many as it takes. ws_get_stats counts them.
     */
    WS_QUEUE_DROP_OLDEST = 2,
};
typedef uint32_t ws_queue_policy;

/**
 * Flags of ws_reconnect_options, to be added up.
 */
enum {
    /**
     * Messages that were accepted for sending and that the kernel has not taken go to the next connection, and meanwhile
     * as many are accepted as fit the outgoing queue. Without it they go with the connection, and sending waits for the
     * next one.
     */
    WS_RECONNECT_KEEP_UNSENT = 1,
    /**
     * The first opening is tried again as well, by the same rules: ws_connect returns, and a session of ws_connect_async fails,
     * only when no further attempt is made. max_outage_ms counts from the call.
     */
    WS_RECONNECT_FIRST = 2,
};
typedef uint32_t ws_reconnect_flags;

/**
 * How to send, as bits.
 */
enum {
    /**
     * This is a fragment of a message (RFC 6455 section 5.4), and more fragments follow, as WS_FRAME_CONTINUATION. Only for
     * ws_send.
     */
    WS_SEND_MORE = 1,
    /**
     * The message is not compressed. For a message in fragments, set it on the first fragment.
     */
    WS_SEND_NO_COMPRESS = 2,
    /**
     * More messages follow at once: this one is sent with them, with the next ws_recv, ws_flush or ws_close, or after
     * about 100 microseconds, whichever comes first. It has no effect on fragments.
     */
    WS_SEND_CORK = 4,
};
typedef uint32_t ws_send_flags;

/**
 * An attempt to connect that follows a loss or a failed attempt. It is lent to a ws_reconnect_preparation until that returns.
 */
typedef struct ws_attempt ws_attempt;

/**
 * A server's question for credentials: an answer to the handshake with the status 401. It is lent to a ws_auth_callback
 * until that returns.
 */
typedef struct ws_auth ws_auth;

/**
 * Settings for sessions to come: made by ws_config_new, changed by the ws_config_ functions, used by ws_connect,
 * freed by ws_config_free.
 *
 * A refused setting stays with the configuration: ws_config_error returns it, and ws_connect and ws_connect_async fail with it.
 * A program may therefore check the configuration once, or leave it to ws_connect. To go on after a refused setting, make a
 * new configuration.
 *
 * ws_connect and ws_connect_async copy the configuration before they call any function of the application. The application
 * may change, reuse or free it in callbacks and at any time after the call. Sessions of one configuration share its TLS
 * state, so that later connections resume TLS sessions. Only one thread may change or free a configuration, and no other
 * thread may use it meanwhile; otherwise any number of threads may use it.
 */
typedef struct ws_config ws_config;

/**
 * Cookies that sessions share (RFC 6265): made by ws_cookie_jar_new, given to configurations by
 * ws_config_set_cookie_jar, freed by ws_cookie_jar_free. Any thread may use it at any time. The jar exists in memory only. It
 * holds at most 3,000 cookies and 4 MiB in total, and at most 180 cookies and 256 KiB for a registrable domain and all names
 * below it. It does not accept a cookie of more than 4,096 bytes, or more than 180 cookies of one answer. To make room it
 * removes the least recently used cookie (sent or set), of the domain or of all.
 *
 * A forked child has a copy of its own. The copy is empty if another thread of the parent was changing the jar during the
 * fork.
 *
 * The jar accepts no cookie for a public suffix, which is a domain under which anyone can register names, like "co.uk". The
 * system's list (/usr/share/publicsuffix/public_suffix_list.dat, Debian's package publicsuffix) names them. Without that
 * list, a cookie is sent only to the host that set it.
 */
typedef struct ws_cookie_jar ws_cookie_jar;

/**
 * Everything known about a failure. Read it with ws_error_status, ws_error_message, ws_error_phase,
 * ws_error_os_errno, ws_error_tls_alert and the ws_error_http_ functions.
 *
 * An error that ws_connect wrote is the caller's, to be freed with ws_error_free. One from ws_session_error is the
 * session's. It never changes: any number of threads may read it at once.
 */
typedef struct ws_error ws_error;

/**
 * Sessions that are received from together, and end together: made by ws_group_new, given sessions by opening them
 * with a configuration of ws_config_set_group, freed by ws_group_free.
 *
 * Any thread may call any function on it at any time. It belongs to the process that made it, as its sessions do.
 */
typedef struct ws_group ws_group;

/**
 * A WebSocket session: opened by ws_connect or ws_connect_async, closed by ws_close, freed by ws_session_free.
 *
 * Any thread may call any function on a session at any time, also while other threads do, as long as one of its handles is
 * not freed: the one that ws_connect wrote, or one of ws_session_ref. After the last ws_session_free, callbacks that are
 * running may still use the session until they return, but ws_session_ref returns NULL in them. A session belongs to the
 * process that opened it: in a forked child its functions return WS_ERR_FORKED.
 */
typedef struct ws_session ws_session;

/**
 * Where an extension writes: see ws_sink_write.
 */
typedef struct ws_sink ws_sink;

/**
 * A function that is asked for credentials. It answers with ws_auth_basic, ws_auth_digest, ws_auth_bearer or
 * ws_auth_header, the last of which counts, or with none, and then ws_connect returns WS_ERR_HANDSHAKE_STATUS.
 */
typedef void (*ws_auth_callback)(ws_auth *auth, void *user_data);

/**
 * Options of permessage-deflate (RFC 7692; Ktor's WebSocketDeflateExtension). The caller sets `struct_size` and may
 * leave all else 0, which is the default; later versions may add members at the end.
 */
typedef struct ws_deflate_options {
    /**
     * sizeof(ws_deflate_options), set by the caller.
     */
    size_t struct_size;
    /**
     * How hard to compress: 1, quickly, to 9, small. 0 stands for 5.
     */
    uint32_t level;
    /**
     * How much memory the compressor has besides its window: 1, about 2 KiB, to 9, about 512 KiB. 0 stands for 8.
     */
    uint32_t memory_level;
    /**
     * The largest LZ77 window to compress with, as an exponent of two, 8 to 15; it is offered as client_max_window_bits,
     * and the server may ask for a smaller one. 0 offers the parameter without a value: 15, unless the server asks for
     * less.
     */
    uint32_t client_max_window_bits;
    /**
     * The largest window that the server may compress with, 8 to 15: it is asked for as server_max_window_bits, and a
     * server that does not agree fails the handshake. 0 does not ask.
     */
    uint32_t server_max_window_bits;
    /**
     * 1: each message is compressed by itself, whatever the server says. It is also offered, as
     * client_no_context_takeover. The compressor's memory is given back while nothing is sent.
     */
    uint32_t client_no_context_takeover;
    /**
     * 1: the server is asked to do the same, as server_no_context_takeover; one that does not agree fails the handshake.
     */
    uint32_t server_no_context_takeover;
    /**
     * Messages with less bytes go out as they are. Empty ones always do.
     */
    size_t min_size;
    /**
     * Called before a message, or its first fragment, is compressed; if it returns 0 the message is sent uncompressed. The
     * thread that sends calls it, with no lock held; several threads may call it at the same time. NULL: all messages are
     * compressed.
     */
    int32_t (*filter)(void *user_data, uint32_t type, const void *data, size_t size);
    /**
     * Handed to `filter`. It has to stay valid until the sessions of the configuration are freed, and is used by all of
     * their threads.
     */
    void *filter_user_data;
    /**
     * A sum of ws_deflate_flags.
     */
    uint32_t flags;
} ws_deflate_options;

/**
 * A part of a message for an extension. To encode, it is the message, or the fragment of it that the application sends;
 * to decode, whatever has arrived of it, which may be nothing. The library may add members at the end.
 */
typedef struct ws_extension_piece {
    /**
     * The bytes; not NULL.
     */
    const uint8_t *data;
    /**
     * Their number.
     */
    size_t size;
    /**
     * The type of the message: WS_FRAME_TEXT or WS_FRAME_BINARY.
     */
    uint32_t type;
    /**
     * ws_piece_flags.
     */
    uint32_t flags;
    /**
     * To decode: those of the extension's reserved bits that the message has, as in ws_frame_flags. To encode: 0.
     */
    uint32_t rsv;
} ws_extension_piece;

/**
 * An extension in C (RFC 6455 section 9; Ktor's WebSocketExtensionFactory), for ws_config_install_extension, which
 * copies it. The caller sets `struct_size`; later versions may add members at the end.
 *
 * The functions return a ws_status. The library holds the lock for sending while it calls `encode`, and the one for reading
 * while it calls `decode`, so that messages keep their order. Therefore the two must not wait for a thread that sends or
 * receives, must not take a lock that such a thread holds, and must not free a session. Other functions on a session return
 * WS_ERR_STATE in them. Any thread that sends or receives may call them: for one instance, at most one thread at a time is
 * in `encode` and at most one in `decode`, but both may run at the same time. Several threads may call the other functions
 * at the same time.
 */
typedef struct ws_extension_vtable {
    /**
     * sizeof(ws_extension_vtable), set by the caller.
     */
    size_t struct_size;
    /**
     * The extension's name in the handshake, an HTTP token.
     */
    const char *name;
    /**
     * The reserved bits that the extension owns, as in ws_frame_flags. It decodes only messages that have one of these bits.
     * 0: it owns none, and encodes and decodes every message.
     */
    uint32_t rsv;
    /**
     * Writes the parameters to offer, as they stand in the header behind the name: "a; b=1". NULL offers none.
     */
    int32_t (*offer)(void *user_data, ws_sink *parameters);
    /**
     * The server has accepted, with these parameters in the same form. Makes the instance for the session; a status
     * other than WS_OK fails the handshake with WS_ERR_EXTENSION. NULL accepts any, without an instance.
     */
    int32_t (*negotiate)(void *user_data, const char *parameters, void **instance);
    /**
     * Writes what goes out in place of the piece. In the first piece of a message `*rsv` becomes the bits that the message
     * gets; an extension that owns bits and sets none leaves the message as it is, with all its pieces. A status other
     * than WS_OK fails the send with WS_ERR_EXTENSION: nothing of the message goes out.
     */
    int32_t (*encode)(void *instance,
                      const ws_extension_piece *piece,
                      uint32_t *rsv,
                      ws_sink *output);
    /**
     * Writes what the piece stands for. A status other than WS_OK fails the connection: WS_ERR_UTF8 and
     * WS_ERR_COMPRESSION with Close 1007, any other one as WS_ERR_EXTENSION with Close 1002.
     */
    int32_t (*decode)(void *instance, const ws_extension_piece *piece, ws_sink *output);
    /**
     * The instance is not used any more. May be NULL.
     */
    void (*drop)(void *instance);
    /**
     * `user_data` is not used any more: all configurations with the extension and all their sessions are freed. May be
     * NULL.
     */
    void (*release)(void *user_data);
} ws_extension_vtable;

/**
 * What a session with permessage-deflate agreed on (RFC 7692 section 7.1). The caller allocates it and sets `struct_size`; later
 * versions may add members at the end.
 */
typedef struct ws_deflate_info {
    /**
     * sizeof(ws_deflate_info), set by the caller.
     */
    size_t struct_size;
    /**
     * The level of compression, 1 to 9.
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
     * 1 if the client compresses each message by itself, else 0.
     */
    uint32_t client_no_context_takeover;
    /**
     * 1 if the server compresses each message by itself, else 0.
     */
    uint32_t server_no_context_takeover;
} ws_deflate_info;

/**
 * An extension that a session has. All of it is lent by the session; later versions may add members at the end.
 */
typedef struct ws_extension {
    /**
     * Its name.
     */
    const char *name;
    /**
     * The parameters the server chose: "a; b=1", "" for none.
     */
    const char *parameters;
    /**
     * What its `negotiate` made; NULL for permessage-deflate.
     */
    void *instance;
} ws_extension;

/**
 * A received frame: a whole message, in raw sessions one frame of it, or a control frame. A fragment has the type of its
 * message. It is the caller's from ws_recv until ws_frame_free, whatever happens to the session; any thread may read it, and none may write to it. The library
 * allocates it, and later versions may add members at the end.
 */
typedef struct ws_frame {
    /**
     * The payload. One NUL byte stands behind it, outside `size`. Never NULL.
     */
    const uint8_t *data;
    /**
     * The payload's size in bytes.
     */
    size_t size;
    /**
     * A ws_frame_type.
     */
    uint32_t type;
    /**
     * ws_frame_flags; 0 but in raw sessions.
     */
    uint32_t flags;
    /**
     * The close code of a WS_FRAME_CLOSE frame, 1005 if it had none; else 0.
     */
    uint32_t close_code;
} ws_frame;

/**
 * A part of a message of ws_sendv. The caller fills all members; the layout does not change.
 */
typedef struct ws_slice {
    /**
     * The bytes; may be NULL if `size` is 0.
     */
    const void *data;
    /**
     * Their number.
     */
    size_t size;
} ws_slice;

/**
 * A message of ws_send_batch. The caller fills all members; the layout does not change.
 */
typedef struct ws_message {
    /**
     * The payload; may be NULL if `size` is 0.
     */
    const void *data;
    /**
     * The payload's size in bytes.
     */
    size_t size;
    /**
     * WS_FRAME_TEXT or WS_FRAME_BINARY.
     */
    uint32_t type;
    /**
     * ws_send_flags.
     */
    uint32_t flags;
} ws_message;

/**
 * A function that is given a session's frames, lent until it returns.
 *
 * It runs as those of ws_callbacks do.
 */
typedef void (*ws_frame_callback)(ws_session *session, const ws_frame *frame, void *user_data);

/**
 * A function that the library calls when it no longer uses `user_data`.
 */
typedef void (*ws_drop_callback)(void *user_data);

/**
 * Functions that the library calls for events of a session. The caller of ws_config_set_callbacks sets `struct_size`; each
 * function may be NULL.
 *
 * Threads of the library call them, for one session one at a time and in order, with no lock held. A callback may take any
 * time: it delays only later callbacks of its own session. Meanwhile the library answers pings, and messages wait in the
 * incoming queue.
 *
 * A callback may call every function of the library. Those that would wait for a later callback of the same session return
 * WS_ERR_STATE: ws_recv, ws_wait_closed. ws_shutdown returns WS_ERR_STATE in any callback. A callback may call
 * ws_session_free: no on_frame follows, but on_close does. After the last handle is freed, callbacks may use the session
 * until they return, and ws_session_ref returns NULL. If ws_connect fails, no callback is called for that session; `drop` is
 * called once all configurations with these callbacks are freed.
 *
 * A callback may fork. The child has only the thread that forked. When the callback returns in the child, that thread ends,
 * and the child exits with status 0 unless it has started other threads. The same holds for every other function of the
 * application that a thread of the library calls.
 */
typedef struct ws_callbacks {
    /**
     * sizeof(ws_callbacks), set by the caller.
     */
    size_t struct_size;
    /**
     * The session is open. It is the first callback; it is not called if opening failed. It may be called before
     * ws_connect returns. If it frees the session before that, ws_connect returns WS_ERR_ABORTED.
     */
    void (*on_open)(ws_session *session, void *user_data);
    /**
     * A message, or whatever else ws_recv would give; the frame is lent until the function returns. With this
     * function ws_recv returns WS_ERR_STATE; without it, messages are received as ever.
     */
    ws_frame_callback on_frame;
    /**
     * The outgoing queue has room again, after a send returned WS_ERR_TIMEOUT because it was full.
     */
    void (*on_writable)(ws_session *session, void *user_data);
    /**
     * The session has ended, or could not be opened. `status` is what ws_recv returns at the end, or what ws_connect would
     * have returned. ws_session_error and ws_get_close_info return the details. It is the last callback. It is called exactly
     * once for every session that ws_connect or ws_connect_async returned, also when ws_shutdown ends it.
     */
    void (*on_close)(ws_session *session, ws_status status, void *user_data);
    /**
     * The library no longer uses `user_data`: all configurations with these callbacks are freed or have others, and all their
     * sessions have ended.
     */
    ws_drop_callback drop;
} ws_callbacks;

/**
 * A function that decides whether to try again. It is called when a connection was lost, and after each attempt that has
 * failed, but not before `on_open` has returned.
 *
 * `why` is the error of the loss or of the attempt, lent until the function returns; its status is WS_ERR_CLOSED where the
 * server has closed the session. `attempt` is the number of the one to come, from 1. `suggested` is 1 where the library
 * would try again, else 0, and `*delay_ms` in how many milliseconds; the function may change that.
 *
 * It returns 1 to try, or 0 to give up: the session then ends as it would have ended without reconnecting, or with the error
 * of the last attempt. A thread of the library calls it with no lock held. It may take any time. Do not wait for this session
 * inside it: ws_recv, ws_wait_closed and ws_shutdown return WS_ERR_STATE, and sending and ws_flush wait for their timeouts.
 */
typedef int32_t (*ws_reconnect_decision)(ws_session *session,
                                         const ws_error *why,
                                         uint32_t attempt,
                                         int32_t suggested,
                                         int64_t *delay_ms,
                                         void *user_data);

/**
 * A function that prepares an attempt: it may set another URL and headers, for this attempt only. A thread of the library calls
 * it with no lock held, or for the first opening the thread in ws_connect. It may take any time. As in a
 * ws_reconnect_decision, do not wait for this session.
 */
typedef void (*ws_reconnect_preparation)(ws_session *session, ws_attempt *attempt, void *user_data);

/**
 * How a session reconnects. The caller sets `struct_size` and may leave all else 0, which is the default; later versions
 * may add members at the end.
 */
typedef struct ws_reconnect_options {
    /**
     * sizeof(ws_reconnect_options), set by the caller.
     */
    size_t struct_size;
    /**
     * The delay before the first attempt, in milliseconds. Each further one is twice as long as the one before, and of each
     * a random part is waited, half to all. 0 stands for 500.
     */
    int64_t first_delay_ms;
    /**
     * The longest such delay. 0 stands for 30,000. After a connection that did not last as long, delays go on growing.
     */
    int64_t max_delay_ms;
    /**
     * How long an outage may last until no attempt is made any more, in milliseconds; 0 is no limit.
     */
    int64_t max_outage_ms;
    /**
     * How many attempts are made in an outage; 0 is no limit.
     */
    uint32_t max_attempts;
    /**
     * A sum of ws_reconnect_flags.
     */
    uint32_t flags;
    /**
     * The longest Retry-After delay that the library obeys, in milliseconds; it shortens a longer one to this. 0 means
     * 300,000, five minutes.
     */
    int64_t max_retry_after_ms;
    /**
     * Has the last word; NULL: the library decides by its table.
     */
    ws_reconnect_decision decide;
    /**
     * Called before each attempt that follows a loss or a failed attempt. NULL: the attempts are alike.
     */
    ws_reconnect_preparation prepare;
    /**
     * Passed to `decide` and `prepare`. It must stay valid until the sessions of the configuration are freed. Several threads may
     * use it at the same time.
     */
    void *user_data;
} ws_reconnect_options;

/**
 * How a session was closed (Ktor's closeReason). The caller allocates it and sets `struct_size`; later versions may
 * add members at the end.
 */
typedef struct ws_close_info {
    /**
     * sizeof(ws_close_info), set by the caller.
     */
    size_t struct_size;
    /**
     * The code of the Close that this side sent, 1005 if it had none, 0 while none is sent.
     */
    uint32_t local_code;
    /**
     * The code of the server's Close, 1005 if it had none, 1006 if none came.
     */
    uint32_t remote_code;
    /**
     * The reason in the server's Close: UTF-8, with a NUL byte behind it, "" if it had none. Lent by the session.
     */
    const char *reason;
    /**
     * The reason's size in bytes, at most 123.
     */
    size_t reason_size;
    /**
     * 1 if a Close went both ways, else 0.
     */
    uint32_t clean;
    /**
     * A ws_close_initiator.
     */
    uint32_t initiator;
} ws_close_info;

/**
 * The numbers of a session at a moment. The caller allocates it and sets `struct_size`; later versions may add members
 * at the end. Messages count when they are accepted for sending, and when they are decoded.
 */
typedef struct ws_stats {
    /**
     * sizeof(ws_stats), set by the caller.
     */
    size_t struct_size;
    /**
     * Messages that were sent.
     */
    uint64_t messages_sent;
    /**
     * Messages that were received.
     */
    uint64_t messages_received;
    /**
     * Bytes of the payloads of messages that were sent, before compression.
     */
    uint64_t payload_sent;
    /**
     * Bytes of the payloads of messages that were received, inflated.
     */
    uint64_t payload_received;
    /**
     * Bytes of frames that went out, headers and control frames included.
     */
    uint64_t wire_sent;
    /**
     * Bytes of frames that came in, headers and control frames included.
     */
    uint64_t wire_received;
    /**
     * Payload bytes of the messages that extensions encoded, before compression.
     */
    uint64_t compressed_sent_before;
    /**
     * Payload bytes of these messages after compression.
     */
    uint64_t compressed_sent_after;
    /**
     * Payload bytes of the messages that extensions decoded, before decompression.
     */
    uint64_t compressed_received_before;
    /**
     * Payload bytes of these messages after decompression.
     */
    uint64_t compressed_received_after;
    /**
     * Pings that were sent, the library's and the application's.
     */
    uint64_t pings_sent;
    /**
     * Pings that were received.
     */
    uint64_t pings_received;
    /**
     * Pongs that were sent.
     */
    uint64_t pongs_sent;
    /**
     * Pongs that were received.
     */
    uint64_t pongs_received;
    /**
     * The time from the library's last answered ping to its pong, in microseconds; 0 before the first one.
     */
    uint64_t last_rtt_us;
    /**
     * Messages that wait to be received. Those that nobody has read from the connection do not count.
     */
    uint64_t incoming_messages;
    /**
     * Bytes of their payloads.
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
     * How long resolving the host took, in microseconds.
     */
    uint64_t resolve_us;
    /**
     * How long connecting TCP took, in microseconds.
     */
    uint64_t connect_us;
    /**
     * How long negotiating TLS took, in microseconds; 0 without TLS.
     */
    uint64_t tls_us;
    /**
     * How long the opening handshake took, in microseconds.
     */
    uint64_t handshake_us;
    /**
     * How long a proxy took to open the tunnel, in microseconds; 0 without one.
     */
    uint64_t proxy_us;
    /**
     * How often the session has gone on with another connection.
     */
    uint64_t reconnects;
} ws_stats;

/**
 * What is known about the connection of a session. The caller allocates it and sets `struct_size`; later versions may add
 * members at the end. The texts are NUL-terminated. A text that does not fit is cut.
 */
typedef struct ws_session_info {
    /**
     * sizeof(ws_session_info), set by the caller.
     */
    size_t struct_size;
    /**
     * The version of HTTP of the opening handshake: 0x0101 for HTTP/1.1.
     */
    uint32_t http_version;
    /**
     * The version of TLS, a ws_tls_version; 0 without TLS.
     */
    uint32_t tls_version;
    /**
     * 1 if TLS has resumed a session of an earlier connection, else 0.
     */
    uint32_t tls_resumed;
    /**
     * The address and port of this side: "127.0.0.1:40000", "[::1]:40000"; for a Unix socket its path, mostly "".
     */
    char local_address[112];
    /**
     * The address and port of the server, or of the proxy if there is one; for a Unix socket its path.
     */
    char peer_address[112];
    /**
     * The URL of the proxy, without credentials; "" without a proxy.
     */
    char proxy[280];
    /**
     * The cipher suite of TLS, as the IANA registry names it; "" without TLS.
     */
    char tls_cipher_suite[48];
    /**
     * The group of the key exchange of TLS, as the IANA registry names it: "X25519"; "" without TLS.
     */
    char tls_key_exchange_group[32];
    /**
     * The protocol that the server has chosen within TLS (ALPN): "http/1.1"; "" if none.
     */
    char alpn[32];
} ws_session_info;

/**
 * A function that is told a line of the log: its ws_log_level, the session's ws_session_id, 0 where it is of none, and
 * the line, UTF-8 without an end of line, lent until the function returns.
 */
typedef void (*ws_log_callback)(uint32_t level,
                                uint64_t session_id,
                                const char *message,
                                void *user_data);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The name of a status, like "WS_ERR_TIMEOUT"; "WS_ERR_UNKNOWN" for a number that is none.
 *
 * The string is static.
 */
const char *ws_status_name(int32_t status);

/**
 * A few words on a status, for people; "unknown status" for a number that is none. ws_error_message says more.
 *
 * The string is static.
 */
const char *ws_strerror(int32_t status);

/**
 * The library's version at run time, in the form of WS_VERSION_NUMBER: major << 16 | minor << 8 | patch.
 */
uint32_t ws_version_number(void);

/**
 * The library's version at run time, in the form of WS_VERSION_STRING. The string is static.
 */
const char *ws_version_string(void);

/**
 * Whether this build of the library has a feature: 1 or 0; 0 also for a name that is not known, or NULL.
 *
 * Known names: "deflate" (permessage-deflate), "proxy" (HTTP, HTTPS and SOCKS 5 proxies), "reconnect", "tls" (wss URLs).
 */
int32_t ws_has_feature(const char *name);

/**
 * Sets how many worker threads the library starts: 1 to 1024, 2 unless set. They send what the kernel did not
 * take at once, and receive while the application does not.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for another number, and WS_ERR_STATE once the threads run, which is from the first
 * ws_connect on until ws_shutdown.
 */
ws_status ws_set_worker_threads(uint32_t count);

/**
 * Ends all sessions, as ws_abort does, and all threads of the library, waiting for them at most `timeout_ms`
 * milliseconds (negative: without limit).
 *
 * There is no need to call it: a process may simply end. It is for hosts that want every byte and thread back, and
 * for leak checkers. Sessions still have to be freed, before or after. The library can be used again afterwards.
 *
 * A ws_connect that is under way in another thread returns WS_ERR_ABORTED.
 *
 * Returns WS_ERR_TIMEOUT when a thread did not end in time, for example because it waits for the system's name resolution;
 * it ends later. Returns WS_ERR_STATE in a function of the application that the library has called: callbacks, `drop`,
 * functions of extensions, filters, the log.
 */
ws_status ws_shutdown(int64_t timeout_ms);

/**
 * The status; WS_OK for NULL.
 */
ws_status ws_error_status(const ws_error *error);

/**
 * One sentence that says what happened, with the numbers; "" for NULL. It holds no credentials.
 *
 * The string is the error's.
 */
const char *ws_error_message(const ws_error *error);

/**
 * How far it had come; WS_PHASE_NONE for NULL and for wrong arguments.
 */
ws_phase ws_error_phase(const ws_error *error);

/**
 * The operating system's errno behind the failure, 0 where there is none.
 */
int32_t ws_error_os_errno(const ws_error *error);

/**
 * The description of the TLS alert that the server sent (RFC 8446 section 6), -1 where it sent none.
 */
int32_t ws_error_tls_alert(const ws_error *error);

/**
 * The HTTP status with which the server refused the handshake, 0 where it did not.
 */
uint32_t ws_error_http_status(const ws_error *error);

/**
 * A header of the answer that refused the handshake: the value of the field called `name` (in any case), the
 * `index`-th (from 0) where there are several. NULL where there is none, or an argument is NULL.
 *
 * The string is the error's. It is what the server sent, which need not be UTF-8.
 */
const char *ws_error_http_header(const ws_error *error,
                                 const char *name,
                                 size_t index);

/**
 * Writes the `index`-th header field (from 0) of the answer that refused the handshake to `*name` and `*value`, in the order in
 * which the server sent the fields.
 *
 * Returns 1. Returns 0, with NULL in `*name` and `*value`, behind the last field, if there was no such answer, and for NULL. The
 * strings are lent until the error is freed. They are what the server sent, which need not be UTF-8.
 */
int32_t ws_error_http_header_at(const ws_error *error,
                                size_t index,
                                const char **name,
                                const char **value);

/**
 * The body of the answer that refused the handshake, at most its first 64 KiB, as sent. NULL and 0 where there is
 * none. `size` may be NULL.
 *
 * The bytes are the error's.
 */
const uint8_t *ws_error_http_body(const ws_error *error,
                                  size_t *size);

/**
 * Frees an error that ws_connect wrote. NULL is fine; an error from ws_session_error is not.
 */
void ws_error_free(ws_error *error);

/**
 * A configuration with the defaults, which each setter names. NULL when it cannot be made.
 *
 * The caller frees it with ws_config_free.
 */
ws_config *ws_config_new(void);

/**
 * A copy that changes independently. NULL for NULL. The caller frees it with ws_config_free.
 */
ws_config *ws_config_clone(const ws_config *config);

/**
 * Frees a configuration. NULL is fine. Sessions opened with it go on.
 */
void ws_config_free(ws_config *config);

/**
 * Sets the pointer that ws_get_user_data returns for the sessions of the configuration, from before the first callback on. The
 * library does not use what it points to. Default: NULL. ws_set_user_data changes it for one session.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL.
 */
ws_status ws_config_set_user_data(ws_config *config,
                                  void *user_data);

/**
 * Returns the first setting of the configuration that was refused: its status, and a message that names the function, the value
 * and the reason. NULL if none was refused, and for NULL. The error is lent until the configuration is freed.
 */
const ws_error *ws_config_error(const ws_config *config);

/**
 * Adds a header to the opening handshake. Of Authorization, Host, Origin and User-Agent there is only one: it
 * replaces what was there. Without one, Host is the URL's host, with its port unless that is the scheme's own.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, a name that is not an HTTP token, a value with a control character, a Host that
 * is not a host with an optional port, and the headers that would contradict the handshake: all that begin with
 * Sec-WebSocket- (see ws_config_add_subprotocol and ws_config_install_deflate), headers of the connection (Connection,
 * HTTP2-Settings, Keep-Alive, Upgrade), headers of a body, which the request does not have (Content-Length, Expect, TE,
 * Trailer, Transfer-Encoding), and headers for a proxy (Proxy-Authorization, Proxy-Connection), which the server must not
 * see: put credentials for a proxy into the URL of ws_config_set_proxy.
 */
ws_status ws_config_add_header(ws_config *config,
                               const char *name,
                               const char *value);

/**
 * Sets a header of the opening handshake, in place of any of its name that were added before. A value of NULL
 * removes them.
 *
 * Returns WS_ERR_INVALID_ARGUMENT as ws_config_add_header does.
 */
ws_status ws_config_set_header(ws_config *config,
                               const char *name,
                               const char *value);

/**
 * Offers a subprotocol (RFC 6455 section 1.9), after those offered before. ws_subprotocol tells which one the server
 * chose; a server that chooses another fails the handshake.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, a name that is not an HTTP token, and one that is offered already.
 */
ws_status ws_config_add_subprotocol(ws_config *config,
                                    const char *name);

/**
 * Sets the Origin header. Default and NULL: none is sent, since a program that is not a browser has no origin.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL or the value holds a control character.
 */
ws_status ws_config_set_origin(ws_config *config,
                               const char *origin);

/**
 * Sets the User-Agent header. Default: "ktorws/" and the library's version. NULL: none is sent.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL or the value holds a control character.
 */
ws_status ws_config_set_user_agent(ws_config *config, const char *user_agent);

/**
 * Switches coalescing, by which small messages that follow each other quickly share a system call. With 1, the default,
 * the first message of a streak goes out at once, and later ones with the next ws_recv that waits, the next ws_flush or
 * ws_close, or when 32 KiB have come together, and at the latest after about 100 microseconds. A message that follows no
 * other within a third of a millisecond always goes out at once. With 0 every message goes out before its call returns.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_coalescing(ws_config *config,
                                   int32_t on);

/**
 * Sets for how many microseconds, 0 to 1,000, a thread in ws_recv looks for bytes before it sleeps. It saves the time
 * that waking up takes, about as much as a round trip on a local network, and costs the processor that it runs on. It
 * is only done as long as it pays: bytes have come within that time lately. Default: 0.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
 */
ws_status ws_config_set_spin_us(ws_config *config,
                                uint32_t microseconds);

/**
 * Sets how long resolving the host and connecting TCP may take together, in milliseconds; negative is no limit.
 * Default: 10,000.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_connect_timeout_ms(ws_config *config,
                                           int64_t timeout_ms);

/**
 * Sets how long resolving a host may take, in milliseconds; negative, the default, is no limit of its own: it counts for the connect timeout.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_resolve_timeout_ms(ws_config *config,
                                           int64_t timeout_ms);

/**
 * Sets how long a proxy, TLS and the opening handshake may take together, in milliseconds; negative is no limit. Default:
 * 15,000.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_handshake_timeout_ms(ws_config *config,
                                             int64_t timeout_ms);

/**
 * Sets how long having a proxy open a tunnel may take, TLS to the proxy included, in milliseconds; negative, the default, is no limit of its own: it counts for the handshake timeout.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_proxy_timeout_ms(ws_config *config,
                                         int64_t timeout_ms);

/**
 * Sets how long negotiating TLS with the server may take, in milliseconds; negative, the default, is no limit of its own: it counts for the handshake timeout.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_tls_timeout_ms(ws_config *config,
                                       int64_t timeout_ms);

/**
 * Sets how long opening a session may take in all, redirects and questions for credentials included, in milliseconds;
 * negative, the default, is no limit besides those of the parts, which begin anew with each redirect.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_open_timeout_ms(ws_config *config,
                                        int64_t timeout_ms);

/**
 * Sets how long the closing handshake and the end of the connection may take once our Close is sent, in milliseconds;
 * negative is no limit. Then the connection is dropped. Before our Close goes out whatever is queued, and this is how
 * long it may wait without the server taking anything of it. Default: 5,000.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_close_timeout_ms(ws_config *config,
                                         int64_t timeout_ms);

/**
 * Sets how long ws_send_text and ws_send_binary wait for room in the outgoing queue, in milliseconds; negative is no limit.
 * Default: 30,000. To send without waiting, call ws_send with a timeout of 0.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_send_timeout_ms(ws_config *config,
                                        int64_t timeout_ms);

/**
 * Ends a session on which nothing, not even a pong, has come from the server for this many milliseconds: it sends
 * Close 1001 "Idle timeout" and drops the connection, and receiving returns WS_ERR_IDLE_TIMEOUT. Negative, the default, is no
 * limit. Ktor's counterpart is the socket timeout.
 *
 * The time does not count while the library does not read because the incoming queue is full, nor while the server accepts
 * sent bytes. The library reads all bytes that have arrived before it ends the session, so a stopped process (SIGSTOP, a
 * suspended machine) does not cause a timeout.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_idle_timeout_ms(ws_config *config,
                                        int64_t timeout_ms);

/**
 * Sets the largest payload of one frame to accept, in bytes: 1 to 2^63-1. Default: 64 MiB. See
 * ws_set_max_frame_size.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
 */
ws_status ws_config_set_max_frame_size(ws_config *config, uint64_t bytes);

/**
 * Sets the largest message to accept, in bytes: 1 to 2^63-1. Default: 64 MiB. See ws_set_max_message_size.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range.
 */
ws_status ws_config_set_max_message_size(ws_config *config,
                                         uint64_t bytes);

/**
 * Bounds the incoming queue, which holds the messages that wait to be received: at most `messages`, and no further message
 * once they hold `bytes` of memory; 0 means no bound. A message counts with the memory that its payload has allocated, at
 * least 128 bytes and at most twice the payload's size plus some KiB, and 128 bytes for its place in the queue. `policy` is
 * a ws_queue_policy. Default: 1,024 messages, 4 MiB, WS_QUEUE_WAIT.
 *
 * With WS_QUEUE_WAIT the library stops reading when the queue is full: pings of the server wait as well, and that the
 * connection has ended is noticed once there is room. With the others it always reads. A message that finds a thread
 * waiting in ws_recv needs no room in any case.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, two zeros or an unknown policy.
 */
ws_status ws_config_set_incoming_queue(ws_config *config,
                                       size_t messages,
                                       size_t bytes,
                                       uint32_t policy);

/**
 * Bounds the messages that wait to be sent, and their bytes, frame headers included; 0 leaves one of the two
 * unbounded. A message that does not fit waits, whole, as long as its send may; an empty queue takes a message of any
 * size. `policy` is a ws_queue_policy. Default: any number of messages, 1 MiB, WS_QUEUE_WAIT.
 *
 * With WS_QUEUE_CLOSE the send that does not fit returns WS_ERR_OVERFLOW, and the session has ended. With
 * WS_QUEUE_DROP_OLDEST whole messages that have not begun to go out make room; what is under way, which the bounds do
 * not count then, and a fragmented message that is not complete stay. permessage-deflate then compresses each message
 * by itself, and ws_connect refuses other extensions: they may refer to a message that was dropped.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, two zeros or an unknown policy.
 */
ws_status ws_config_set_outgoing_queue(ws_config *config,
                                       size_t messages,
                                       size_t bytes,
                                       uint32_t policy);

/**
 * Sends a message that is larger than `bytes` as fragments of that size (RFC 6455 section 5.4), so that a pong or our
 * Close waits for one of them at most; the server's application sees one message all the same. 0, the default: every
 * message is one frame.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 1 to 124 bytes.
 */
ws_status ws_config_set_auto_fragment(ws_config *config,
                                      size_t bytes);

/**
 * Sets how often the library pings the server, in milliseconds; 0 and negative numbers switch it off, which is the
 * default. See ws_set_ping_interval_ms.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL.
 */
ws_status ws_config_set_ping_interval_ms(ws_config *config,
                                         int64_t interval_ms);

/**
 * Sets how long the answer to a ping of the library may take, in milliseconds; negative is no limit. Default: twice the
 * interval. See ws_set_ping_timeout_ms.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0.
 */
ws_status ws_config_set_ping_timeout_ms(ws_config *config,
                                        int64_t timeout_ms);

/**
 * Sets what counts as the answer to a ping of the library, a ws_ping_liveness. Default: WS_LIVENESS_PONG.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_ping_liveness(ws_config *config,
                                      uint32_t liveness);

/**
 * Switches answering the server's pings. With 1, the default, each gets one pong with its payload; with 0 none: RFC
 * 6455 section 5.5.2 asks for one, so see them with ws_config_set_deliver_control and answer with ws_send_pong.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_auto_pong(ws_config *config,
                                  int32_t on);

/**
 * Has control frames delivered among the messages, in their order: `mask` is an OR of ws_control_frames. They are
 * answered all the same. Default: 0, none.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or other bits.
 */
ws_status ws_config_set_deliver_control(ws_config *config,
                                        uint32_t mask);

/**
 * Delivers events of the session as frames, in their place among the messages and by every way of waiting, so that the gap in a
 * feed can be located: `mask` is an OR of ws_event_frames. Default: 0, none.
 *
 * An event needs no room in the incoming queue. With WS_QUEUE_DROP_OLDEST it may be dropped like a message. Outages without a
 * message between them are delivered as one.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or other bits.
 */
ws_status ws_config_set_deliver_events(ws_config *config,
                                       uint32_t mask);

/**
 * Delivers a long message in parts as it arrives: a part has at least `bytes` bytes and the flag WS_FLAG_MORE, and the last part
 * has neither. All parts have the type of the message. A part of text may end within a character. permessage-deflate and other
 * extensions are applied before. The message limit holds for the whole message. 0, the default: every message is whole.
 *
 * It has no effect in raw sessions. Connecting fails with WS_ERR_INVALID_ARGUMENT if the incoming queue drops messages
 * (WS_QUEUE_DROP_OLDEST).
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 1 to 1,023 bytes.
 */
ws_status ws_config_set_deliver_parts(ws_config *config,
                                      size_t bytes);

/**
 * Switches the check that received text is UTF-8 (RFC 6455 section 8.1). With 1, the default, text that is not UTF-8 fails the
 * connection with Close 1007; with 0 it is delivered. Close reasons and text to send are always checked.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_validate_utf8(ws_config *config,
                                      int32_t on);

/**
 * Switches raw sessions (Ktor's webSocketRawSession). In one every frame is delivered as it came: fragments by
 * themselves, with WS_FLAG_MORE but for the last, reserved bits, and all control frames. Nothing is answered: pings
 * are for ws_send_pong, the server's Close is for ws_close, which then completes the closing handshake. No extension
 * is offered. The checks of RFC 6455 stay, but for those of the reserved bits and, where such are set, of UTF-8, and
 * so do the limits. Default: 0.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_raw(ws_config *config,
                            int32_t on);

/**
 * Allows, with 1, to send frames unmasked, which RFC 6455 section 5.3 forbids and servers answer by ending the
 * connection. It is for tests, and for peers on the same machine that agree. Default: 0.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_allow_unmasked(ws_config *config,
                                       int32_t allow);

/**
 * Switches masking. Default: 1.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number, WS_ERR_STATE for 0 unless ws_config_set_allow_unmasked was
 * called with 1 before.
 */
ws_status ws_config_set_masking(ws_config *config,
                                int32_t on);

/**
 * Connects to `address` where a URL names `host` and `port` (0: any port), and does not resolve the host. Further calls for
 * the same host and port add addresses. The Host header, SNI and the check of the certificate still use the URL's host. It has
 * no effect behind a proxy that resolves names.
 *
 * `address` is an IP address: "127.0.0.1", "::1", "fe80::1%eth0".
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and for what is not a host or an address.
 */
ws_status ws_config_add_resolve(ws_config *config,
                                const char *host,
                                uint16_t port,
                                const char *address);

/**
 * Connects from this IP address of the machine. Only addresses of its family are connected to then. NULL, the default:
 * from the one that the system chooses.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for what is not an address. One that the machine does not
 * have is WS_ERR_CONNECT in ws_connect.
 */
ws_status ws_config_set_local_address(ws_config *config,
                                      const char *address);

/**
 * Connects to a Unix socket in place of the URL's host: a path of at most 107 bytes, or with an "@" in front an abstract
 * name. The Host header, and the name in the certificate for wss, are still the URL's. No proxy of the environment is used;
 * with one of ws_config_set_proxy ws_connect returns WS_ERR_INVALID_ARGUMENT. NULL, the default: TCP. It replaces
 * ws_config_set_socket_fd.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for an empty or longer path.
 */
ws_status ws_config_set_unix_socket(ws_config *config,
                                    const char *path);

/**
 * Opens the next session on a stream socket that is connected already. It is duplicated: the descriptor stays the
 * caller's, to be closed at any time, but nobody else may read from it, write to it or change its options while the
 * session lasts, which leaves other timeouts and TCP options behind. The first session takes it; later ones of the
 * configuration, redirects and reconnecting get WS_ERR_STATE. As to proxies, see ws_config_set_unix_socket. -1, the default: a new connection. It replaces ws_config_set_unix_socket.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for what is not an open descriptor. What is not a connected
 * stream socket is WS_ERR_CONNECT in ws_connect.
 */
ws_status ws_config_set_socket_fd(ws_config *config,
                                  int32_t fd);

/**
 * Switches TCP_NODELAY: with 1, the default, the kernel sends every message at once; with 0 it may wait for more.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_tcp_nodelay(ws_config *config,
                                    int32_t on);

/**
 * Has the kernel probe a connection on which nothing has come for `idle_s` seconds, every `interval_s` seconds, and end
 * it after `count` probes without an answer (TCP keepalive). 0 as `idle_s`, the default: not at all. Pings
 * (ws_config_set_ping_interval_ms) also tell whether the server itself is alive.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, for more than 32,767 seconds, no interval, or a count that is not 1 to 127.
 */
ws_status ws_config_set_tcp_keepalive(ws_config *config,
                                      uint32_t idle_s,
                                      uint32_t interval_s,
                                      uint32_t count);

/**
 * Goes through a proxy: "http://", "https://" (TLS to the proxy), "socks5://" (names are resolved here) or "socks5h://"
 * (the proxy resolves them), then "user:password@" if it wants credentials (percent-encoded where need be), its host, and
 * its port, 1080 unless it is given (443 for https), as with curl. Without a scheme it is one of http. The proxy opens a
 * tunnel (CONNECT), also for ws. NULL: no proxy, whatever the environment says.
 *
 * If the proxy fails, ws_connect fails with WS_ERR_PROXY, or with WS_ERR_PROXY_AUTH if the proxy refuses the credentials;
 * there is no direct fallback. The ws_error_http_ functions return the proxy's answer. The certificate of an https proxy is
 * always checked, against the same authorities as the server's.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for what is not such a URL.
 */
ws_status ws_config_set_proxy(ws_config *config,
                              const char *url);

/**
 * Takes the proxy from the environment, with 1, the default; 0: no proxy. For ws URLs the first of ws_proxy, WS_PROXY,
 * http_proxy, all_proxy and ALL_PROXY that is set counts, for wss URLs the first of wss_proxy, WSS_PROXY, https_proxy,
 * HTTPS_PROXY, all_proxy and ALL_PROXY; an empty value means no proxy. (HTTP_PROXY does not count: to a CGI program it is
 * a header.) no_proxy or NO_PROXY lists, with commas or spaces between, what is connected to directly: "*" for everything,
 * names, which mean the names below them too, addresses, networks like "10.0.0.0/8" and "fd00::/8", and names and
 * addresses with a port. The environment is read by ws_connect.
 *
 * It replaces ws_config_set_proxy. A value in the environment that is malformed is WS_ERR_PROXY in ws_connect, never a
 * direct connection.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_proxy_from_env(ws_config *config,
                                       int32_t on);

/**
 * Sends a user name and a password with the handshake (Basic authentication, RFC 7617), in place of any Authorization
 * header before. They are readable to whoever sees an unencrypted connection. NULL as `user`: none are sent.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` or `password` is NULL, for a control character in either, and for a colon in
 * the user name.
 */
ws_status ws_config_set_basic_auth(ws_config *config,
                                   const char *user,
                                   const char *password);

/**
 * Sends a token with the handshake (Bearer, RFC 6750), in place of any Authorization header before. NULL: none is sent.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for a token that is empty or has a character that tokens do
 * not have: they consist of letters, digits and "-._~+/=".
 */
ws_status ws_config_set_bearer_token(ws_config *config,
                                     const char *token);

/**
 * Follows so many redirects (the statuses 301, 302, 303, 307 and 308), 0 to 100. Default: 0, with which a redirect is
 * WS_ERR_HANDSHAKE_STATUS; a further one is WS_ERR_TOO_MANY_REDIRECTS. The target may be a relative URL or one of ws,
 * wss, http or https; from wss none leads to ws. Authorization, Cookie and Host headers of the configuration, and credentials
 * of the URL, go to the same scheme, host and port only; what else was added goes along. A redirect that cannot be
 * followed is WS_ERR_HANDSHAKE_INVALID.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or more than 100.
 */
ws_status ws_config_set_max_redirects(ws_config *config,
                                      uint32_t count);

/**
 * Has a function asked when a server wants credentials, and the handshake tried again with those that it gives, at most
 * 8 times. What it gives counts for the server that has asked. NULL, the default: nobody is asked.
 *
 * It is called by the thread that opens the session: the one in ws_connect, or with ws_connect_async and for reconnecting
 * one of the library; for several sessions of the configuration at the same time, maybe. `user_data` has to stay valid as
 * long as sessions are opened with the configuration or reconnect. Its run time counts only for the timeout of
 * ws_config_set_open_timeout_ms, which does not interrupt it: if it returns too late, opening fails with WS_ERR_TIMEOUT, and
 * the error names the callback as the cause.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL.
 */
ws_status ws_config_set_auth_callback(ws_config *config,
                                      ws_auth_callback callback,
                                      void *user_data);

/**
 * The URL that wants credentials, without those that it may have had; "" for NULL.
 */
const char *ws_auth_url(const ws_auth *auth);

/**
 * The `index`-th WWW-Authenticate header of the answer, from 0; NULL behind the last one, and for NULL.
 */
const char *ws_auth_challenge(const ws_auth *auth,
                              size_t index);

/**
 * Which question of this opening it is, from 1; 0 for NULL. From 2 on the server has not taken the answer before, or asks
 * for a fresh digest.
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
 * Answers with a digest of a user name and a password (RFC 7616), of the first challenge that asks for one: MD5, SHA-256
 * or SHA-512/256, with `qop=auth` or none.
 *
 * Returns WS_ERR_STATE when the server asks for no digest that can be made, WS_ERR_INVALID_ARGUMENT for NULL and control
 * characters.
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
 * Answers with an Authorization header of the caller's own making.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a control character.
 */
ws_status ws_auth_header(ws_auth *auth,
                         const char *value);

/**
 * An empty jar. NULL when it cannot be made.
 *
 * The caller frees it with ws_cookie_jar_free.
 */
ws_cookie_jar *ws_cookie_jar_new(void);

/**
 * Frees a jar. NULL is fine. Configurations that have it go on using it.
 */
void ws_cookie_jar_free(ws_cookie_jar *jar);

/**
 * Sends the jar's cookies with the handshake, behind those of a Cookie header of the configuration, and takes those that
 * servers set in their answers, redirects and refusals included. NULL, the default: cookies are the application's, which
 * sends a Cookie header and reads Set-Cookie with ws_response_header and ws_error_http_header.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL.
 */
ws_status ws_config_set_cookie_jar(ws_config *config,
                                   const ws_cookie_jar *jar);

/**
 * Takes a cookie as a server at `url` would set it: the value of a Set-Cookie header.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL and for a cookie that is malformed, too long, not for this URL, or for a domain
 * that is a public suffix; WS_ERR_URL.
 */
ws_status ws_cookie_jar_add(ws_cookie_jar *jar,
                            const char *url,
                            const char *set_cookie);

/**
 * The Cookie header for a handshake with `url`: at most `capacity` bytes, without a NUL, to `buffer`, and how many to
 * `*size`; 0 where no cookie is for it.
 *
 * Returns WS_ERR_BUFFER_TOO_SMALL with the size that is needed in `*size`, WS_ERR_INVALID_ARGUMENT for NULL (`buffer` may be
 * NULL when `capacity` is 0), WS_ERR_URL.
 */
ws_status ws_cookie_jar_header(ws_cookie_jar *jar,
                               const char *url,
                               char *buffer,
                               size_t capacity,
                               size_t *size);

/**
 * Removes all cookies. NULL is fine.
 */
void ws_cookie_jar_clear(ws_cookie_jar *jar);

/**
 * Trusts the certificates of a PEM file, read now, and of earlier calls of this function and ws_config_add_tls_ca_pem
 * instead of the system's trust store.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, for a file that cannot be read, is not a regular file or has more than 64 MiB, and
 * for one that holds no certificate or one that cannot be trusted.
 */
ws_status ws_config_add_tls_ca_file(ws_config *config,
                                    const char *path);

/**
 * Trusts the certificates in `size` bytes of PEM text (WS_NUL_TERMINATED for a C string), and of earlier calls of
 * this function and ws_config_add_tls_ca_file instead of the system's trust store.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and for text that holds no certificate or one that cannot be trusted.
 */
ws_status ws_config_add_tls_ca_pem(ws_config *config,
                                   const char *pem,
                                   size_t size);

/**
 * Trusts the certificates in the files of a directory, read now, and of earlier calls of this function,
 * ws_config_add_tls_ca_file and ws_config_add_tls_ca_pem instead of the system's trust store. Files that hold no
 * certificate are passed over.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, for a directory that cannot be read, and for one without certificates.
 */
ws_status ws_config_add_tls_ca_dir(ws_config *config,
                                   const char *path);

/**
 * Switches the system's trust store on or off: 1 trusts its authorities besides those that the configuration adds, 0 trusts
 * only the latter. Default: 1, unless an authority was added.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_tls_system_store(ws_config *config,
                                         int32_t on);

/**
 * Refuses certificates that the revocation lists of a PEM file name, besides those of earlier calls. The file is read now. The
 * certificates of an authority without a list are not refused. The library downloads no list and does not use OCSP.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, for a file that cannot be read, is not a regular file or has more than 64 MiB, and
 * for one that holds no list.
 */
ws_status ws_config_add_tls_crl_file(ws_config *config,
                                     const char *path);

/**
 * Shows a certificate to servers that ask for one: a PEM file with it and those behind it, and one with its key, PKCS#8,
 * PKCS#1 or SEC1, not encrypted. Both are read now. NULL as `key_path`: both are in one file. NULL as
 * `certificate_path`, the default: none is shown.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, for files that cannot be read, are not regular files, have more than 64
 * MiB or do not hold them, and for a key that is not the certificate's.
 */
ws_status ws_config_set_tls_client_cert_file(ws_config *config,
                                             const char *certificate_path,
                                             const char *key_path);

/**
 * The same from memory: each of PEM text, with its size or WS_NUL_TERMINATED. NULL as `key`: it is in `certificate` too.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` or `certificate` is NULL, for texts that do not hold them, and for a key
 * that is not the certificate's.
 */
ws_status ws_config_set_tls_client_cert_pem(ws_config *config,
                                            const char *certificate,
                                            size_t certificate_size,
                                            const char *key,
                                            size_t key_size);

/**
 * Sets the name that is asked for (SNI) and that the certificate must have, in place of the URL's host: a host name
 * or an IP address.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or what is neither.
 */
ws_status ws_config_set_tls_server_name(ws_config *config,
                                        const char *name);

/**
 * Switches the checks of the server's certificate on or off. The default is 1 and 1.
 *
 * With `peer` 1 the certificate must be valid and trusted. With `peer` 0 every certificate is accepted, whatever `host` is, and a
 * man in the middle can read and change the connection. Only the certificate's key counts then, and the pins of
 * ws_config_add_tls_pin_sha256; the server still proves that it holds the private key. RSA keys have at least 2048 bits;
 * without verification at least 1024 bits if the server signs with PKCS #1 v1.5, which TLS 1.3 does not allow. ECDSA keys are
 * of P-256 or P-384. With `host` 1 the certificate must have the server's name; with `host` 0 it may have any name.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or other numbers.
 */
ws_status ws_config_set_tls_verify(ws_config *config,
                                   int32_t peer,
                                   int32_t host);

/**
 * Sets the lowest version of TLS, a ws_tls_version. Default: WS_TLS_1_2; older ones are not spoken.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number.
 */
ws_status ws_config_set_tls_min_version(ws_config *config, uint32_t version);

/**
 * Sets the protocols that are offered within TLS (ALPN, RFC 7301), separated by commas. Default: "http/1.1". NULL: none.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for an empty name or one over 255 bytes; WS_ERR_UNSUPPORTED for
 * "h2" and "h3", which a server might choose.
 */
ws_status ws_config_set_tls_alpn(ws_config *config,
                                 const char *protocols);

/**
 * Accepts only servers whose certificate has this public key, or that of an earlier call, besides all other checks, and
 * also where those are switched off: the SHA-256 of its SubjectPublicKeyInfo in base64, with or without the "sha256//" that
 * curl puts in front. With another key connecting fails with WS_ERR_TLS_CERTIFICATE, and the error names it. Default: any key.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, and for what is not the base64 of 32 bytes.
 */
ws_status ws_config_add_tls_pin_sha256(ws_config *config,
                                       const char *pin);

/**
 * Appends the secrets of TLS connections to a file, in the format of NSS, with which programs like Wireshark decrypt what
 * they have recorded. The file is opened now, and made for its owner only where there is none. NULL, the default: none.
 * The environment is not looked at.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for a file that cannot be written to or is a pipe.
 */
ws_status ws_config_set_tls_key_log_file(ws_config *config,
                                         const char *path);

/**
 * Offers permessage-deflate in the handshake, with the options, or with the defaults for NULL. If the server agrees,
 * messages are compressed both ways; ws_extension_find tells what was agreed on. An answer that is not one to the offer
 * fails the handshake with WS_ERR_HANDSHAKE_INVALID.
 *
 * Only messages are compressed, not control frames, and not in raw sessions. WS_SEND_NO_COMPRESS leaves a message as it
 * is. A fragmented message is compressed as one, and flushed with each fragment. The message limit is for the inflated
 * bytes, and inflating stops at it; the frame limit is for those on the wire. Data that cannot be inflated fails the
 * connection with Close 1007 and WS_ERR_COMPRESSION.
 *
 * Do not send secrets and data that an attacker chooses in one compressed session: compression can leak secrets through
 * message sizes (RFC 7692 section 8).
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL as the configuration, an option out of range, an unknown flag, a `struct_size`
 * that is smaller than this version's or over 4096, and when permessage-deflate or an extension with the bit RSV1 is
 * installed already.
 */
ws_status ws_config_install_deflate(ws_config *config,
                                    const ws_deflate_options *options);

/**
 * Offers an extension in the handshake, behind those installed before. If the server chooses it, messages pass through
 * it: those that go out in the order of the server's answer, those that come in the other way round.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL as the configuration, the vtable, its name, `encode` or `decode`, a
 * `struct_size` that is smaller than this version's or over 4096, a name that is not an HTTP token, other bits than
 * those of ws_frame_flags, and when an extension with the name or one of the bits is installed already. After an error the
 * library does not use the functions and does not call `release`.
 */
ws_status ws_config_install_extension(ws_config *config,
                                      const ws_extension_vtable *vtable,
                                      void *user_data);

/**
 * Writes `size` bytes behind those written before: parameters of an offer, or what a piece is encoded or decoded to. The
 * bytes are copied. Only to be called with the sink that a function of ws_extension_vtable was given, before it
 * returns.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the size is 0, WS_ERR_MESSAGE_TOO_BIG when a decoded message gets
 * larger than the message limit, and WS_ERR_NO_MEMORY. After the latter two the connection or the send fails, whatever
 * the extension does.
 */
ws_status ws_sink_write(ws_sink *sink,
                        const void *data,
                        size_t size);

/**
 * Writes what the session agreed on for permessage-deflate. Set `info->struct_size` to sizeof(ws_deflate_info) before the call.
 *
 * Returns WS_ERR_STATE while the session is being opened and if it does not have permessage-deflate, WS_ERR_INVALID_ARGUMENT for
 * NULL or a `struct_size` smaller than this version's or over 4096, and WS_ERR_FORKED.
 */
ws_status ws_get_deflate_info(const ws_session *session,
                              ws_deflate_info *info);

/**
 * How many extensions the session has; 0 for NULL.
 */
size_t ws_extension_count(const ws_session *session);

/**
 * The `index`-th extension (from 0), in the order of the server's answer (Ktor's extensions). NULL where there is none,
 * and for NULL. It is the session's.
 */
const ws_extension *ws_extension_at(const ws_session *session,
                                    size_t index);

/**
 * The extension of this name, in any case (Ktor's extensionOrNull). NULL where there is none, and for NULL. It is the
 * session's.
 */
const ws_extension *ws_extension_find(const ws_session *session,
                                      const char *name);

/**
 * Opens a session: resolves the URL's host, connects, through a proxy if there is one, negotiates TLS for wss, and does the
 * opening handshake (RFC 6455 section 4.1; Ktor's webSocketSession). It waits for all that on the calling thread, at most
 * for the timeouts of the configuration: those of connect and handshake begin anew with each redirect and each answer to a
 * question for credentials, ws_config_set_open_timeout_ms is for all of it.
 *
 * `url` begins with ws:// or wss://; http:// and https:// mean the same. A user and a password in it are sent as
 * Basic authentication unless the configuration has an Authorization header. It must not have a fragment. `config`
 * may be NULL for the defaults. The call copies it before it calls any function of the application, so callbacks may change
 * or free it. Use one configuration for several TLS connections: the library then reads the trust store once and resumes TLS
 * sessions.
 *
 * On success `*session` is a handle that the caller frees with ws_session_free, and `*error` is NULL. On failure `*session`
 * is NULL, no callback is called, and, unless `error` is NULL, `*error` is an error that the caller frees with
 * ws_error_free.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `url` or `session` is NULL and when the configuration contradicts itself
 * (ws_config_set_outgoing_queue, ws_config_set_reconnect, ws_config_set_group, ws_config_set_unix_socket), WS_ERR_STATE when
 * the socket of ws_config_set_socket_fd was taken or the group was freed, WS_ERR_FORKED for a group of the parent
 * process, WS_ERR_URL, WS_ERR_RESOLVE, WS_ERR_CONNECT, WS_ERR_PROXY and WS_ERR_PROXY_AUTH (with the proxy's answer in the
 * error), WS_ERR_TLS, WS_ERR_TLS_CERTIFICATE, WS_ERR_HANDSHAKE_STATUS and WS_ERR_TOO_MANY_REDIRECTS (with the server's answer in
 * the error), WS_ERR_HANDSHAKE_INVALID, also for a redirect that cannot be followed, WS_ERR_EXTENSION when an extension of
 * ws_config_install_extension rejects the server's answer, WS_ERR_IO when the connection was lost, WS_ERR_TIMEOUT (the
 * error's phase names the step), WS_ERR_INTERRUPTED after ws_config_interrupt, WS_ERR_ABORTED when another thread called
 * ws_shutdown or freed the group and when on_open freed the session, WS_ERR_NO_MEMORY for a long URL, and WS_ERR_INTERNAL
 * when the system provides no threads, descriptors or random bytes.
 */
ws_status ws_connect(const char *url,
                     const ws_config *config,
                     ws_session **session,
                     ws_error **error);

/**
 * Adds a handle to a session, for another owner. Each handle is freed with ws_session_free.
 *
 * Returns `session`. Returns NULL for NULL, and in a callback of the session after its last handle was freed.
 */
ws_session *ws_session_ref(ws_session *session);

/**
 * Frees a handle. Freeing the last handle aborts the session if it has not ended, and calls that wait in other threads
 * return WS_ERR_ABORTED. Call ws_close and ws_wait_closed first for a clean end. NULL is allowed.
 *
 * Received frames stay valid. Strings and errors that the session lent become invalid. In a forked child the function frees
 * the handle and sends nothing.
 */
void ws_session_free(ws_session *session);

/**
 * Whether receiving only returns the end of the session from now on (Ktor's isClosedForReceive): 1 if the session has ended, or
 * could not be opened, and all its messages were received, else 0. 1 for NULL and in a forked child.
 */
int32_t ws_is_closed_for_receive(const ws_session *session);

/**
 * Where the session stands; WS_STATE_CLOSED for NULL and in a forked child.
 */
ws_session_state ws_state(const ws_session *session);

/**
 * Opens a session as ws_connect does, on a thread of the library: it returns at once. Until the session is open,
 * ws_state is WS_STATE_CONNECTING. Then the callbacks of the configuration are called, on_open or, when it could not be
 * opened, on_close; ws_wait_open waits for the same, and so does receiving. In a group a session that could not be opened
 * is received as one that has ended.
 *
 * While the session is being opened, sending and other functions that need an open session return WS_ERR_STATE. ws_abort,
 * ws_close and ws_session_free cancel the opening. The library opens at most 512 sessions at the same time; the others wait.
 *
 * `*session` is a handle that the caller frees with ws_session_free. Callbacks may receive the session before this call
 * returns.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `url` or `session` is NULL, WS_ERR_URL, WS_ERR_STATE for a group that was freed,
 * WS_ERR_FORKED for a group of the parent process, WS_ERR_NO_MEMORY for a long URL, and WS_ERR_INTERNAL when the system
 * provides no threads or descriptors. `*session` is NULL then, and no callback is called.
 */
ws_status ws_connect_async(const char *url,
                           const ws_config *config,
                           ws_session **session);

/**
 * Waits until a session is open, at most `timeout_ms` milliseconds (0: not at all, negative: without limit). A session of
 * ws_connect is open already.
 *
 * On failure, unless `error` is NULL, `*error` is an error that the caller frees with ws_error_free. On success it is NULL.
 *
 * Returns the status of ws_connect if the session could not be opened, WS_ERR_ABORTED after ws_abort, and, while opening
 * goes on, WS_ERR_TIMEOUT and WS_ERR_INTERRUPTED. Returns WS_ERR_INVALID_ARGUMENT for NULL and WS_ERR_FORKED in a forked
 * child.
 */
ws_status ws_wait_open(ws_session *session,
                       int64_t timeout_ms,
                       ws_error **error);

/**
 * Interrupts the calls of ws_connect that other threads make with this configuration: they return WS_ERR_INTERRUPTED. If
 * there is none, the next such call returns it. It does not affect sessions of ws_connect_async or copies of the
 * configuration. In a forked child it interrupts calls of the child only.
 *
 * It may be called in a signal handler, and while other threads use the configuration.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL.
 */
ws_status ws_config_interrupt(const ws_config *config);

/**
 * Frees a frame. NULL is fine.
 */
void ws_frame_free(ws_frame *frame);

/**
 * Sends a text message of `length` bytes, or of a C string with WS_NUL_TERMINATED. It must be UTF-8.
 *
 * The text is copied and, as far as the kernel takes it, sent before the call returns; the library sends the rest. Only
 * messages that follow others quickly may share a system call with later ones (see ws_config_set_coalescing).
 * When the outgoing queue is full the call waits for room, at most for the send timeout of the configuration, and then fails
 * with nothing of the message queued. It also waits until a message that another thread sends in fragments (ws_send) is
 * complete. The messages of one thread are sent in order; messages are never interleaved.
 *
 * A server that answers what it is sent may stop reading until its answers are received: a thread that sends much
 * without receiving needs another one that receives, or has to receive when a send times out.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the length is 0, and for text that is not UTF-8, WS_ERR_STATE when a
 * message that this thread sends in fragments is not complete and in a function of an extension, WS_ERR_TIMEOUT,
 * WS_ERR_INTERRUPTED, WS_ERR_OVERFLOW when the queue is full and its policy is WS_QUEUE_CLOSE, WS_ERR_CLOSED when the session is closing or closed, the status of ws_session_error when it ended
 * otherwise, WS_ERR_EXTENSION when an extension failed, WS_ERR_IO when the connection is lost, WS_ERR_NO_MEMORY,
 * WS_ERR_FORKED.
 */
ws_status ws_send_text(ws_session *session,
                       const char *text,
                       size_t length);

/**
 * Sends a binary message of `length` bytes. All else is as with ws_send_text.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the length is 0, WS_ERR_STATE when a message that this thread sends in
 * fragments is not complete and in a function of an extension, WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_OVERFLOW when the
 * queue is full and its policy is WS_QUEUE_CLOSE, WS_ERR_CLOSED when the session is closing or closed, the status of ws_session_error when it ended otherwise, WS_ERR_EXTENSION when an
 * extension failed, WS_ERR_IO when the connection is lost, WS_ERR_NO_MEMORY, WS_ERR_FORKED.
 */
ws_status ws_send_binary(ws_session *session,
                         const void *data,
                         size_t length);

/**
 * Sends a message or a fragment of a message. Waits for room at most `timeout_ms` milliseconds (0: not at all, negative:
 * without limit). `flags` is an OR of ws_send_flags. `length` may be WS_NUL_TERMINATED unless the type is WS_FRAME_BINARY.
 * Otherwise it works as ws_send_text.
 *
 * A whole message has the type WS_FRAME_TEXT or WS_FRAME_BINARY. The first fragment of a message has the type WS_FRAME_TEXT or WS_FRAME_BINARY and
 * the flag WS_SEND_MORE. The other fragments have the type WS_FRAME_CONTINUATION, and all but the last have WS_SEND_MORE. A
 * fragment is sent at once. A fragment of text may end within a character. Pings and pongs may be sent between fragments.
 *
 * Until a message in fragments is complete, messages of other threads wait, for their own timeouts; after WS_ERR_TIMEOUT
 * nothing of them is queued. The thread that sent the latest fragment cannot send another message. Any thread may send the
 * next fragment. A message also waits while an extension encodes another thread's message.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, unless the length is 0, for another type or flag, and for text that is not
 * UTF-8, WS_ERR_STATE for a WS_FRAME_CONTINUATION when no message in fragments has begun, for another message of the thread that
 * sends one in fragments, and in a function of an extension, WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_OVERFLOW when the
 * queue is full and its policy is WS_QUEUE_CLOSE (ws_config_set_outgoing_queue), WS_ERR_CLOSED when the session is closing
 * or closed, the status of ws_session_error when it ended otherwise, WS_ERR_EXTENSION when an extension
 * failed, WS_ERR_IO when the connection is lost, WS_ERR_NO_MEMORY, WS_ERR_FORKED.
 */
ws_status ws_send(ws_session *session,
                  uint32_t type,
                  const void *data,
                  size_t length,
                  uint32_t flags,
                  int64_t timeout_ms);

/**
 * Sends a message or a fragment of a message that lies in `count` pieces in memory, one after the other, as ws_send sends one. A
 * message in more than one piece is copied once more.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, unless `count` or the size of the piece is 0; else what ws_send returns.
 */
ws_status ws_sendv(ws_session *session,
                   uint32_t type,
                   const ws_slice *slices,
                   size_t count,
                   uint32_t flags,
                   int64_t timeout_ms);

/**
 * Sends `count` messages as one call: each as ws_send does, all of them with as few system calls as possible. Waits for
 * room at most `timeout_ms` milliseconds in all. Messages of other threads may come between them.
 *
 * `*accepted`, unless `accepted` is NULL, becomes the number of messages that were taken, also when an error comes in
 * between: those before it go out, those from it on do not. A text's size may be WS_NUL_TERMINATED.
 *
 * Returns WS_ERR_INVALID_ARGUMENT, with nothing sent, when a message could not be given to ws_send or is a fragment,
 * and for NULL, unless the count is 0; else what ws_send returns.
 */
ws_status ws_send_batch(ws_session *session,
                        const ws_message *items,
                        size_t count,
                        size_t *accepted,
                        int64_t timeout_ms);

/**
 * Waits until the kernel has taken everything that was sent before, on any thread, at most `timeout_ms` milliseconds
 * (0: not at all, negative: without limit). It does not say that the server has received it.
 *
 * Returns WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_IO when a session that reconnects has lost its connection with what was
 * sent, WS_ERR_INVALID_ARGUMENT for NULL, WS_ERR_FORKED, and why the session has ended if that came first.
 */
ws_status ws_flush(ws_session *session,
                   int64_t timeout_ms);

/**
 * How many bytes wait to be sent, frame headers included (bufferedAmount of the browsers' WebSocket counts payloads); 0
 * for NULL and in a forked child. Over TLS, the last 256 KiB that are encrypted already may not be counted.
 */
size_t ws_buffered_amount(const ws_session *session);

/**
 * Receives a message, waiting for it at most `timeout_ms` milliseconds (0: not at all, negative: without limit).
 * Several threads may wait; each message goes to one of them.
 *
 * The calling thread reads from the connection itself. While no thread of the application receives, the library does:
 * pings are answered, after some 10 ms at most, and messages wait in the incoming queue.
 *
 * On success `*frame` is the caller's, to be freed with ws_frame_free. What was received before the session ended is
 * delivered first, then every call returns how it ended: WS_ERR_CLOSED after a Close from both sides,
 * WS_ERR_CLOSED_ABNORMALLY, WS_ERR_PROTOCOL, WS_ERR_UTF8, WS_ERR_FRAME_TOO_BIG, WS_ERR_MESSAGE_TOO_BIG,
 * WS_ERR_COMPRESSION, WS_ERR_EXTENSION, WS_ERR_PING_TIMEOUT, WS_ERR_OVERFLOW, WS_ERR_TLS, WS_ERR_IO, WS_ERR_NO_MEMORY,
 * WS_ERR_ABORTED. ws_session_error says more, ws_get_close_info has the close codes.
 *
 * Returns also WS_ERR_TIMEOUT and WS_ERR_INTERRUPTED, after which the session goes on and nothing is lost,
 * WS_ERR_INVALID_ARGUMENT for NULL, WS_ERR_FORKED.
 */
ws_status ws_recv(ws_session *session,
                  ws_frame **frame,
                  int64_t timeout_ms);

/**
 * Receives a message into the caller's buffer, without the NUL byte behind it; else as ws_recv. `*size` becomes its
 * size and `*type` its ws_frame_type; `type` may be NULL. Does not return flags or the close
 * code.
 *
 * When the message is larger than `capacity` it stays for the next call, `*size` becomes the size it needs, and
 * WS_ERR_BUFFER_TOO_SMALL is returned. With several receiving threads the next call may meet another message.
 *
 * Returns also what ws_recv does. WS_ERR_INVALID_ARGUMENT for NULL; `buffer` may be NULL if `capacity` is 0.
 */
ws_status ws_recv_into(ws_session *session,
                       void *buffer,
                       size_t capacity,
                       size_t *size,
                       uint32_t *type,
                       int64_t timeout_ms);

/**
 * Receives as many messages as are there, up to `capacity`, waiting for the first as ws_recv does. `*count` becomes
 * their number, and `frames[0]` to `frames[*count - 1]` are the caller's, each to be freed with ws_frame_free.
 *
 * Returns what ws_recv does. WS_ERR_INVALID_ARGUMENT for NULL or a `capacity` of 0.
 */
ws_status ws_recv_batch(ws_session *session,
                        ws_frame **frames,
                        size_t capacity,
                        size_t *count,
                        int64_t timeout_ms);

/**
 * Returns a file descriptor for poll(2), epoll(7) and event loops. When it is readable, call ws_recv with a timeout of 0 until
 * it returns WS_ERR_TIMEOUT. The calling thread then reads from the connection itself.
 *
 * The descriptor is readable while ws_recv would return something other than WS_ERR_TIMEOUT: a message, the end of the session,
 * or the failure to open it. It may also be readable while there is no message, for example after a ping or after a part of a
 * message; ws_recv then returns WS_ERR_TIMEOUT. After that it is not readable until something arrives. It is level-triggered.
 *
 * The session owns the descriptor: each call returns the same one, also through reconnecting, and the last ws_session_free
 * closes it before it returns, which removes it from every epoll set. Watch it only; do not close it, read from it or write to
 * it. A duplicate of it would stay in an epoll set.
 *
 * It can be called from ws_connect_async on. While the application does not receive, the library reads in its place, so that
 * pings are answered within 50 ms. ws_recv still waits as before.
 *
 * Returns -1 for NULL, when the messages of the session go to a callback or a group, in a forked child, and when the system
 * provides no descriptor.
 */
int32_t ws_event_fd(ws_session *session);

/**
 * Sets the functions that the library calls for sessions of the configuration; see ws_callbacks. NULL as `callbacks` removes
 * them.
 *
 * All sessions of the configuration share `user_data`; use ws_set_user_data for data of one session. `user_data` must stay
 * valid until `drop` is called.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, and for a `struct_size` that is smaller than this version's or
 * over 4096. After an error the library does not use the functions and does not call `drop`.
 */
ws_status ws_config_set_callbacks(ws_config *config,
                                  const ws_callbacks *callbacks,
                                  void *user_data);

/**
 * Delivers the messages of an open session to a function from now on, beginning with those that wait in the incoming queue.
 * The library calls the function as it calls on_frame of ws_callbacks. When the session has ended, the library calls it once
 * more, with NULL as the frame; ws_session_error and ws_get_close_info return the details. Then it calls `drop`, which may be
 * NULL, with `user_data`.
 *
 * Calls of ws_recv that wait return WS_ERR_STATE, and so do all later ones.
 *
 * Returns WS_ERR_STATE while the session is being opened, when its messages go to a callback, a group or the event
 * descriptor already, and when on_close of its ws_callbacks has begun; the status of ws_connect for a session that could not
 * be opened; WS_ERR_INVALID_ARGUMENT for NULL; WS_ERR_ABORTED after ws_shutdown; WS_ERR_FORKED in a forked child. After an
 * error the library calls neither the function nor `drop`.
 */
ws_status ws_recv_callback(ws_session *session,
                           ws_frame_callback function,
                           void *user_data,
                           ws_drop_callback drop);

/**
 * Returns the number of the attempt in this outage, from 1; 0 for NULL.
 */
uint32_t ws_attempt_number(const ws_attempt *attempt);

/**
 * Returns the error of the attempt before, or for the first one that of the lost connection, lent until the function returns; its
 * status is WS_ERR_CLOSED if the server has closed the session. NULL for NULL.
 */
const ws_error *ws_attempt_last_error(const ws_attempt *attempt);

/**
 * Connects to another URL in this attempt. If it has another scheme, host or port, the configuration's Authorization, Cookie and
 * Host headers are not sent; those of ws_attempt_set_header are. ws_request_url still returns the first URL.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL and WS_ERR_URL. After an error the attempt fails with it, and no other follows.
 */
ws_status ws_attempt_set_url(ws_attempt *attempt,
                             const char *url);

/**
 * Sets a header of the opening handshake of this attempt, in place of any of its name, like a fresh Authorization. A value of NULL
 * removes them.
 *
 * Returns WS_ERR_INVALID_ARGUMENT as ws_config_add_header does. After an error the attempt fails with it, and no other follows.
 */
ws_status ws_attempt_set_header(ws_attempt *attempt,
                                const char *name,
                                const char *value);

/**
 * Has sessions go on with another connection when theirs is lost. NULL, the default: a session ends with its connection.
 *
 * The library reconnects after: a connection that ended without a Close or was reset; a ping without an answer; the idle
 * timeout; bytes that TLS cannot decrypt; the server's close codes 1001, 1011, 1012, 1013 and 1014. It repeats an attempt that
 * failed because of the network (resolving, connecting, the proxy, timeouts, a lost connection) or because the server or the
 * proxy answered with the status 408, 425, 429, 500, 502, 503, 504 or 520 to 524. If that answer has a Retry-After, in
 * seconds or as a date, the library waits for it, but not longer than `max_retry_after_ms`. Everything else ends the session:
 * other close codes, violations of the protocol, certificates, other statuses, full queues whose policy is WS_QUEUE_CLOSE,
 * ws_close and ws_abort. The library repeats the first opening only with WS_RECONNECT_FIRST.
 *
 * During an outage ws_state returns WS_STATE_CONNECTING. Receiving waits, by every function, for messages of the next
 * connection. Sending waits as for room in the queue, or with WS_RECONNECT_KEEP_UNSENT queues. ws_flush waits, or returns
 * WS_ERR_IO when queued messages are lost. ws_close ends the session at once. ws_session_error returns why the connection is
 * lost. ws_config_set_deliver_events delivers the loss and the new connection in their place among the messages, and ws_stats
 * counts the new connections. With WS_RECONNECT_KEEP_UNSENT a message sent in fragments is kept whole, whatever the bounds of
 * the queue.
 *
 * What the application cannot assume: that messages which were sent have arrived, that none were sent to it meanwhile, and
 * that it is the same server. Subscriptions and the like have to be made again. A message of which a part is lost is never
 * delivered; when sending one in parts, the rest of it returns WS_ERR_IO once, unless it is kept. What it can assume: the same
 * URL (unless `prepare` sets another one), settings and subprotocol; another subprotocol ends the session. Functions that tell of the handshake, its headers and
 * extensions, tell of the first one.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL, for a `struct_size` that is smaller than this version's or over 4096, negative numbers and unknown flags. With raw sessions, and WS_RECONNECT_KEEP_UNSENT with an outgoing queue that
 * drops the oldest, ws_connect returns it.
 */
ws_status ws_config_set_reconnect(ws_config *config,
                                  const ws_reconnect_options *options);

/**
 * Returns a new group without sessions, or NULL if it cannot be made. The caller frees it with ws_group_free.
 */
ws_group *ws_group_new(void);

/**
 * Frees a group and aborts its sessions, as ws_abort does (structured lifetime, as Ktor's CoroutineScope). The application
 * still frees their handles. Calls that wait in other threads return WS_ERR_ABORTED. Call ws_group_close first for a clean
 * end. A ws_connect for the group that is under way in another thread returns WS_ERR_ABORTED, or a session that is aborted.
 * NULL is allowed.
 *
 * A configuration that has the group can be used again after ws_config_set_group with another group or NULL. In a forked
 * child the function only frees the handle.
 */
void ws_group_free(ws_group *group);

/**
 * Adds sessions that are opened with the configuration from now on to a group: ws_group_recv receives their messages, and
 * ws_recv on one of them returns WS_ERR_STATE. NULL as `group`, the default: no group.
 *
 * The configuration may have callbacks, but not on_frame: connecting then returns WS_ERR_INVALID_ARGUMENT. In a forked child
 * connecting with a group of the parent returns WS_ERR_FORKED.
 *
 * Returns WS_ERR_INVALID_ARGUMENT when `config` is NULL.
 */
ws_status ws_config_set_group(ws_config *config,
                              ws_group *group);

/**
 * Receives the next message of any session of the group. Waits for it at most `timeout_ms` milliseconds (0: not at all,
 * negative: without limit). Sessions take turns: the group returns one message of each session that has messages before it
 * returns a second one of any. The cost does not depend on the number of sessions. Several threads may wait.
 *
 * With WS_OK, `*session` is the session that received the message, and `*frame` is a frame that the caller frees with
 * ws_frame_free. When a session has ended, or could not be opened, the function returns that once, after its messages, with
 * the status that ws_recv would return, with `*session` set and `*frame` NULL. The session then no longer belongs to the
 * group.
 *
 * `*session` is lent: the handle still belongs to the owner that opened the session. A thread that frees a session must
 * ensure that no other thread still uses it after ws_group_recv.
 *
 * Returns also, with NULL in `*session` and `*frame`, WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_ABORTED when the group
 * was freed, WS_ERR_INVALID_ARGUMENT for NULL, WS_ERR_FORKED.
 */
ws_status ws_group_recv(ws_group *group,
                        ws_session **session,
                        ws_frame **frame,
                        int64_t timeout_ms);

/**
 * Returns a file descriptor for poll(2), epoll(7) and event loops. It is readable while ws_group_recv with a timeout of 0 would
 * return something other than WS_ERR_TIMEOUT.
 *
 * The group owns the descriptor: each call returns the same one, and ws_group_free closes it, which removes it from every epoll
 * set. Watch it only; do not close it, read from it or write to it.
 *
 * Returns -1 for NULL, in a forked child, and when the system provides no descriptor.
 */
int32_t ws_group_event_fd(ws_group *group);

/**
 * Closes all sessions of a group, as ws_close does, and waits until their connections are gone, at most `timeout_ms`
 * milliseconds (0: not at all, negative: without limit). It cancels the opening of sessions of ws_connect_async. Messages
 * that arrived before the end can still be received; as with ws_wait_closed, messages that find a full incoming queue
 * meanwhile are dropped.
 *
 * Returns WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED when ws_interrupt was called on the session that it waits for, and WS_ERR_STATE
 * in a callback of one of the sessions, which cannot wait; after these three closing goes on. Returns
 * WS_ERR_INVALID_ARGUMENT as ws_close does, and WS_ERR_FORKED in a forked child; these two close nothing.
 */
ws_status ws_group_close(ws_group *group,
                         uint32_t code,
                         const char *reason,
                         size_t length,
                         int64_t timeout_ms);

/**
 * Interrupts the calls of ws_group_recv that wait in other threads, once: they return WS_ERR_INTERRUPTED, and no message is
 * lost. If none waits, the next call that would wait returns it. It may be called in a signal handler, unless another thread
 * may free the group meanwhile.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, WS_ERR_FORKED.
 */
ws_status ws_group_interrupt(ws_group *group);

/**
 * Returns the number of sessions in a group: those that are being opened, are open, or whose end was not received yet.
 * Returns 0 for NULL and in a forked child.
 */
size_t ws_group_size(const ws_group *group);

/**
 * Sets the largest payload of one text or binary frame to accept, in bytes, 1 to 2^63-1, from the next frame on
 * (Ktor's maxFrameSize). A frame that announces more is not read: the connection is failed with Close 1009, and
 * receiving returns WS_ERR_FRAME_TOO_BIG.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range, WS_ERR_FORKED.
 */
ws_status ws_set_max_frame_size(ws_session *session,
                                uint64_t bytes);

/**
 * The largest payload of one frame to accept, in bytes; 0 for NULL. Until the session is open it is the configuration's.
 */
uint64_t ws_get_max_frame_size(const ws_session *session);

/**
 * Sets the largest message to accept, in bytes over all its frames, 1 to 2^63-1, from the next frame on. A message
 * that grows beyond it is not read on: the connection is failed with Close 1009, and receiving returns
 * WS_ERR_MESSAGE_TOO_BIG.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a number out of range, WS_ERR_FORKED.
 */
ws_status ws_set_max_message_size(ws_session *session,
                                  uint64_t bytes);

/**
 * The largest message to accept, in bytes; 0 for NULL. Until the session is open it is the configuration's.
 */
uint64_t ws_get_max_message_size(const ws_session *session);

/**
 * Switches masking, from the next message on (Ktor's masking).
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or another number than 0 and 1, WS_ERR_STATE for 0 unless the configuration
 * had ws_config_set_allow_unmasked, WS_ERR_FORKED.
 */
ws_status ws_set_masking(ws_session *session,
                         int32_t on);

/**
 * Whether frames are masked: 1 or 0; 0 for NULL and in a forked child. Until the session is open the configuration says so.
 */
int32_t ws_get_masking(const ws_session *session);

/**
 * Sets how often the library pings the server, in milliseconds (Ktor's pingIntervalMillis); 0 and negative numbers
 * switch it off. The first ping comes after one whole interval from now; a ping under way is forgotten. At most one
 * is: the next one comes an interval after the one before was sent, and not before that one is answered.
 *
 * Each ping has a payload of its own, and only the pong with the same counts, unless the configuration says otherwise
 * (ws_config_set_ping_liveness). Without an answer in time the session ends: the library sends Close 1011 "Ping
 * timeout", drops the connection without waiting for the server, and receiving returns WS_ERR_PING_TIMEOUT. Time in
 * which the library does not read, because the incoming queue is full, does not count. Pings end when the session
 * begins to close. ws_get_stats has the last round-trip time.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, WS_ERR_FORKED.
 */
ws_status ws_set_ping_interval_ms(ws_session *session,
                                  int64_t interval_ms);

/**
 * How often the library pings the server, in milliseconds; 0 if it does not, for NULL and in a forked child. Until the
 * session is open it is what the configuration says.
 */
int64_t ws_get_ping_interval_ms(const ws_session *session);

/**
 * Sets how long the answer to a ping of the library may take, in milliseconds (Ktor's timeoutMillis), also to one under
 * way; negative is no limit: then pings are sent whether they are answered or not. Until it is set, it is twice the interval.
 *
 * The time counts from when the kernel accepts the ping. It begins anew while the server accepts bytes sent before the ping,
 * and while it is in the middle of sending a frame. The library reads all bytes that have arrived before it ends the session,
 * so a stopped process (SIGSTOP, a suspended machine) does not cause a timeout.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or 0, WS_ERR_FORKED.
 */
ws_status ws_set_ping_timeout_ms(ws_session *session,
                                 int64_t timeout_ms);

/**
 * How long the answer to a ping of the library may take, in milliseconds; negative for no limit; 0 if there are no pings and no
 * timeout was set, for NULL and in a forked child. Until the session is open it is what the configuration says.
 */
int64_t ws_get_ping_timeout_ms(const ws_session *session);

/**
 * Sets the pointer of the application that belongs to the session, in place of that of ws_config_set_user_data. The library does
 * not use what it points to.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL as the session.
 */
ws_status ws_set_user_data(ws_session *session,
                           void *user_data);

/**
 * Returns the pointer of ws_set_user_data, or else of ws_config_set_user_data. NULL if neither was called, and for NULL.
 */
void *ws_get_user_data(const ws_session *session);

/**
 * Starts the closing handshake (RFC 6455 section 7.1.2) behind the messages that are queued, and returns at once.
 * From then on nothing can be sent, while what the server still sends can be received until its Close comes.
 * ws_wait_closed waits for the end.
 *
 * `code` is 1000 to 1003, 1007 to 1014 or 3000 to 4999. `reason` has at most 123 bytes of UTF-8 (`length` may be
 * WS_NUL_TERMINATED). With a `code` of 0 and no reason the Close has neither.
 *
 * A session that is closing or closed already is left as it is, with WS_OK. One whose connection is lost ends at once
 * (ws_config_set_reconnect).
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, another code, a longer reason or one that is not UTF-8, WS_ERR_FORKED.
 */
ws_status ws_close(ws_session *session,
                   uint32_t code,
                   const char *reason,
                   size_t length);

/**
 * Waits until the connection is closed and on_close of ws_callbacks, if there is one, has returned, at most `timeout_ms`
 * milliseconds (0: not at all, negative: without limit). It does not close the session itself: ws_close, the server or an
 * error does. Once the closing handshake has begun, the close
 * timeout bounds it (see ws_config_set_close_timeout_ms).
 *
 * While a call waits after ws_close, the library drops messages that arrive when the incoming queue is full, because the
 * server's Close follows them and no thread may be receiving. To get all messages, receive until WS_ERR_CLOSED first.
 *
 * Returns WS_OK however the session ended, WS_ERR_TIMEOUT, WS_ERR_INTERRUPTED, WS_ERR_STATE in a callback of the session
 * that would have to wait, WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED in a forked child.
 */
ws_status ws_wait_closed(ws_session *session,
                         int64_t timeout_ms);

/**
 * Ends a session and frees the handle: closes the session with code 1000 as ws_close does, waits as ws_wait_closed does, at
 * most `timeout_ms` milliseconds (0: not at all, negative: without limit), then frees the handle as ws_session_free does.
 * Freeing the last handle aborts a session that has not closed in time.
 *
 * The handle is freed whatever the function returns, except for WS_ERR_STATE.
 *
 * Returns WS_OK if the session has closed, WS_ERR_TIMEOUT if it has not, WS_ERR_INTERRUPTED, WS_ERR_STATE in a callback of
 * the session, which cannot wait, WS_ERR_INVALID_ARGUMENT for NULL, and WS_ERR_FORKED in a forked child.
 */
ws_status ws_session_end(ws_session *session,
                         int64_t timeout_ms);

/**
 * Writes how the session was closed. It is known as soon as receiving has returned the end of the session. Only `local_code`
 * and `clean` may still be 0 while the library's Close waits behind queued messages; they are final once ws_wait_closed has
 * returned WS_OK.
 *
 * Set `info->struct_size` to sizeof(ws_close_info) before the call. The reason is lent until the session is freed.
 *
 * Returns WS_ERR_STATE while the session has not ended, WS_ERR_INVALID_ARGUMENT for NULL or a `struct_size` smaller
 * than this version's or over 4096, WS_ERR_FORKED.
 */
ws_status ws_get_close_info(const ws_session *session,
                            ws_close_info *info);

/**
 * Closes the connection at once without a closing handshake. Calls that wait return WS_ERR_ABORTED. Complete messages that the
 * library has read from the connection can still be received, as many as the incoming queue takes. What the library has not read
 * is lost. If the session has ended, the function closes what is left of its connection and does not change how the session ended.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, WS_ERR_FORKED.
 */
ws_status ws_abort(ws_session *session);

/**
 * Interrupts the calls that wait on the session in other threads, once: they return WS_ERR_INTERRUPTED, and no message is
 * lost. If none waits, the next call that would wait returns WS_ERR_INTERRUPTED.
 *
 * The calls return at once, with one exception. If the latest bytes of the server came within 2 milliseconds, a ws_recv
 * returns up to two ticks of the kernel's clock (8 milliseconds at 250 Hz) after the first interrupt of the session.
 *
 * It may be called in a signal handler, unless another thread may free the session's last handle meanwhile.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL, WS_ERR_FORKED.
 */
ws_status ws_interrupt(ws_session *session);

/**
 * The subprotocol the server chose, "" if none, NULL for NULL. The string is the session's.
 */
const char *ws_subprotocol(const ws_session *session);

/**
 * The URL that was connected to, in its normal form and without user and password (Ktor's call.request.url). NULL
 * for NULL. The string is the session's.
 */
const char *ws_request_url(const ws_session *session);

/**
 * A header of the handshake's request: the value of the field called `name` (in any case), the `index`-th (from 0)
 * where there are several. NULL where there is none, or an argument is NULL. The string is the session's.
 */
const char *ws_request_header(const ws_session *session,
                              const char *name,
                              size_t index);

/**
 * Writes the `index`-th header field (from 0) of the handshake's request to `*name` and `*value`, in the order in which the fields
 * were sent. To visit all of them, count up until the function returns 0.
 *
 * Returns 1. Returns 0, with NULL in `*name` and `*value`, behind the last field, while the session is being opened, and for
 * NULL. The strings are lent until the session is freed.
 */
int32_t ws_request_header_at(const ws_session *session,
                             size_t index,
                             const char **name,
                             const char **value);

/**
 * The HTTP status of the handshake's response: 101. 0 for NULL.
 */
uint32_t ws_response_status(const ws_session *session);

/**
 * A header of the handshake's response: the value of the field called `name` (in any case), the `index`-th (from 0)
 * where there are several. NULL where there is none, or an argument is NULL. The string is the session's. It is what
 * the server sent, which need not be UTF-8.
 */
const char *ws_response_header(const ws_session *session,
                               const char *name,
                               size_t index);

/**
 * Writes the `index`-th header field (from 0) of the handshake's response to `*name` and `*value`, in the order in which the fields
 * were sent. To visit all of them, count up until the function returns 0.
 *
 * Returns 1. Returns 0, with NULL in `*name` and `*value`, behind the last field, while the session is being opened, and for
 * NULL. The strings are lent until the session is freed. They are what the server sent, which need
 * not be UTF-8.
 */
int32_t ws_response_header_at(const ws_session *session,
                              size_t index,
                              const char **name,
                              const char **value);

/**
 * Returns the error that ended the session, or that lost its connection while the library opens another one
 * (ws_config_set_reconnect). After the end its status is what receiving returns.
 *
 * Returns NULL while there is no such error, after a clean end, for NULL, and in a forked child. The error is lent until the
 * session is freed.
 */
const ws_error *ws_session_error(const ws_session *session);

/**
 * The numbers of the session as they are now, also after its end. While it sends and receives they need not belong to
 * the same moment.
 *
 * Set `stats->struct_size` to sizeof(ws_stats) before.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for NULL or a `struct_size` smaller than this version's or over 4096, WS_ERR_FORKED.
 */
ws_status ws_get_stats(const ws_session *session,
                       ws_stats *stats);

/**
 * Writes what is known about the connection of the session: the current one, or the last one after the end.
 *
 * Set `info->struct_size` to sizeof(ws_session_info) before the call.
 *
 * Returns WS_ERR_STATE while the session is being opened, the status of ws_connect for a session that could not be opened,
 * WS_ERR_INVALID_ARGUMENT for NULL or a `struct_size` smaller than this version's or over 4096, and WS_ERR_FORKED in a forked
 * child.
 */
ws_status ws_get_session_info(const ws_session *session,
                              ws_session_info *info);

/**
 * Writes the `index`-th certificate of the server, as DER (RFC 5280), to `*der` and its size in bytes to `*size`: number 0 is the
 * server's own, then follow the others that it has sent.
 *
 * The first call reads the certificates from the connection; later calls return the same ones, also after the end and after
 * reconnecting. They are lent until the session is freed.
 *
 * Returns 1. Returns 0, with NULL in `*der` and 0 in `*size`, behind the last certificate, without TLS, while the session is
 * being opened, if the connection is gone at the first call, for NULL, and in a forked child.
 */
int32_t ws_peer_certificate(const ws_session *session,
                            size_t index,
                            const uint8_t **der,
                            size_t *size);

/**
 * Has lines of the log up to `level`, a ws_log_level, told to a function. Default: WS_LOG_OFF. It is for the whole
 * process.
 *
 * The function is called on whatever thread something happens, also by several at once, and must not call functions of
 * the library, nor take long: the library waits for it. When ws_set_log_callback returns, the function that was set before
 * is not called any more. NULL as `function` is WS_LOG_OFF.
 *
 * Lines hold no credentials, header values, queries of URLs, payloads or close reasons.
 *
 * Returns WS_ERR_INVALID_ARGUMENT for another level.
 */
ws_status ws_set_log_callback(uint32_t level,
                              ws_log_callback function,
                              void *user_data);

/**
 * The number that the log knows a session by, counted from 1 in the process; 0 for NULL.
 */
uint64_t ws_session_id(const ws_session *session);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KTORWS_H */
