/* Calls that are left out as long as the library, or the build, does not bear them: 0 until it does, with what it waits for. */

#ifndef CHAOS_LEFT_OUT_H
#define CHAOS_LEFT_OUT_H

enum {
    /* ws_session_ref in a callback of a session whose last handle is freed: counted, or NULL. */
    REF_IN_CALLBACKS = 1,
    /* ws_recv_callback that is refused: its function is never called. */
    REFUSED_RECV_CALLBACK = 1,
    /* ws_recv_callback on a session that ends meanwhile: refused, or the end and `drop` come. */
    RECV_CALLBACK_AT_THE_END = 1,
    /* on_close for a session that ws_connect did not return, because it ended at once. */
    END_BEFORE_RETURN = 1,
    /* ws_shutdown while sessions are being opened: each is told once, and nothing stays. */
    SHUTDOWN_WHILE_OPENING = 1,
    /* Two ws_connect with one configuration after ws_config_interrupt: each has its interrupt and its timeouts. */
    INTERRUPTED_SHARED_CONFIG = 1,
    /* fork beside the first ws_connect and with a log: the log is called without a lock. */
    LOG_AND_FORK = 1,
    /* A child that uses inherited groups and jars. */
    INHERITED_GROUPS = 1,
    /* A session of the child's own: ThreadSanitizer cannot start a thread in the child of a process that had several. */
#ifdef __SANITIZE_THREAD__
    SESSION_OF_CHILD = 0,
#else
    SESSION_OF_CHILD = 1,
#endif
    /* A log function that takes a lock under which the application sends. */
    LOCK_IN_LOG = 1,
    /* Messages that are sent with an extension while the session is closed: refused, or they arrive. */
    CLOSE_AMID_EXTENSIONS = 1,
    /* Messages of other threads between fragments: they wait. */
    FRAGMENTS_AMID_SENDERS = 1,
    /* The timeout of a send in a session with an extension: it does not cover encoding the message itself, which takes long in an
     * instrumented build. */
    TIMEOUT_WITH_EXTENSIONS = 0,
    /* ws_shutdown in callbacks: WS_ERR_STATE. */
    SHUTDOWN_IN_CALLBACKS = 1,
};

#endif
