/* ktorws._ktorws: what has to be quick, and what only C can do. The stable ABI of Python 3.11. */

#ifndef KTORWS_NATIVE_H
#define KTORWS_NATIVE_H

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <ktorws.h>
#include <pthread.h>

/* How long the main thread waits before it looks for signals: Ctrl-C is not to be felt as late. */
#define SLICE_MS 50
/* So many messages are taken from the library at once. */
#define BATCH 64
/* Who waits for a pong leaves messages unread beyond so many bytes. */
#define MOST_WAITING_BYTES (4 << 20)
/* Larger messages are sent without Python's lock, also where nothing waits. */
#define LARGE_BYTES 4096

/* Messages that were received and that nobody has asked for yet, and between them the events for on_reconnect. */
struct waiting {
    ws_frame **frames;
    size_t first, count, capacity, bytes;
};

/* What is received besides whole messages. */
struct delivery {
    /* Anything is: recv() has to pass over it, and to put parts together. */
    int by_frames;
    /* The control frames and events that recv_frame() returns. */
    uint32_t control, events;
    /* The control frames of a raw session that has become a default one. */
    uint32_t control_then;
};

enum { NEWS_OPEN = 1, NEWS_WRITABLE = 2, NEWS_ENDED = 4 };

typedef struct {
    PyObject ob_base;
    ws_config *handle;
    /* Functions of Python's. */
    PyObject *authenticate, *decide, *prepare, *on_reconnect, *filter;
    struct delivery delivery;
    PyObject *weak_references;
} Config;

/* What the library's threads have to tell a session. */
struct news {
    unsigned owners;
    unsigned flags;
    /* Guards the descriptor: the session closes it while a thread of the library may be writing to it. */
    pthread_mutex_t mutex;
    int for_loop;
    /* Wakes an event loop; -1 without one, and after the session's end. */
    int descriptor;
    /* The configuration, if the library's threads call functions of it. */
    Config *config;
};

typedef struct {
    PyObject ob_base;
    ws_session *handle;
    /* Keeps alive what its callbacks use. */
    Config *config;
    struct waiting waiting;
    struct delivery delivery;
    /* on_reconnect was called for the event that is the first of what waits. */
    int has_told;
    /* What was given to the first close(). */
    PyObject *local_close;
    /* Fragments of a message were sent, and not the last. */
    int is_amid_message;

    /* Threads: one receives, others wait for their turn. All but the mutex's own is guarded by Python's lock. */
    int is_receiving;
    size_t followers;
    unsigned turn;
    pthread_mutex_t mutex;
    pthread_cond_t turned;

    /* Event loops. */
    PyObject *loop;
    struct news *news;
    /* Of the handle, which owns it; -1 before it is first watched. */
    int descriptor;
    int is_watched;
    unsigned streak;
    /* While pongs are expected, what comes is looked at also if nobody receives. */
    int pongs_expected;
    /* While some wait for their turn to send, all do. */
    int slow_sends;
    /* What tasks wait for, and whether one does. */
    PyObject *future;
    int is_awaited;
} Session;

/* How a call that waits ends, and when it has to look for signals. */
struct wait {
    /* Of the monotonic clock, in milliseconds; negative: never. */
    int64_t deadline;
    int64_t timeout;
    int in_slices;
};

/* module.c */
extern PyTypeObject *config_type, *error_type, *session_type, *blocking_type, *asynchronous_type;
extern PyObject *make_exception;
extern PyObject *connection_closed_ok;
int add_type(PyObject *module, PyTypeObject **type, PyType_Spec *spec, PyTypeObject *base);
int is_main_thread(void);
PyObject *raise_status(ws_status status, Session *session, ws_error *error);

/* errors.c */
int add_errors(PyObject *module);
PyObject *new_error(ws_error *error);
PyObject *lent_error(const ws_error *error, PyObject *session);
PyObject *text_or_none(const char *text);
int add_header(PyObject *list, const char *name, const char *value);

/* cookies.c */
typedef struct {
    PyObject ob_base;
    ws_cookie_jar *handle;
} CookieJar;
extern PyTypeObject *jar_type;
int add_cookies(PyObject *module);

/* config.c */
int add_config(PyObject *module);
int config_has_functions(const Config *config);

/* calling.c */
/* On threads of the library, which have to take Python's lock. */
void call_authenticate(ws_auth *auth, void *config);
int32_t call_decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
                    void *config);
/* With Python's lock, in a call that receives or in the event loop: 0, or -1 with an exception. */
int call_on_reconnect(Session *session);
int add_calling(PyObject *module);
/* Takes Python's lock. An exception is reported as unraisable, and the message is compressed. */
int32_t call_filter(void *config, uint32_t type, const void *data, size_t size);

/* attempts.c */
void call_prepare(ws_session *session, ws_attempt *attempt, void *config);
int add_attempts(PyObject *module);

/* settings.c */
PyObject *session_set(Session *self, PyObject *arguments);
PyObject *session_get(Session *self, PyObject *name);
PyObject *session_start_default(Session *self, PyObject *arguments);

/* frames.c */
PyObject *session_send_frame(Session *self, PyObject *arguments);
PyObject *session_flush(Session *self, PyObject *timeout);
/* (type, payload, flags, close code) of a frame, which is freed. */
PyObject *frame_of(ws_frame *frame);

/* logging.c */
PyObject *set_log(PyObject *module, PyObject *arguments);

/* news.c */
struct news *news_new(Config *config, int for_loop);
void news_release(struct news *news);
ws_status connect_with_news(const char *url, Config *config, struct news *news, ws_session **session);
unsigned take_news(struct news *news);
void news_close(struct news *news);

/* messages.c */
struct payload {
    const void *data;
    size_t size;
    uint32_t type;
    int has_view;
    Py_buffer view;
};
int payload_of(PyObject *message, PyObject *text, struct payload *payload);
void payload_release(struct payload *payload);
ws_status send_at_once(Session *session, const struct payload *payload);
/* What part of a message a payload is. */
enum part { WHOLE, FRAGMENT, LAST_FRAGMENT };
int part_of(PyObject *arguments, struct payload *payload, enum part *part);
ws_status send_as(Session *session, const struct payload *payload, enum part part, int64_t timeout_ms);
/* The frame is freed. */
PyObject *message_of(ws_frame *frame, PyObject *decode);
int arguments_of(const char *function, const char *const *names, PyObject **values, size_t most,
                 PyObject *const *arguments, Py_ssize_t count, PyObject *keywords);

/* waiting.c */
void wait_begin(struct wait *wait, int64_t timeout_ms);
int64_t wait_slice(const struct wait *wait);
int wait_goes_on(struct wait *wait);
int timeout_of(PyObject *seconds, int64_t *milliseconds);
int waiting_add(struct waiting *waiting, ws_frame **frames, size_t count);
ws_frame *waiting_take(struct waiting *waiting);
void waiting_clear(struct waiting *waiting);
int filter_frames(Session *session, ws_frame **frames, size_t *count);
/* The next of what waits. */
ws_frame *take_frame(Session *session);
/* Calls on_reconnect if the session has another connection before the next message: 0, or -1 with an exception. */
int take_events(Session *session);

/* info.c */
PyObject *session_close_info(Session *self, PyObject *none);
PyObject *session_initiator(Session *self, PyObject *none);
PyObject *session_response_headers(Session *self, PyObject *none);
PyObject *session_extensions(Session *self, PyObject *none);
PyObject *session_info(Session *self, PyObject *none);
PyObject *session_statistics(Session *self, PyObject *none);
PyObject *session_request_headers(Session *self, PyObject *none);
PyObject *session_peer_certificates(Session *self, PyObject *none);
PyObject *session_deflate_info(Session *self, PyObject *none);
PyObject *session_error(Session *self, PyObject *none);

/* session.c, blocking.c, asynchronous.c */
int add_session(PyObject *module);
int add_blocking(PyObject *module);
int add_asynchronous(PyObject *module);
/* WS_OK with what came among what waits, a status, or 1 with an exception. */
int take_in(Session *session);
int watch(Session *session);

/* future.c */
typedef struct {
    PyObject ob_base;
    PyObject *loop;
    PyObject *callback, *context;
    PyObject *cancelled;
    int is_blocking;
} Future;
int add_future(PyObject *module);
PyObject *new_future(PyObject *loop);
PyObject *future_wake(Future *self);
void future_forget(Future *self);

/* coroutines.c */
int add_coroutines(PyObject *module);
enum receives { MESSAGE, NEXT, FRAME };
PyObject *begin_receiving(Session *session, PyObject *decode, enum receives what);
PyObject *already_sent(void);

#endif
