/* Every object of the library × what can become of it × every function of the application that the library calls: a run
 * goes through all of these functions, and in one of them does one thing. Whatever that is, on_close and drop come exactly
 * once. With --small only some of the runs, for valgrind. */

#define _GNU_SOURCE
#include "steered.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* The application's functions. */
typedef enum place {
    AUTH,
    OFFER,
    NEGOTIATE,
    ON_OPEN,
    FILTER,
    ENCODE,
    DECODE,
    ON_FRAME,
    ON_WRITABLE,
    DECIDE,
    PREPARE,
    ON_CLOSE,
    RECV_CALLBACK_END,
    RECEIVER_DROP,
    INSTANCE_DROP,
    RELEASE,
    DROP,
    LOG,
    PLACES
} place;

static const char *const place_names[PLACES] = {"auth",
                                                "offer",
                                                "negotiate",
                                                "on_open",
                                                "filter",
                                                "encode",
                                                "decode",
                                                "on_frame",
                                                "on_writable",
                                                "decide",
                                                "prepare",
                                                "on_close",
                                                "the last call of ws_recv_callback's function",
                                                "drop of ws_recv_callback",
                                                "drop of an instance",
                                                "release",
                                                "drop",
                                                "log"};

typedef struct run {
    place place;
    const struct action *action;
    int takes_recv_callback;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* How often each function was called. */
    unsigned counts[PLACES];
    int has_acted;
    /* The handle was freed, or the end begun, by what was done. */
    atomic_int is_freed, is_ending;
    /* Another handle. */
    ws_session *kept;
    /* The objects; NULL once they are freed. */
    ws_config *config;
    ws_group *group;
    ws_cookie_jar *jar;
    ws_error *error;
    ws_frame *frame;
} run;

typedef enum subject { SESSION, OBJECT, LIBRARY } subject;

typedef struct action {
    const char *name;
    void (*act)(run *self, ws_session *session);
    /* One on a session is for functions that are given one. */
    subject subject;
} action;

static run *current;
/* Where frames come from that are freed elsewhere. */
static ws_session *frame_source;

static void act_in(run *self, place where, ws_session *session)
{
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    int acts = self->place == where && !self->has_acted;
    self->has_acted |= acts;
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
    if (acts)
        self->action->act(self, session);
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    self->counts[where]++;
    CHECK_EQ(pthread_cond_broadcast(&self->changed), 0);
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
}

static unsigned count_of(run *self, place where)
{
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    unsigned count = self->counts[where];
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
    return count;
}

/* Returns once the function was called, or the session has ended where `or_end` is set. */
static void wait_for_call(run *self, place where, int or_end)
{
    struct timespec limit;
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &limit), 0);
    limit.tv_sec += PATIENCE_MS / 1000;
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    while (self->counts[where] == 0 &&
           !(or_end && (self->counts[ON_CLOSE] > 0 || atomic_load(&self->is_freed) || atomic_load(&self->is_ending))))
        if (pthread_cond_timedwait(&self->changed, &self->lock, &limit) != 0) {
            fprintf(stderr, "%s was not called\n", place_names[where]);
            abort();
        }
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
}

/* Whether the session is the run's to go on with. */
static int goes_on(run *self)
{
    return !atomic_load(&self->is_freed) && !atomic_load(&self->is_ending) && count_of(self, ON_CLOSE) == 0;
}

/* What is done. */

static void use_freed(run *self, ws_session *session)
{
    (void)self;
    ws_close_info info = {.struct_size = sizeof info};
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK(ws_session_ref(session) == NULL);
    CHECK(ws_session_id(session) > 0);
    CHECK(ws_state(session) >= WS_STATE_CONNECTING && ws_state(session) <= WS_STATE_CLOSED);
    ws_status status = ws_send_text(session, "never", 5);
    CHECK(status != WS_OK && status != WS_ERR_FORKED && status != WS_ERR_INVALID_ARGUMENT);
    CHECK_OK(ws_get_stats(session, &stats));
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_abort(session));
    CHECK_OK(ws_interrupt(session));
    (void)ws_session_error(session);
    CHECK(strcmp(ws_request_url(session), "") != 0);
    CHECK(ws_session_ref(session) == NULL);
}

static void free_session(run *self, ws_session *session)
{
    atomic_store(&self->is_freed, 1);
    ws_session_free(session);
}

static void free_and_use_session(run *self, ws_session *session)
{
    free_session(self, session);
    use_freed(self, session);
}

static void free_and_ref_session(run *self, ws_session *session)
{
    free_session(self, session);
    for (int i = 0; i < 3; i++) {
        ws_session *mine = ws_session_ref(session);
        CHECK(mine == NULL);
        ws_session_free(mine);
    }
}

static void ref_and_free_session(run *self, ws_session *session)
{
    (void)self;
    for (int i = 0; i < 3; i++) {
        CHECK(ws_session_ref(session) == session);
        ws_session_free(session);
    }
    CHECK(ws_state(session) != WS_STATE_CLOSED || self->place == ON_CLOSE || self->place == RECV_CALLBACK_END);
}

static void keep_session(run *self, ws_session *session)
{
    CHECK(ws_session_ref(session) == session);
    self->kept = session;
}

/* The other handle takes the place of the first. */
static void keep_and_free_session(run *self, ws_session *session)
{
    keep_session(self, session);
    ws_session_free(session);
    CHECK(ws_session_ref(session) == session);
    ws_session_free(session);
    self->kept = NULL;
}

static void close_session(run *self, ws_session *session)
{
    atomic_store(&self->is_ending, 1);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_close(session, WS_CLOSE_GOING_AWAY, NULL, 0));
}

static void abort_session(run *self, ws_session *session)
{
    atomic_store(&self->is_ending, 1);
    CHECK_OK(ws_abort(session));
    CHECK_OK(ws_abort(session));
}

static void never_called(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)session, (void)frame, (void)user_data;
    abort();
}

static void never_dropped(void *user_data)
{
    (void)user_data;
    abort();
}

/* Its messages go to a function already. */
static void receive_elsewhere(run *self, ws_session *session)
{
    (void)self;
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv_callback(session, never_called, NULL, never_dropped), WS_ERR_STATE);
    CHECK_STATUS(ws_recv(session, &frame, -1), WS_ERR_STATE);
    CHECK_EQ(ws_event_fd(session), -1);
}

static void shut_down(run *self, ws_session *session)
{
    (void)self, (void)session;
    CHECK_STATUS(ws_shutdown(-1), WS_ERR_STATE);
    CHECK_STATUS(ws_shutdown(0), WS_ERR_STATE);
}

static void free_config(run *self, ws_session *session)
{
    (void)session;
    if (self->config == NULL)
        return;
    ws_config *config = self->config, *copy = ws_config_clone(config);
    CHECK(copy != NULL);
    self->config = NULL;
    ws_config_free(config);
    ws_config_free(copy);
}

static void change_config(run *self, ws_session *session)
{
    (void)session;
    if (self->config == NULL)
        return;
    CHECK_OK(ws_config_set_callbacks(self->config, NULL, NULL));
    CHECK_OK(ws_config_set_cookie_jar(self->config, NULL));
    CHECK_OK(ws_config_set_auth_callback(self->config, NULL, NULL));
    CHECK_OK(ws_config_set_reconnect(self->config, NULL));
    CHECK_OK(ws_config_set_header(self->config, "X-Test", NULL));
}

static void free_jar(run *self, ws_session *session)
{
    (void)session;
    ws_cookie_jar_clear(self->jar);
    ws_cookie_jar_free(self->jar);
    self->jar = NULL;
}

static void free_error(run *self, ws_session *session)
{
    (void)session;
    CHECK_STATUS(ws_error_status(self->error), WS_ERR_URL);
    ws_error_free(self->error);
    self->error = NULL;
}

static void free_frame(run *self, ws_session *session)
{
    (void)session;
    CHECK_STR((const char *)self->frame->data, "kept");
    ws_frame_free(self->frame);
    self->frame = NULL;
}

static void free_group(run *self, ws_session *session)
{
    ws_session *source = session;
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_group_recv(self->group, &source, &frame, 0), WS_ERR_TIMEOUT);
    CHECK(source == NULL);
    CHECK_EQ(ws_group_size(self->group), 0);
    ws_group_free(self->group);
    self->group = NULL;
}

static const action actions[] = {
    {"free the session", free_session, SESSION},
    {"free and use the session", free_and_use_session, SESSION},
    {"free and ref the session", free_and_ref_session, SESSION},
    {"ref and free the session", ref_and_free_session, SESSION},
    {"ref the session", keep_session, SESSION},
    {"ref the session and free its first handle", keep_and_free_session, SESSION},
    {"close the session", close_session, SESSION},
    {"abort the session", abort_session, SESSION},
    {"receive elsewhere", receive_elsewhere, SESSION},
    {"shut down", shut_down, LIBRARY},
    {"free the configuration", free_config, OBJECT},
    {"change the configuration", change_config, OBJECT},
    {"free the jar", free_jar, OBJECT},
    {"free the error", free_error, OBJECT},
    {"free the frame", free_frame, OBJECT},
    {"free the group", free_group, OBJECT},
};

static int is_for(const action *what, place where)
{
    switch (what->subject) {
    case SESSION:
        return where == ON_OPEN || where == ON_FRAME || where == ON_WRITABLE || where == DECIDE ||
               where == PREPARE || where == ON_CLOSE || where == RECV_CALLBACK_END;
    case OBJECT:
        /* The log must not call the library. */
        return where != LOG;
    case LIBRARY:
        break;
    }
    return 1;
}

/* The functions that the library calls. */

static void on_open(ws_session *session, void *self)
{
    act_in(self, ON_OPEN, session);
}

static void on_frame(ws_session *session, const ws_frame *frame, void *self)
{
    CHECK(frame->size > 0);
    act_in(self, ON_FRAME, session);
}

static void on_writable(ws_session *session, void *self)
{
    act_in(self, ON_WRITABLE, session);
}

static void on_close(ws_session *session, ws_status status, void *self)
{
    CHECK(status != WS_OK);
    CHECK_EQ(count_of(self, ON_CLOSE), 0);
    CHECK_EQ(count_of(self, DROP), 0);
    act_in(self, ON_CLOSE, session);
}

static void prepare(ws_session *session, ws_attempt *attempt, void *self)
{
    CHECK(ws_error_status(ws_attempt_last_error(attempt)) != WS_OK);
    CHECK(ws_attempt_number(attempt) >= 1);
    CHECK_OK(ws_attempt_set_header(attempt, "X-Attempt", "another"));
    act_in(self, PREPARE, session);
}

static void drop(void *self)
{
    CHECK_EQ(count_of(self, DROP), 0);
    act_in(self, DROP, NULL);
}

static void receive(ws_session *session, const ws_frame *frame, void *user_data)
{
    run *self = user_data;
    CHECK_EQ(count_of(self, RECEIVER_DROP), 0);
    act_in(self, frame == NULL ? RECV_CALLBACK_END : ON_FRAME, session);
}

static void drop_receiver(void *self)
{
    CHECK_EQ(count_of(self, RECV_CALLBACK_END), 1);
    CHECK_EQ(count_of(self, ON_CLOSE), 0);
    act_in(self, RECEIVER_DROP, NULL);
}

static void auth(ws_auth *question, void *self)
{
    act_in(self, AUTH, NULL);
    CHECK_OK(ws_auth_basic(question, "user", "password"));
}

static int32_t decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
                      void *self)
{
    (void)attempt, (void)suggested;
    CHECK(ws_error_status(why) != WS_OK);
    *delay_ms = 1;
    act_in(self, DECIDE, session);
    return 1;
}

static int32_t filter(void *self, uint32_t type, const void *data, size_t size)
{
    (void)type, (void)data, (void)size;
    act_in(self, FILTER, NULL);
    return 0;
}

static int32_t offer(void *self, ws_sink *parameters)
{
    (void)parameters;
    act_in(self, OFFER, NULL);
    return WS_OK;
}

static int32_t negotiate(void *self, const char *parameters, void **instance)
{
    CHECK_STR(parameters, "");
    act_in(self, NEGOTIATE, NULL);
    *instance = self;
    return WS_OK;
}

static int32_t encode(void *self, const ws_extension_piece *piece, uint32_t *rsv, ws_sink *output)
{
    (void)rsv;
    act_in(self, ENCODE, NULL);
    return ws_sink_write(output, piece->data, piece->size);
}

static int32_t decode(void *self, const ws_extension_piece *piece, ws_sink *output)
{
    act_in(self, DECODE, NULL);
    return ws_sink_write(output, piece->data, piece->size);
}

static void drop_instance(void *self)
{
    act_in(self, INSTANCE_DROP, NULL);
}

static void release(void *self)
{
    CHECK_EQ(count_of(self, RELEASE), 0);
    act_in(self, RELEASE, NULL);
}

static void write_log(uint32_t level, uint64_t session_id, const char *message, void *user_data)
{
    (void)level, (void)session_id, (void)message, (void)user_data;
    if (current->place == LOG)
        act_in(current, LOG, NULL);
}

/* A run. */

static ws_config *config_of(run *self)
{
    const ws_callbacks callbacks = {.struct_size = sizeof callbacks,
                                    .on_open = on_open,
                                    .on_frame = self->takes_recv_callback ? NULL : on_frame,
                                    .on_writable = on_writable,
                                    .on_close = on_close,
                                    .drop = drop};
    const ws_extension_vtable vtable = {.struct_size = sizeof vtable,
                                        .name = "x-copy",
                                        .offer = offer,
                                        .negotiate = negotiate,
                                        .encode = encode,
                                        .decode = decode,
                                        .drop = drop_instance,
                                        .release = release};
    const ws_deflate_options deflate = {.struct_size = sizeof deflate, .filter = filter, .filter_user_data = self};
    const ws_reconnect_options reconnect = {
        .struct_size = sizeof reconnect, .first_delay_ms = 1, .decide = decide, .prepare = prepare, .user_data = self};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, self));
    CHECK_OK(ws_config_install_extension(config, &vtable, self));
    CHECK_OK(ws_config_install_deflate(config, &deflate));
    CHECK_OK(ws_config_set_auth_callback(config, auth, self));
    CHECK_OK(ws_config_set_cookie_jar(config, self->jar));
    CHECK_OK(ws_config_add_header(config, "X-Test", "value"));
    if (self->place == DECIDE || self->place == PREPARE)
        CHECK_OK(ws_config_set_reconnect(config, &reconnect));
    return config;
}

static run *begin(place where, const action *what)
{
    run *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->place = where;
    self->action = what;
    self->takes_recv_callback = where == RECV_CALLBACK_END || where == RECEIVER_DROP;
    CHECK_EQ(pthread_mutex_init(&self->lock, NULL), 0);
    CHECK_EQ(pthread_cond_init(&self->changed, NULL), 0);
    ws_session *session = NULL;
    CHECK_STATUS(ws_connect("ftp://localhost/", NULL, &session, &self->error), WS_ERR_URL);
    CHECK_OK(ws_send_text(frame_source, "kept", 4));
    CHECK_OK(ws_recv(frame_source, &self->frame, PATIENCE_MS));
    self->group = ws_group_new();
    self->jar = ws_cookie_jar_new();
    CHECK(self->group != NULL && self->jar != NULL);
    self->config = config_of(self);
    current = self;
    CHECK_OK(ws_set_log_callback(where == LOG ? WS_LOG_DEBUG : WS_LOG_OFF, where == LOG ? write_log : NULL, NULL));
    return self;
}

/* Sends until there is no room, and has the server make some. */
static void fill(ws_session *session)
{
    static char large[64 * 1024];
    STEER("read off");
    ws_status status = WS_OK;
    while (status == WS_OK)
        status = ws_send(session, WS_FRAME_BINARY, large, sizeof large, 0, 0);
    CHECK_STATUS(status, WS_ERR_TIMEOUT);
    STEER("read on");
}

static ws_session *connect_in(run *self, int async)
{
    char url[256];
    ws_session *session = NULL;
    CHECK(snprintf(url, sizeof url, "%sasking", environment("STEERED_WS_URL")) < (int)sizeof url);
    if (async) {
        CHECK_OK(ws_connect_async(url, self->config, &session));
        CHECK(session != NULL);
    } else {
        ws_error *error = (ws_error *)&session;
        ws_status status = ws_connect(url, self->config, &session, &error);
        if (status == WS_ERR_ABORTED) {
            /* On_open was faster, and has freed it. */
            CHECK(self->place == ON_OPEN && atomic_load(&self->is_freed));
            CHECK(session == NULL);
            ws_error_free(error);
            return NULL;
        }
        CHECK_OK(status);
        CHECK(error == NULL);
    }
    wait_for_call(self, ON_OPEN, 1);
    return session;
}

/* From the opening to the end, unless what is done ends it before. */
static void go_through(run *self, ws_session *session)
{
    if (goes_on(self) && self->takes_recv_callback)
        CHECK_OK(ws_recv_callback(session, receive, self, drop_receiver));
    if (goes_on(self) && self->place == ON_WRITABLE) {
        fill(session);
        wait_for_call(self, ON_WRITABLE, 1);
    } else if (goes_on(self)) {
        STEER("echo");
        CHECK_OK(ws_send_text(session, "hello", 5));
        wait_for_call(self, ON_FRAME, 1);
    }
    if (goes_on(self) && (self->place == DECIDE || self->place == PREPARE)) {
        STEER("reset");
        wait_for_call(self, PREPARE, 1);
    }
    if (goes_on(self))
        CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
}

static void one_run(place where, const action *what, int async)
{
    run *self = begin(where, what);
    ws_session *session = connect_in(self, async);
    if (session != NULL)
        go_through(self, session);
    wait_for_call(self, ON_CLOSE, 0);
    if (!atomic_load(&self->is_freed))
        ws_session_free(session);
    ws_session_free(self->kept);
    wait_for_call(self, INSTANCE_DROP, 0);
    /* With the configuration there it may be used in drop. */
    if (where == DROP && self->config != NULL) {
        CHECK_OK(ws_config_set_callbacks(self->config, NULL, NULL));
        wait_for_call(self, DROP, 0);
    }
    ws_config *config = self->config;
    self->config = NULL;
    ws_config_free(config);
    wait_for_call(self, DROP, 0);
    wait_for_call(self, RELEASE, 0);
    CHECK_OK(ws_set_log_callback(WS_LOG_OFF, NULL, NULL));

    if (!self->has_acted || count_of(self, ON_OPEN) != 1 || count_of(self, ON_CLOSE) != 1 ||
        count_of(self, DROP) != 1 || count_of(self, RELEASE) != 1 ||
        count_of(self, RECEIVER_DROP) != count_of(self, RECV_CALLBACK_END) ||
        count_of(self, INSTANCE_DROP) != count_of(self, NEGOTIATE)) {
        fprintf(stderr, "%s in %s:", what->name, place_names[where]);
        for (int i = 0; i < PLACES; i++)
            fprintf(stderr, " %s %u", place_names[i], count_of(self, (place)i));
        fprintf(stderr, "\n");
        exit(1);
    }
    ws_error_free(self->error);
    ws_frame_free(self->frame);
    ws_cookie_jar_free(self->jar);
    ws_group_free(self->group);
    CHECK_EQ(pthread_cond_destroy(&self->changed), 0);
    CHECK_EQ(pthread_mutex_destroy(&self->lock), 0);
    free(self);
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    unsigned number = 0;
    frame_source = connect_plain("");
    for (int where = 0; where < PLACES; where++)
        for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
            for (int async = 0; async <= 1; async++)
                if (is_for(&actions[i], (place)where) && (!small || number++ % 3 == 0))
                    one_run((place)where, &actions[i], async);
    close_and_free(frame_source);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
