/* fork while a session has lost its connection: the child can only free it, and the parent's session comes back. */

#define _GNU_SOURCE
#include "process.h"
#include "steered.h"
#include "threads.h"
#include <semaphore.h>

enum { FOR_EVER_MS = 3600 * 1000 };

static pid_t parent;

/* Asked by LeakSanitizer: to a child, memory of the threads that it does not have looks lost. */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return getpid() != parent;
}

/* A decision that waits for the test. */
typedef struct decision {
    sem_t asked;
    sem_t goes_on;
    int64_t delay_ms;
} decision;

static int32_t decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
                      void *user_data)
{
    decision *self = user_data;
    CHECK(session != NULL);
    CHECK_EQ(ws_error_status(why), WS_ERR_IO);
    CHECK_EQ(attempt, 1);
    CHECK_EQ(suggested, 1);
    *delay_ms = self->delay_ms;
    sem_post(&self->asked);
    sem_wait(&self->goes_on);
    return 1;
}

static void wait_for(sem_t *semaphore)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    CHECK_EQ(sem_timedwait(semaphore, &until), 0);
}

static ws_session *connect_reconnecting(transport how, decision *deciding, int64_t delay_ms, uint32_t flags)
{
    *deciding = (struct decision){.delay_ms = delay_ms};
    CHECK_EQ(sem_init(&deciding->asked, 0, 0), 0);
    CHECK_EQ(sem_init(&deciding->goes_on, 0, 0), 0);
    ws_reconnect_options options = {
        .struct_size = sizeof options, .flags = flags, .decide = decide, .user_data = deciding};
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_reconnect(config, &options));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    STEER("echo");
    echo_text(session, "before");
    return session;
}

static void every_call_says_so(ws_session *inherited)
{
    ws_frame *frame = NULL;
    ws_stats statistics = {.struct_size = sizeof statistics};
    CHECK_EQ(ws_state(inherited), WS_STATE_CLOSED);
    CHECK_STATUS(ws_recv(inherited, &frame, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_send_text(inherited, "x", 1), WS_ERR_FORKED);
    CHECK_STATUS(ws_send(inherited, WS_FRAME_PING, NULL, 0, 0, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_flush(inherited, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_get_stats(inherited, &statistics), WS_ERR_FORKED);
    CHECK_STATUS(ws_wait_closed(inherited, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_close(inherited, WS_CLOSE_NORMAL, NULL, 0), WS_ERR_FORKED);
    CHECK_STATUS(ws_abort(inherited), WS_ERR_FORKED);
    CHECK_EQ(ws_event_fd(inherited), -1);
}

static void lose_and_come_back(ws_session *session, decision *deciding)
{
    STEER("reset");
    wait_for(&deciding->asked);
    sem_post(&deciding->goes_on);
    /* nothing tells of it: no callbacks are set */
    while (ws_state(session) != WS_STATE_OPEN)
        sched_yield();
    STEER("echo");
    echo_text(session, "behind");
}

static void free_it_and_have_an_own_one(void *inherited)
{
    decision own_decision;
    every_call_says_so(inherited);
    ws_session_free(inherited);
    ws_session *own = connect_reconnecting(PLAIN, &own_decision, 0, 0);
    lose_and_come_back(own, &own_decision);
    close_and_free(own);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

static void while_the_application_decides(transport how, uint32_t flags)
{
    decision deciding;
    ws_session *session = connect_reconnecting(how, &deciding, 0, flags);
    STEER("reset");
    wait_for(&deciding.asked);
    expect_success(start_child(free_it_and_have_an_own_one, session));
    CHECK_EQ(ws_state(session), WS_STATE_CONNECTING);
    sem_post(&deciding.goes_on);
    while (ws_state(session) != WS_STATE_OPEN)
        sched_yield();
    STEER("echo");
    echo_text(session, "behind");
    close_and_free(session);
}

static void while_it_waits_for_the_next_attempt(uint32_t flags)
{
    decision deciding;
    ws_session *session = connect_reconnecting(PLAIN, &deciding, FOR_EVER_MS, flags);
    STEER("reset");
    wait_for(&deciding.asked);
    sem_post(&deciding.goes_on);
    caller receiver;
    start_blocked(&receiver, receive, session);
    expect_success(start_child(free_it_and_have_an_own_one, session));
    CHECK_EQ(ws_state(session), WS_STATE_CONNECTING);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    expect_result(&receiver, WS_ERR_IO);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
}

int main(void)
{
    parent = getpid();
    for (uint32_t flags = 0; flags <= WS_RECONNECT_KEEP_UNSENT; flags++) {
        while_the_application_decides(PLAIN, flags);
        while_the_application_decides(TLS, flags);
        while_it_waits_for_the_next_attempt(flags);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
