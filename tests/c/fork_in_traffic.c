/* Forks while other threads send, receive and connect: the child can use the library, whatever those threads were at,
 * and they go on undisturbed. */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"

enum { FORKS = 60, TALKERS = 2, STREAMS = 2, CONNECTORS = 2, WORKERS = TALKERS + 2 * STREAMS + CONNECTORS };
/* As many messages of a stream are under way at most. */
enum { WINDOW = 64 };

/* Of all sessions, also the child's. */
static ws_config *config;
static atomic_int is_over;

/* A session that lives as long as the forks go on. */
typedef struct lasting {
    ws_session *session;
    known_socket connection;
    atomic_uint received;
} lasting;

static lasting sessions[TALKERS + STREAMS];

typedef struct worker {
    pthread_t thread;
    lasting *with;
    transport how;
    atomic_uint done;
} worker;

static worker workers[WORKERS];

static ws_session *connect_as_all(transport how)
{
    ws_session *session = NULL;
    CHECK_OK(ws_connect(environment(how == TLS ? "ECHO_WSS_URL" : "ECHO_WS_URL"), config, &session, NULL));
    return session;
}

static void *talk(void *argument)
{
    worker *self = argument;
    for (; !atomic_load(&is_over); atomic_fetch_add(&self->done, 1))
        echo_text(self->with->session, "to and fro");
    return NULL;
}

static void *send_a_stream(void *argument)
{
    worker *self = argument;
    for (unsigned sent = 0; !atomic_load(&is_over); sent = atomic_fetch_add(&self->done, 1) + 1) {
        while (sent >= atomic_load(&self->with->received) + WINDOW)
            sched_yield();
        CHECK_OK(ws_send(self->with->session, WS_FRAME_BINARY, &sent, sizeof sent, 0, PATIENCE_MS));
    }
    CHECK_OK(ws_close(self->with->session, WS_CLOSE_NORMAL, NULL, 0));
    return NULL;
}

static void *receive_a_stream(void *argument)
{
    worker *self = argument;
    ws_frame *frame = NULL;
    ws_status status;
    for (unsigned next = 0; (status = ws_recv(self->with->session, &frame, PATIENCE_MS)) == WS_OK; next++) {
        CHECK_EQ(frame->size, sizeof next);
        CHECK(memcmp(frame->data, &next, sizeof next) == 0);
        ws_frame_free(frame);
        atomic_fetch_add(&self->with->received, 1);
        atomic_fetch_add(&self->done, 1);
    }
    CHECK_STATUS(status, WS_ERR_CLOSED);
    return NULL;
}

static void *connect_again_and_again(void *argument)
{
    worker *self = argument;
    for (; !atomic_load(&is_over); atomic_fetch_add(&self->done, 1)) {
        ws_session *session = connect_as_all(self->how);
        echo_text(session, "for a moment");
        if (atomic_load(&self->done) % 2 == 0)
            CHECK_OK(ws_abort(session));
        else
            CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
        ws_session_free(session);
    }
    return NULL;
}

static void start_traffic(void)
{
    worker *next = workers;
    for (int i = 0; i < TALKERS + STREAMS; i++) {
        descriptor_set before = open_descriptors();
        sessions[i].session = connect_as_all(i % 2 == 0 ? PLAIN : TLS);
        sessions[i].connection = socket_opened_since(&before);
    }
    for (int i = 0; i < TALKERS; i++, next++) {
        next->with = &sessions[i];
        start(&next->thread, talk, next);
    }
    for (int i = TALKERS; i < TALKERS + STREAMS; i++, next += 2) {
        next[0].with = next[1].with = &sessions[i];
        start(&next[0].thread, send_a_stream, &next[0]);
        start(&next[1].thread, receive_a_stream, &next[1]);
    }
    for (int i = 0; i < CONNECTORS; i++, next++) {
        next->how = i % 2 == 0 ? PLAIN : TLS;
        start(&next->thread, connect_again_and_again, next);
    }
}

/* Until each of them has got on. */
static void let_traffic_flow(void)
{
    for (int i = 0; i < WORKERS; i++) {
        unsigned before = atomic_load(&workers[i].done);
        while (atomic_load(&workers[i].done) < before + 2)
            poll(NULL, 0, 1);
    }
}

static void in_the_child(void *argument)
{
    int *number = argument;
    for (int i = 0; i < TALKERS + STREAMS; i++) {
        ws_frame *frame = NULL;
        CHECK_STATUS(ws_send_text(sessions[i].session, "from the child", WS_NUL_TERMINATED), WS_ERR_FORKED);
        CHECK_STATUS(ws_recv(sessions[i].session, &frame, -1), WS_ERR_FORKED);
        CHECK_STATUS(ws_close(sessions[i].session, WS_CLOSE_NORMAL, NULL, 0), WS_ERR_FORKED);
        CHECK_STATUS(ws_abort(sessions[i].session), WS_ERR_FORKED);
        ws_session_free(sessions[i].session);
        CHECK(!is_open(sessions[i].connection));
    }
    if (*number % 3 == 0)
        CHECK_OK(ws_shutdown(PATIENCE_MS));
    for (transport how = PLAIN; how <= TLS; how++) {
        ws_session *own = connect_as_all(how);
        echo_text(own, "the child's own");
        close_and_free(own);
    }
    ws_config_free(config);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

int main(void)
{
    config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_add_tls_ca_file(config, environment("ECHO_CA_FILE")));
    start_traffic();
    for (int number = 0; number < FORKS; number++) {
        let_traffic_flow();
        expect_success(start_child(in_the_child, &number));
    }
    let_traffic_flow();
    atomic_store(&is_over, 1);
    for (int i = 0; i < WORKERS; i++)
        join(workers[i].thread);
    for (int i = 0; i < TALKERS + STREAMS; i++) {
        CHECK_OK(ws_close(sessions[i].session, WS_CLOSE_NORMAL, NULL, 0));
        CHECK_OK(ws_wait_closed(sessions[i].session, PATIENCE_MS));
        ws_session_free(sessions[i].session);
    }
    ws_config_free(config);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
