/* Two threads on one object at a time, each with a handle of its own: whatever falls between what, each call returns
 * one of its statuses, and on_close and drop come exactly once. With --small fewer rounds, for valgrind. */

#define _GNU_SOURCE
#include "process.h"
#include "recording.h"
#include "threads.h"

static unsigned rounds = 300;

typedef struct deed {
    const char *name;
    void (*do_it)(ws_session *session);
} deed;

static void expect_one_of(ws_status status, const ws_status *expected)
{
    for (; *expected != 1; expected++)
        if (status == *expected)
            return;
    fprintf(stderr, "%s was not expected\n", ws_status_name(status));
    abort();
}

#define EXPECT(call, ...) expect_one_of((call), (const ws_status[]){__VA_ARGS__, 1})

static void ref_and_free(ws_session *session)
{
    for (int i = 0; i < 5; i++) {
        CHECK(ws_session_ref(session) == session);
        ws_session_free(session);
    }
}

static void close_it(ws_session *session)
{
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
}

static void abort_it(ws_session *session)
{
    CHECK_OK(ws_abort(session));
}

static void send_on_it(ws_session *session)
{
    EXPECT(ws_send_text(session, "hello", 5), WS_OK, WS_ERR_STATE, WS_ERR_ABORTED, WS_ERR_CLOSED, WS_ERR_IO);
    EXPECT(ws_flush(session, 0), WS_OK, WS_ERR_STATE, WS_ERR_ABORTED, WS_ERR_CLOSED, WS_ERR_IO, WS_ERR_TIMEOUT);
}

static void receive_from_it(ws_session *session)
{
    ws_frame *frame = (ws_frame *)session;
    ws_status status = ws_recv(session, &frame, 0);
    EXPECT(status, WS_OK, WS_ERR_TIMEOUT, WS_ERR_STATE, WS_ERR_ABORTED, WS_ERR_CLOSED, WS_ERR_IO);
    CHECK((status == WS_OK) == (frame != NULL));
    ws_frame_free(frame);
}

static void nothing(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)session, (void)frame, (void)user_data;
}

static void take_its_messages(ws_session *session)
{
    EXPECT(ws_recv_callback(session, nothing, NULL, NULL), WS_OK, WS_ERR_STATE, WS_ERR_ABORTED);
}

static void watch_it(ws_session *session)
{
    int fd = ws_event_fd(session);
    CHECK(fd < 0 || ws_event_fd(session) == fd);
}

static void look_at_it(ws_session *session)
{
    ws_close_info reason = {.struct_size = sizeof reason};
    ws_stats stats = {.struct_size = sizeof stats};
    EXPECT(ws_get_close_info(session, &reason), WS_OK, WS_ERR_STATE);
    EXPECT(ws_get_stats(session, &stats), WS_OK, WS_ERR_STATE, WS_ERR_ABORTED);
    (void)ws_error_message(ws_session_error(session));
    (void)ws_state(session);
    (void)ws_request_url(session);
    (void)ws_extension_count(session);
}

static void wait_for_it(ws_session *session)
{
    EXPECT(ws_wait_open(session, 0, NULL), WS_OK, WS_ERR_TIMEOUT, WS_ERR_ABORTED);
    EXPECT(ws_wait_closed(session, 0), WS_OK, WS_ERR_TIMEOUT);
    CHECK_OK(ws_interrupt(session));
}

static const deed deeds[] = {
    {"ref and free", ref_and_free}, {"close", close_it},          {"abort", abort_it},
    {"send", send_on_it},           {"receive", receive_from_it}, {"ws_recv_callback", take_its_messages},
    {"ws_event_fd", watch_it},      {"look", look_at_it},         {"wait", wait_for_it},
};

enum { DEEDS = sizeof deeds / sizeof deeds[0] };

typedef struct doer {
    pthread_barrier_t *barrier;
    const deed *what;
    ws_session *session;
    unsigned delay;
} doer;

/* Its handle may be the last. */
static void *do_and_free(void *argument)
{
    doer *self = argument;
    (void)pthread_barrier_wait(self->barrier);
    for (unsigned i = 0; i < self->delay; i++)
        sched_yield();
    self->what->do_it(self->session);
    ws_session_free(self->session);
    return NULL;
}

/* While the session is opened, or when it is open. */
static void on_a_session(unsigned round)
{
    record *calls = new_record(NULL);
    ws_config *config = round / 2 % 3 == 0 ? record_all(calls) : record_all_but_frames(calls);
    ws_group *group = round / 2 % 3 == 1 ? ws_group_new() : NULL;
    CHECK_OK(ws_config_set_group(config, group));
    ws_session *session = NULL;
    CHECK_OK(ws_connect_async(environment("ECHO_WS_URL"), config, &session));
    if (round % 2 == 0)
        CHECK_OK(ws_wait_open(session, PATIENCE_MS, NULL));
    pthread_barrier_t barrier;
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 2), 0);
    doer doers[2];
    pthread_t threads[2];
    CHECK(ws_session_ref(session) == session);
    for (unsigned i = 0; i < 2; i++) {
        unsigned which = i == 0 ? round % DEEDS : round / DEEDS % DEEDS;
        doers[i] =
            (doer){.barrier = &barrier, .what = &deeds[which], .session = session, .delay = round * (i + 3) % 40};
        start(&threads[i], do_and_free, &doers[i]);
    }
    join(threads[0]);
    join(threads[1]);
    CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
    ws_config_free(config);
    wait_for_calls(calls, 'd', 1);
    CHECK_EQ(calls->counts['c'], 1);
    CHECK(calls->counts['o'] <= 1);
    CHECK(calls->calls[strlen(calls->calls) - 2] == 'c');
    free(calls);
    ws_group_free(group);
}

typedef struct connector {
    ws_config *config;
    ws_status status;
    ws_session *session;
} connector;

static void *connect_in_thread(void *argument)
{
    connector *self = argument;
    self->session = (ws_session *)argument;
    self->status = ws_connect(environment("ECHO_WS_URL"), self->config, &self->session, NULL);
    return NULL;
}

/* The session is aborted, or there is none: nothing is left open in a group that is gone. */
static void a_group_freed_while_connecting(unsigned round, int close_first)
{
    record *calls = new_record(NULL);
    ws_group *group = ws_group_new();
    connector self = {.config = record_all_but_frames(calls)};
    pthread_t thread;
    CHECK_OK(ws_config_set_group(self.config, group));
    start(&thread, connect_in_thread, &self);
    for (unsigned i = 0; i < round % 50; i++)
        sched_yield();
    if (close_first)
        EXPECT(ws_group_close(group, WS_CLOSE_NORMAL, NULL, 0, PATIENCE_MS), WS_OK);
    ws_group_free(group);
    join(thread);
    if (self.status == WS_OK) {
        CHECK_OK(ws_wait_closed(self.session, PATIENCE_MS));
        ws_session_free(self.session);
    } else {
        EXPECT(self.status, WS_ERR_STATE, WS_ERR_ABORTED);
        CHECK(self.session == NULL);
    }
    ws_config_free(self.config);
    expect_calls(calls, self.status == WS_OK ? "ocd" : "d");
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    if (small)
        rounds = 60;
    /* The first session also makes what stays. */
    on_a_session(0);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    int descriptors = count_entries("/proc/self/fd");
    for (unsigned round = 0; round < (small ? 2 * DEEDS : 4 * DEEDS * DEEDS); round++)
        on_a_session(small ? round * 5 : round);
    for (unsigned round = 0; round < rounds; round++)
        a_group_freed_while_connecting(round, round % 2 == 0);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_back_at("/proc/self/fd", descriptors);
    return 0;
}
