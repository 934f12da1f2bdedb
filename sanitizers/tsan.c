/* For programs that are built with -fsanitize=thread and linked with libktorws.so: add this file to their sources.
 *
 *     cc -fsanitize=thread program.c /usr/share/ktorws/tsan.c -lktorws -ldl
 *
 * The library is not instrumented. ThreadSanitizer does not see how it orders what threads do, and would report races
 * that are none. The functions here stand before those of the library, and tell it:
 *
 * - What a thread did before it called a function for a session happens before what another thread does after its
 *   call for the same session.
 * - What was done before a session was opened happens before its callbacks. They happen before what follows a later
 *   call for the session. What was done before an object was freed happens before `drop`.
 *
 * Real races of the program are still reported, except that two threads which call functions for the same session
 * count as ordered by that. Functions of an extension in C are not covered. */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <ktorws.h>
#include <stdlib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);
const char *__tsan_default_suppressions(void);

/* The same as tsan.supp. */
__attribute__((weak)) const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libktorws.so\n";
}

/* Released where sessions are opened, where functions of the program return to the library, and where objects are
 * freed. */
static char opening, returned, freeing;

static void acquire(const void *object)
{
    if (object != NULL)
        __tsan_acquire((void *)object);
}

static void release(const void *object)
{
    if (object != NULL)
        __tsan_release((void *)object);
}

/* Declares `real`, the library's function. */
#define FIND_REAL(name)                                                                                                \
    static void *found_##name;                                                                                         \
    void *address = __atomic_load_n(&found_##name, __ATOMIC_ACQUIRE);                                                  \
    if (address == NULL) {                                                                                             \
        address = dlsym(RTLD_NEXT, #name);                                                                             \
        __atomic_store_n(&found_##name, address, __ATOMIC_RELEASE);                                                    \
    }                                                                                                                  \
    __typeof__(&name) real;                                                                                            \
    *(void **)&real = address

/* A function for a session. */
#define FOR_SESSION(type, name, parameters, arguments)                                                                 \
    type name parameters                                                                                               \
    {                                                                                                                  \
        FIND_REAL(name);                                                                                               \
        release(session);                                                                                              \
        type result = real arguments;                                                                                  \
        acquire(session);                                                                                              \
        return result;                                                                                                 \
    }

FOR_SESSION(ws_status, ws_send_text, (ws_session * session, const char *text, size_t length), (session, text, length))
FOR_SESSION(ws_status, ws_send_binary, (ws_session * session, const void *data, size_t length), (session, data, length))
FOR_SESSION(ws_status, ws_send,
            (ws_session * session, uint32_t type, const void *data, size_t length, uint32_t flags, int64_t timeout_ms),
            (session, type, data, length, flags, timeout_ms))
FOR_SESSION(ws_status, ws_sendv,
            (ws_session * session, uint32_t type, const ws_slice *slices, size_t count, uint32_t flags,
             int64_t timeout_ms),
            (session, type, slices, count, flags, timeout_ms))
FOR_SESSION(ws_status, ws_send_batch,
            (ws_session * session, const ws_message *items, size_t count, size_t *accepted, int64_t timeout_ms),
            (session, items, count, accepted, timeout_ms))
FOR_SESSION(ws_status, ws_flush, (ws_session * session, int64_t timeout_ms), (session, timeout_ms))
FOR_SESSION(ws_status, ws_recv, (ws_session * session, ws_frame **frame, int64_t timeout_ms),
            (session, frame, timeout_ms))
FOR_SESSION(ws_status, ws_recv_into,
            (ws_session * session, void *buffer, size_t capacity, size_t *size, uint32_t *type, int64_t timeout_ms),
            (session, buffer, capacity, size, type, timeout_ms))
FOR_SESSION(ws_status, ws_recv_batch,
            (ws_session * session, ws_frame **frames, size_t capacity, size_t *count, int64_t timeout_ms),
            (session, frames, capacity, count, timeout_ms))
FOR_SESSION(ws_status, ws_close, (ws_session * session, uint32_t code, const char *reason, size_t length),
            (session, code, reason, length))
FOR_SESSION(ws_status, ws_wait_closed, (ws_session * session, int64_t timeout_ms), (session, timeout_ms))
FOR_SESSION(ws_status, ws_abort, (ws_session * session), (session))
FOR_SESSION(ws_status, ws_interrupt, (ws_session * session), (session))
FOR_SESSION(ws_session *, ws_session_ref, (ws_session * session), (session))
FOR_SESSION(ws_session_state, ws_state, (const ws_session *session), (session))
FOR_SESSION(int32_t, ws_is_closed_for_receive, (const ws_session *session), (session))
FOR_SESSION(ws_status, ws_set_user_data, (ws_session * session, void *user_data), (session, user_data))
FOR_SESSION(void *, ws_get_user_data, (const ws_session *session), (session))

ws_status ws_wait_open(ws_session *session, int64_t timeout_ms, ws_error **error)
{
    FIND_REAL(ws_wait_open);
    release(session);
    ws_status result = real(session, timeout_ms, error);
    acquire(session);
    acquire(&returned);
    return result;
}

void ws_session_free(ws_session *session)
{
    FIND_REAL(ws_session_free);
    release(session);
    release(&freeing);
    real(session);
}

ws_status ws_session_end(ws_session *session, int64_t timeout_ms)
{
    FIND_REAL(ws_session_end);
    release(session);
    release(&freeing);
    ws_status result = real(session, timeout_ms);
    acquire(&returned);
    return result;
}

void ws_config_free(ws_config *config)
{
    FIND_REAL(ws_config_free);
    release(&freeing);
    real(config);
}

void ws_group_free(ws_group *group)
{
    FIND_REAL(ws_group_free);
    release(&freeing);
    real(group);
}

ws_status ws_connect(const char *url, const ws_config *config, ws_session **session, ws_error **error)
{
    FIND_REAL(ws_connect);
    release(&opening);
    ws_status result = real(url, config, session, error);
    acquire(&returned);
    return result;
}

ws_status ws_connect_async(const char *url, const ws_config *config, ws_session **session)
{
    FIND_REAL(ws_connect_async);
    release(&opening);
    return real(url, config, session);
}

ws_status ws_shutdown(int64_t timeout_ms)
{
    FIND_REAL(ws_shutdown);
    ws_status result = real(timeout_ms);
    acquire(&returned);
    return result;
}

ws_status ws_group_recv(ws_group *group, ws_session **session, ws_frame **frame, int64_t timeout_ms)
{
    FIND_REAL(ws_group_recv);
    release(group);
    ws_status result = real(group, session, frame, timeout_ms);
    acquire(group);
    if (session != NULL)
        acquire(*session);
    return result;
}

ws_status ws_group_interrupt(ws_group *group)
{
    FIND_REAL(ws_group_interrupt);
    release(group);
    return real(group);
}

/* Functions of the program, and what the library is given as their user data. */
typedef struct hooks {
    ws_callbacks calls;
    ws_auth_callback authenticate;
    ws_reconnect_options reconnect;
    ws_log_callback log;
    void *user_data;
} hooks;

static hooks *new_hooks(void *user_data)
{
    hooks *self = calloc(1, sizeof *self);
    if (self == NULL)
        abort();
    self->user_data = user_data;
    return self;
}

static const hooks *enter(const ws_session *session, void *user_data)
{
    acquire(&opening);
    acquire(session);
    return user_data;
}

static void leave(const ws_session *session, void *user_data)
{
    release(session);
    release(user_data);
    release(&returned);
}

static void on_open(ws_session *session, void *user_data)
{
    const hooks *self = enter(session, user_data);
    self->calls.on_open(session, self->user_data);
    leave(session, user_data);
}

static void on_frame(ws_session *session, const ws_frame *frame, void *user_data)
{
    const hooks *self = enter(session, user_data);
    self->calls.on_frame(session, frame, self->user_data);
    leave(session, user_data);
}

static void on_writable(ws_session *session, void *user_data)
{
    const hooks *self = enter(session, user_data);
    self->calls.on_writable(session, self->user_data);
    leave(session, user_data);
}

static void on_close(ws_session *session, ws_status status, void *user_data)
{
    const hooks *self = enter(session, user_data);
    self->calls.on_close(session, status, self->user_data);
    leave(session, user_data);
}

static void on_drop(void *user_data)
{
    acquire(user_data);
    acquire(&freeing);
    hooks *self = user_data;
    if (self->calls.drop != NULL)
        self->calls.drop(self->user_data);
    release(&returned);
    free(self);
}

ws_status ws_config_set_callbacks(ws_config *config, const ws_callbacks *callbacks, void *user_data)
{
    FIND_REAL(ws_config_set_callbacks);
    release(&freeing); /* of those that were set before */
    if (callbacks == NULL || callbacks->struct_size < sizeof *callbacks)
        return real(config, callbacks, user_data);
    hooks *self = new_hooks(user_data);
    self->calls = *callbacks;
    ws_callbacks given = {.struct_size = sizeof given, .drop = on_drop};
    given.on_open = callbacks->on_open != NULL ? on_open : NULL;
    given.on_frame = callbacks->on_frame != NULL ? on_frame : NULL;
    given.on_writable = callbacks->on_writable != NULL ? on_writable : NULL;
    given.on_close = callbacks->on_close != NULL ? on_close : NULL;
    release(self);
    ws_status result = real(config, &given, self);
    if (result != WS_OK)
        free(self);
    return result;
}

ws_status ws_recv_callback(ws_session *session, ws_frame_callback function, void *user_data, ws_drop_callback drop)
{
    FIND_REAL(ws_recv_callback);
    if (function == NULL)
        return real(session, function, user_data, drop);
    hooks *self = new_hooks(user_data);
    self->calls.on_frame = function;
    self->calls.drop = drop;
    release(self);
    release(session);
    ws_status result = real(session, on_frame, self, on_drop);
    if (result != WS_OK)
        free(self);
    return result;
}

/* The library does not say when it no longer uses the functions below: their hooks are kept. */

static void on_question(ws_auth *auth, void *user_data)
{
    const hooks *self = enter(NULL, user_data);
    acquire(user_data);
    self->authenticate(auth, self->user_data);
    leave(NULL, user_data);
}

ws_status ws_config_set_auth_callback(ws_config *config, ws_auth_callback callback, void *user_data)
{
    FIND_REAL(ws_config_set_auth_callback);
    if (callback == NULL)
        return real(config, callback, user_data);
    hooks *self = new_hooks(user_data);
    self->authenticate = callback;
    return real(config, on_question, self);
}

static int32_t on_decision(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested,
                           int64_t *delay_ms, void *user_data)
{
    const hooks *self = enter(session, user_data);
    int32_t result = self->reconnect.decide(session, why, attempt, suggested, delay_ms, self->reconnect.user_data);
    leave(session, user_data);
    return result;
}

static void on_preparation(ws_session *session, ws_attempt *attempt, void *user_data)
{
    const hooks *self = enter(session, user_data);
    self->reconnect.prepare(session, attempt, self->reconnect.user_data);
    leave(session, user_data);
}

ws_status ws_config_set_reconnect(ws_config *config, const ws_reconnect_options *options)
{
    FIND_REAL(ws_config_set_reconnect);
    if (options == NULL || options->struct_size < sizeof *options)
        return real(config, options);
    hooks *self = new_hooks(NULL);
    self->reconnect = *options;
    ws_reconnect_options given = *options;
    given.struct_size = sizeof given;
    given.decide = options->decide != NULL ? on_decision : NULL;
    given.prepare = options->prepare != NULL ? on_preparation : NULL;
    given.user_data = self;
    return real(config, &given);
}

static void on_log(uint32_t level, uint64_t session_id, const char *message, void *user_data)
{
    const hooks *self = enter(NULL, user_data);
    acquire(user_data);
    self->log(level, session_id, message, self->user_data);
    leave(NULL, user_data);
}

ws_status ws_set_log_callback(uint32_t level, ws_log_callback function, void *user_data)
{
    FIND_REAL(ws_set_log_callback);
    if (function == NULL)
        return real(level, function, user_data);
    hooks *self = new_hooks(user_data);
    self->log = function;
    release(self);
    return real(level, on_log, self);
}
