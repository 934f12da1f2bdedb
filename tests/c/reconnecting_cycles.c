/* Sessions that reconnect, received from in every way and ended in every stage: nothing of them is left, which valgrind
 * looks at as well. */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"
#include "watching.h"
#include <semaphore.h>

enum { FOR_EVER_MS = 3600 * 1000 };

typedef enum way { THREAD, DESCRIPTOR, CALLBACKS, GROUP, WAYS } way;

typedef enum stage { OPEN, DECIDING, WAITING, STAGES } stage;

typedef enum ending { CLOSE, ABORT, FREE, ENDINGS } ending;

/* What the functions below share with the test. */
typedef struct watcher {
    sem_t asked, goes_on, decided, has_frame, resumed, closed, dropped;
    atomic_int holds;
    atomic_llong delay_ms;
} watcher;

static void wait_for(sem_t *semaphore)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    CHECK_EQ(sem_timedwait(semaphore, &until), 0);
}

static int32_t decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
                      void *user_data)
{
    watcher *self = user_data;
    CHECK(session != NULL);
    CHECK(ws_error_message(why)[0] != '\0');
    CHECK(attempt >= 1);
    CHECK_EQ(suggested, 1);
    *delay_ms = atomic_load(&self->delay_ms);
    sem_post(&self->asked);
    if (atomic_load(&self->holds))
        sem_wait(&self->goes_on);
    sem_post(&self->decided);
    return 1;
}

static void on_frame(ws_session *session, const ws_frame *frame, void *user_data)
{
    CHECK(session != NULL);
    watcher *self = user_data;
    sem_post(frame->type == WS_FRAME_RESUMED ? &self->resumed : &self->has_frame);
}

static void on_close(ws_session *session, ws_status status, void *user_data)
{
    CHECK(session != NULL);
    CHECK(status != WS_OK);
    sem_post(&((watcher *)user_data)->closed);
}

static void drop(void *user_data)
{
    sem_post(&((watcher *)user_data)->dropped);
}

/* A text goes to the server and back. */
static void echo(ws_session *session, way how, ws_group *group, watcher *watching)
{
    STEER("echo");
    CHECK_OK(ws_send_text(session, "hello", WS_NUL_TERMINATED));
    ws_frame *frame = NULL;
    if (how == THREAD || how == DESCRIPTOR) {
        expect_text(session, "hello");
    } else if (how == CALLBACKS) {
        wait_for(&watching->has_frame);
    } else {
        ws_session *from = NULL;
        CHECK_OK(ws_group_recv(group, &from, &frame, PATIENCE_MS));
        CHECK(from == session);
        ws_frame_free(frame);
    }
}

static void expect_resumed(ws_session *session, way how, ws_group *group, watcher *watching)
{
    ws_frame *frame = NULL;
    if (how == CALLBACKS) {
        wait_for(&watching->resumed);
        return;
    }
    if (how == GROUP) {
        ws_session *from = NULL;
        CHECK_OK(ws_group_recv(group, &from, &frame, PATIENCE_MS));
        CHECK(from == session);
    } else {
        CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
    }
    CHECK_EQ(frame->type, WS_FRAME_RESUMED);
    ws_frame_free(frame);
}

static void one(transport kind, way how, uint32_t flags, stage where, ending end, int outages)
{
    watcher watching = {.holds = 0};
    sem_t *semaphores[] = {&watching.asked,       &watching.goes_on, &watching.decided, &watching.has_frame,
                           &watching.resumed, &watching.closed,  &watching.dropped};
    for (size_t i = 0; i < sizeof semaphores / sizeof *semaphores; i++)
        CHECK_EQ(sem_init(semaphores[i], 0, 0), 0);
    ws_reconnect_options options = {
        .struct_size = sizeof options, .flags = flags, .decide = decide, .user_data = &watching};
    ws_callbacks callbacks = {.struct_size = sizeof callbacks,
                              .on_frame = how == CALLBACKS ? on_frame : NULL,
                              .on_close = on_close,
                              .drop = drop};
    ws_group *group = how == GROUP ? ws_group_new() : NULL;
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_reconnect(config, &options));
    CHECK_OK(ws_config_set_deliver_events(config, WS_EVENT_RESUMED));
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, &watching));
    CHECK_OK(ws_config_set_group(config, group));
    ws_session *session = connect_steered(kind, config);
    ws_config_free(config);
    int fd = how == DESCRIPTOR ? event_fd_of(session) : -1;
    int set = fd >= 0 ? watch_by_epoll(fd) : -1;
    echo(session, how, group, &watching);

    for (int i = 0; i < outages; i++) {
        STEER("reset");
        wait_for(&watching.asked);
        expect_resumed(session, how, group, &watching);
        echo(session, how, group, &watching);
    }
    if (where != OPEN) {
        atomic_store(&watching.delay_ms, FOR_EVER_MS);
        atomic_store(&watching.holds, where == DECIDING);
        STEER("reset");
        wait_for(&watching.asked);
    }
    if (end == CLOSE)
        CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    else if (end == ABORT)
        CHECK_OK(ws_abort(session));
    if (end != FREE)
        CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK(fd < 0 || ws_event_fd(session) == fd);
    ws_session_free(session);
    if (fd >= 0)
        expect_gone(set, fd);
    sem_post(&watching.goes_on);
    for (int i = 0; i < outages + (where != OPEN); i++)
        wait_for(&watching.decided);
    wait_for(&watching.closed);
    wait_for(&watching.dropped);
    ws_group_free(group);
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    /* what the library and the test keep is there from the first session on */
    for (int how = THREAD; how < WAYS; how++)
        one(TLS, (way)how, 0, OPEN, CLOSE, 1);
    int descriptors = count_entries("/proc/self/fd");
    for (int how = THREAD; how < WAYS; how++)
        for (int where = OPEN; where < STAGES; where++)
            for (int end = CLOSE; end < ENDINGS; end++)
                for (uint32_t flags = 0; flags <= WS_RECONNECT_KEEP_UNSENT; flags++)
                    for (int kind = PLAIN; kind <= TLS; kind++) {
                        if (small && (uint32_t)(how + where + end + kind) % 2 != flags)
                            continue;
                        one((transport)kind, (way)how, flags, (stage)where, (ending)end, small ? 1 : 3);
                    }
    expect_back_at("/proc/self/fd", descriptors);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_no_library_threads();
    return 0;
}
