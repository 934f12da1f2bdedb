/* ws_recv with a timeout of 0 on a session with an event descriptor, while the library reads in the background: the
 * call sleeps until the library stops reading, and returns the message that it has decoded, or WS_ERR_TIMEOUT. An
 * extension keeps the library reading for as long as the test needs. */

#define _GNU_SOURCE
#include "recording.h"
#include "threads.h"
#include "watching.h"

enum { ROUNDS = 20, CALLERS = 3, SLEEPS = 3 };

static sem_t decoding, may_decode;

static int32_t encode(void *instance, const ws_extension_piece *piece, uint32_t *rsv, ws_sink *output)
{
    (void)instance;
    *rsv = 0;
    return ws_sink_write(output, piece->data, piece->size);
}

static int32_t decode(void *instance, const ws_extension_piece *piece, ws_sink *output)
{
    (void)instance;
    if (piece->size != 0) {
        CHECK_EQ(sem_post(&decoding), 0);
        wait_for(&may_decode);
    }
    return ws_sink_write(output, piece->data, piece->size);
}

static ws_session *connect_slow(void)
{
    ws_extension_vtable extension = {
        .struct_size = sizeof extension,
        .name = "x-slow",
        .encode = encode,
        .decode = decode,
    };
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_install_extension(config, &extension, NULL));
    ws_session *session = connect_steered_at("extension", config);
    ws_config_free(config);
    CHECK_EQ(ws_extension_count(session), 1);
    event_fd_of(session);
    return session;
}

/* A thread that makes the call. */
typedef struct poller {
    pthread_t thread;
    ws_session *session;
    atomic_int thread_id, has_returned;
    ws_status status;
    char text[16];
} poller;

static void *receive_without_waiting(void *argument)
{
    poller *self = argument;
    ws_frame *frame = NULL;
    atomic_store(&self->thread_id, (int)gettid());
    self->status = ws_recv(self->session, &frame, 0);
    atomic_store(&self->has_returned, 1);
    if (frame != NULL)
        snprintf(self->text, sizeof self->text, "%s", (const char *)frame->data);
    ws_frame_free(frame);
    return NULL;
}

/* How often a thread has given up its processor to wait; -1 once it has ended. */
static long count_sleeps(int thread_id)
{
    char path[64], line[128];
    long count = -1;
    snprintf(path, sizeof path, "/proc/self/task/%d/status", thread_id);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -1;
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "voluntary_ctxt_switches: %ld", &count) != 1)
        continue;
    fclose(file);
    return count;
}

/* Returns once the call has slept a few times, as it looks for itself whether the library still reads. */
static void wait_until_it_sleeps(poller *self)
{
    int thread_id;
    while ((thread_id = atomic_load(&self->thread_id)) == 0)
        sched_yield();
    long before = count_sleeps(thread_id);
    CHECK(!atomic_load(&self->has_returned));
    for (int waited_ms = 0; count_sleeps(thread_id) < before + SLEEPS; waited_ms++) {
        CHECK(!atomic_load(&self->has_returned));
        CHECK(waited_ms < PATIENCE_MS);
        poll(NULL, 0, 1);
    }
}

static void start_polling(poller *callers, int count, ws_session *session)
{
    for (int i = 0; i < count; i++) {
        callers[i] = (poller){.session = session};
        start(&callers[i].thread, receive_without_waiting, &callers[i]);
    }
    for (int i = 0; i < count; i++)
        wait_until_it_sleeps(&callers[i]);
}

static void expect_message_now(ws_session *session, unsigned number)
{
    ws_frame *frame = NULL;
    CHECK_OK(ws_recv(session, &frame, 0));
    CHECK_EQ(atoi((const char *)frame->data), number);
    ws_frame_free(frame);
}

/* One of the calls returns the message. If the library stops reading just when all of them look, the next call does. */
static void a_message(ws_session *session, unsigned number, int count)
{
    poller callers[CALLERS];
    int received = 0;
    STEER("texts 1");
    wait_for(&decoding);
    start_polling(callers, count, session);
    CHECK_EQ(sem_post(&may_decode), 0);
    for (int i = 0; i < count; i++) {
        join(callers[i].thread);
        if (callers[i].status == WS_OK) {
            CHECK_EQ(atoi(callers[i].text), number);
            received++;
        } else {
            CHECK_STATUS(callers[i].status, WS_ERR_TIMEOUT);
        }
    }
    if (received == 0)
        expect_message_now(session, number);
    CHECK(received <= 1);
}

/* What the library has decoded is no whole message. */
static void a_part_of_a_message(ws_session *session, scripted *peer)
{
    poller waiting;
    write_text(peer, 20, 2, 0);
    /* The header and the payload of the first fragment. */
    release(peer, 2 + 10);
    wait_for(&decoding);
    start_polling(&waiting, 1, session);
    CHECK_EQ(sem_post(&may_decode), 0);
    join(waiting.thread);
    CHECK_STATUS(waiting.status, WS_ERR_TIMEOUT);
    /* The reader decodes the other one. */
    CHECK_EQ(sem_post(&may_decode), 0);
    release(peer, peer->bytes - peer->released);
    ws_frame *frame = NULL;
    CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
    CHECK_EQ(frame->size, 20);
    ws_frame_free(frame);
    wait_for(&decoding);
}

int main(void)
{
    CHECK_EQ(sem_init(&decoding, 0, 0), 0);
    CHECK_EQ(sem_init(&may_decode, 0, 0), 0);
    ws_session *session = connect_slow();
    for (unsigned round = 0; round < ROUNDS; round++)
        a_message(session, round, round % 2 == 0 ? 1 : CALLERS);
    ws_session_free(session);

    scripted peer;
    session = connect_slow();
    begin_script(&peer, session);
    for (unsigned round = 0; round < ROUNDS; round++)
        a_part_of_a_message(session, &peer);
    ws_session_free(session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
