/* ws_shutdown ends sessions, calls and threads whatever they are at, and the library can be used again. With --small
 * less of it, for valgrind. */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"

enum { LARGE = 20 << 20, ROUNDS = 20, SMALL_ROUNDS = 2, BLOCKED = 5, BUSY = 4 };

static int threads_at_first;

static void expect_all_gone(void)
{
    expect_no_library_threads();
    expect_back_at("/proc/self/task", threads_at_first);
}

static void shut_down(void)
{
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_all_gone();
}

static void expect_usable(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        ws_session *session = connect_with(how, "", NULL);
        echo_text(session, "usable again");
        close_and_free(session);
    }
}

static ws_status send_one(ws_session *session)
{
    return ws_send(session, WS_FRAME_TEXT, "never", 5, 0, -1);
}

/* More is queued than the kernel takes, and the server does not read. */
static ws_session *connect_and_fill(transport how)
{
    static const char large[LARGE];
    ws_session *session = connect_with(how, "silent", NULL);
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, large, sizeof large, 0, 0));
    return session;
}

static void with_calls_blocked(transport how)
{
    static ws_status (*const calls[BLOCKED])(ws_session *) = {receive, receive_into, send_one, flush, wait_closed};
    caller waiting[BLOCKED], *in_an_idle_session = &waiting[0];
    ws_session *sessions[2] = {connect_and_fill(how), connect_with(how, "", NULL)};
    ws_frame *frame = NULL;
    for (int i = 0; i < BLOCKED; i++)
        start_call(&waiting[i], calls[i], sessions[i == 0]);
    wait_until_blocked(in_an_idle_session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    for (int i = 0; i < BLOCKED; i++)
        expect_result(&waiting[i], calls[i] == wait_closed ? WS_OK : WS_ERR_ABORTED);
    expect_all_gone();
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(ws_state(sessions[i]), WS_STATE_CLOSED);
        CHECK_STATUS(ws_send_text(sessions[i], "late", WS_NUL_TERMINATED), WS_ERR_ABORTED);
        CHECK_STATUS(ws_recv(sessions[i], &frame, -1), WS_ERR_ABORTED);
        /* Of the other one, everything is sent. */
        CHECK_STATUS(ws_flush(sessions[i], -1), i == 0 ? WS_ERR_ABORTED : WS_OK);
        CHECK_STATUS(ws_error_status(ws_session_error(sessions[i])), WS_ERR_ABORTED);
        CHECK_OK(ws_wait_closed(sessions[i], -1));
        CHECK_OK(ws_close(sessions[i], WS_CLOSE_NORMAL, NULL, 0));
        ws_session_free(sessions[i]);
    }
    expect_usable();
}

typedef struct busy {
    pthread_t thread;
    transport how;
    atomic_uint done;
    ws_status status;
} busy;

/* To and fro on one session until a call fails. */
static void *talk(void *argument)
{
    busy *self = argument;
    ws_session *session = connect_with(self->how, "", NULL);
    for (; self->status == WS_OK; atomic_fetch_add(&self->done, 1)) {
        ws_frame *frame = NULL;
        self->status = ws_send(session, WS_FRAME_TEXT, "to and fro", 10, 0, -1);
        if (self->status == WS_OK && (self->status = ws_recv(session, &frame, -1)) == WS_OK)
            CHECK_STR((const char *)frame->data, "to and fro");
        ws_frame_free(frame);
    }
    ws_session_free(session);
    return NULL;
}

/* Faster than the server answers, so that sends also wait. */
static void *pour(void *argument)
{
    static const char data[100000];
    busy *self = argument;
    ws_session *session = connect_with(self->how, "", NULL);
    for (; self->status == WS_OK; atomic_fetch_add(&self->done, 1)) {
        ws_frame *frame = NULL;
        self->status = ws_send(session, WS_FRAME_BINARY, data, sizeof data, 0, -1);
        for (ws_status status; (status = ws_recv(session, &frame, 0)) == WS_OK; ws_frame_free(frame))
            CHECK_EQ(frame->size, sizeof data);
    }
    ws_session_free(session);
    return NULL;
}

static void in_traffic(void)
{
    busy all[BUSY] = {{.how = PLAIN}, {.how = TLS}, {.how = PLAIN}, {.how = TLS}};
    for (int i = 0; i < BUSY; i++)
        start(&all[i].thread, i < 2 ? talk : pour, &all[i]);
    for (int i = 0; i < BUSY; i++)
        while (atomic_load(&all[i].done) < 10)
            sched_yield();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    for (int i = 0; i < BUSY; i++) {
        join(all[i].thread);
        CHECK_STATUS(all[i].status, WS_ERR_ABORTED);
    }
    expect_all_gone();
}

/* Until ws_connect says that it was ended. A session that it opened in time ends as well. */
static void *connect_until_aborted(void *argument)
{
    busy *self = argument;
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_add_tls_ca_file(config, environment("ECHO_CA_FILE")));
    const char *url = environment(self->how == TLS ? "ECHO_WSS_URL" : "ECHO_WS_URL");
    for (; self->status == WS_OK; atomic_fetch_add(&self->done, 1)) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        if ((self->status = ws_connect(url, config, &session, NULL)) != WS_OK)
            break;
        self->status = ws_send(session, WS_FRAME_TEXT, "hello", 5, 0, -1);
        if (self->status == WS_OK)
            self->status = ws_recv(session, &frame, -1);
        ws_frame_free(frame);
        ws_session_free(session);
    }
    ws_config_free(config);
    return NULL;
}

static void while_connecting(void)
{
    busy all[2] = {{.how = PLAIN}, {.how = TLS}};
    for (int i = 0; i < 2; i++)
        start(&all[i].thread, connect_until_aborted, &all[i]);
    while (atomic_load(&all[0].done) == 0 || atomic_load(&all[1].done) == 0)
        sched_yield();
    /* Whoever is between two sessions does not notice the first one, and starts the library anew. */
    for (int i = 0; i < 2; i++) {
        while (pthread_tryjoin_np(all[i].thread, NULL) != 0)
            CHECK_OK(ws_shutdown(PATIENCE_MS));
        CHECK_STATUS(all[i].status, WS_ERR_ABORTED);
    }
    shut_down();
}

typedef struct pair {
    pthread_barrier_t together;
    ws_session *sessions[2];
} pair;

/* For both of them all is over when the call returns, whoever came first. */
static void *shut_down_too(void *argument)
{
    pair *both = argument;
    int waited = pthread_barrier_wait(&both->together);
    CHECK(waited == 0 || waited == PTHREAD_BARRIER_SERIAL_THREAD);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    for (int i = 0; i < 2; i++)
        CHECK_EQ(ws_state(both->sessions[i]), WS_STATE_CLOSED);
    return NULL;
}

static void from_two_threads(void)
{
    pthread_t other;
    pair both = {.sessions = {connect_plain(""), connect_tls("")}};
    CHECK_EQ(pthread_barrier_init(&both.together, NULL, 2), 0);
    start(&other, shut_down_too, &both);
    shut_down_too(&both);
    join(other);
    expect_all_gone();
    CHECK_EQ(pthread_barrier_destroy(&both.together), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(receive(both.sessions[i]), WS_ERR_ABORTED);
        ws_session_free(both.sessions[i]);
    }
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    threads_at_first = count_entries("/proc/self/task");
    shut_down();
    shut_down();
    expect_usable();
    shut_down();
    shut_down();
    for (int round = 0; round < (small ? SMALL_ROUNDS : ROUNDS); round++) {
        with_calls_blocked(round % 2 == 0 ? PLAIN : TLS);
        in_traffic();
        while_connecting();
    }
    for (int round = 0; round < (small ? SMALL_ROUNDS : ROUNDS); round++)
        from_two_threads();
    expect_usable();
    shut_down();
    return 0;
}
