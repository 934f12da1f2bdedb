/* What happens to a session while a function of an extension of its runs: it is closed, aborted, loses its connection, and
 * the function calls the library. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"
#include <semaphore.h>

/* An extension that leaves messages as they are. */
typedef struct plain {
    sem_t encodes, decodes, goes_on;
    atomic_int holds_encode, holds_decode;
    /* Whose calls are tried in the functions. */
    atomic_uintptr_t calls;
    atomic_int tried;
} plain;

static void wait_for(sem_t *semaphore)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    CHECK_EQ(sem_clockwait(semaphore, CLOCK_REALTIME, &until), 0);
}

/* Each of them would wait for what the calling thread has locked, or could. */
static void try_calls(plain *self)
{
    ws_session *session = (ws_session *)atomic_load(&self->calls);
    if (session == NULL)
        return;
    ws_frame *frame = NULL;
    char buffer[8];
    size_t size = 0;
    const ws_message message = {.data = "x", .size = 1, .type = WS_FRAME_TEXT};
    ws_stats statistics = {.struct_size = sizeof statistics};
    CHECK_STATUS(ws_send_text(session, "x", 1), WS_ERR_STATE);
    CHECK_STATUS(ws_send(session, WS_FRAME_BINARY, "x", 1, 0, -1), WS_ERR_STATE);
    CHECK_STATUS(ws_send_batch(session, &message, 1, NULL, -1), WS_ERR_STATE);
    CHECK_STATUS(ws_send(session, WS_FRAME_PING, "x", 1, 0, -1), WS_ERR_STATE);
    CHECK_STATUS(ws_flush(session, -1), WS_ERR_STATE);
    CHECK_STATUS(ws_recv(session, &frame, -1), WS_ERR_STATE);
    CHECK_STATUS(ws_recv_into(session, buffer, sizeof buffer, &size, NULL, -1), WS_ERR_STATE);
    CHECK_STATUS(ws_recv_batch(session, &frame, 1, &size, -1), WS_ERR_STATE);
    CHECK_STATUS(ws_close(session, WS_CLOSE_NORMAL, NULL, 0), WS_ERR_STATE);
    CHECK_STATUS(ws_wait_closed(session, -1), WS_ERR_STATE);
    CHECK_STATUS(ws_abort(session), WS_ERR_STATE);
    CHECK_STATUS(ws_get_stats(session, &statistics), WS_ERR_STATE);
    atomic_fetch_add(&self->tried, 1);
}

static int32_t encode(void *instance, const ws_extension_piece *piece, uint32_t *rsv, ws_sink *output)
{
    plain *self = instance;
    *rsv = 0;
    try_calls(self);
    if (atomic_load(&self->holds_encode)) {
        sem_post(&self->encodes);
        wait_for(&self->goes_on);
    }
    return ws_sink_write(output, piece->data, piece->size);
}

static int32_t decode(void *instance, const ws_extension_piece *piece, ws_sink *output)
{
    plain *self = instance;
    try_calls(self);
    if (atomic_load(&self->holds_decode)) {
        sem_post(&self->decodes);
        wait_for(&self->goes_on);
    }
    return ws_sink_write(output, piece->data, piece->size);
}

static int32_t negotiate(void *user_data, const char *parameters, void **instance)
{
    CHECK_STR(parameters, "");
    *instance = user_data;
    return WS_OK;
}

static ws_session *connect_plainly(plain *self, ws_config *config)
{
    const ws_extension_vtable functions = {.struct_size = sizeof functions,
                                           .name = "x-plain",
                                           .negotiate = negotiate,
                                           .encode = encode,
                                           .decode = decode};
    memset(self, 0, sizeof *self);
    CHECK_EQ(sem_init(&self->encodes, 0, 0), 0);
    CHECK_EQ(sem_init(&self->decodes, 0, 0), 0);
    CHECK_EQ(sem_init(&self->goes_on, 0, 0), 0);
    CHECK(config != NULL);
    CHECK_OK(ws_config_install_extension(config, &functions, self));
    ws_session *session = connect_steered_at("extension", config);
    ws_config_free(config);
    CHECK_EQ(ws_extension_count(session), 1);
    return session;
}

static ws_status send_text(ws_session *session)
{
    return ws_send(session, WS_FRAME_TEXT, "late", 4, 0, -1);
}

static ws_status send_fragment(ws_session *session)
{
    return ws_send(session, WS_FRAME_BINARY, "late", 4, WS_SEND_MORE, -1);
}

static ws_status send_batch(ws_session *session)
{
    const ws_message items[2] = {{.data = "late", .size = 4, .type = WS_FRAME_TEXT},
                                 {.data = "later", .size = 5, .type = WS_FRAME_TEXT}};
    size_t accepted = 9;
    ws_status status = ws_send_batch(session, items, 2, &accepted, -1);
    CHECK_EQ(accepted, 0);
    return status;
}

/* Nothing goes out behind our Close, and nothing is taken that does not go out. */
static void closing_while_a_message_is_encoded(void)
{
    static ws_status (*const calls[])(ws_session *) = {send_text, send_fragment, send_batch};
    for (int i = 0; i < 3; i++) {
        plain extension;
        ws_session *session = connect_plainly(&extension, ws_config_new());
        CHECK_OK(ws_send_text(session, "before", 6));
        atomic_store(&extension.holds_encode, 1);
        caller sender;
        start_call(&sender, calls[i], session);
        wait_for(&extension.encodes);
        /* It does not wait for the encoder. */
        CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
        sem_post(&extension.goes_on);
        expect_result(&sender, WS_ERR_CLOSED);
        CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
        CHECK_STR(server("end"), "fin");
        CHECK_STR(server("frames 2"), "T X");
        CHECK_STR(server("received"), "1 messages");
        ws_stats statistics = {.struct_size = sizeof statistics};
        CHECK_OK(ws_get_stats(session, &statistics));
        CHECK_EQ(statistics.messages_sent, 1);
        ws_session_free(session);
    }
}

static void aborting_while_a_message_is_encoded(void)
{
    plain extension;
    ws_session *session = connect_plainly(&extension, ws_config_new());
    atomic_store(&extension.holds_encode, 1);
    caller sender;
    start_call(&sender, send_text, session);
    wait_for(&extension.encodes);
    CHECK_OK(ws_abort(session));
    sem_post(&extension.goes_on);
    expect_result(&sender, WS_ERR_ABORTED);
    ws_session_free(session);
}

/* A message that was being encoded goes to the next connection, whole. */
static void losing_the_connection_while_a_message_is_encoded(void)
{
    for (uint32_t flags = 0; flags <= WS_RECONNECT_KEEP_UNSENT; flags += WS_RECONNECT_KEEP_UNSENT) {
        plain extension;
        ws_config *config = ws_config_new();
        const ws_reconnect_options options = {
            .struct_size = sizeof options, .first_delay_ms = 1, .max_delay_ms = 1, .flags = flags};
        CHECK_OK(ws_config_set_reconnect(config, &options));
        ws_session *session = connect_plainly(&extension, config);
        int connections = atoi(server("connections"));
        atomic_store(&extension.holds_encode, 1);
        caller sender;
        start_call(&sender, send_text, session);
        wait_for(&extension.encodes);
        STEER("reset");
        while (ws_state(session) != WS_STATE_CONNECTING)
            sched_yield();
        atomic_store(&extension.holds_encode, 0);
        sem_post(&extension.goes_on);
        expect_result(&sender, WS_OK);
        while (atoi(server("connections")) == connections)
            sched_yield();
        CHECK_STR(server("message 0"), "late");
        STEER("echo");
        CHECK_OK(ws_send_text(session, "behind", 6));
        expect_text(session, "behind");
        CHECK_STR(server("received"), "2 messages");
        close_and_free(session);
    }
}

/* Messages that are kept are encoded anew for the next connection. Others can use the session meanwhile. */
static void sending_again(void)
{
    plain extension;
    ws_config *config = ws_config_new();
    const ws_reconnect_options options = {.struct_size = sizeof options,
                                          .first_delay_ms = 1,
                                          .max_delay_ms = 1,
                                          .flags = WS_RECONNECT_KEEP_UNSENT};
    static const char large[8 << 20];
    CHECK_OK(ws_config_set_reconnect(config, &options));
    CHECK_OK(ws_config_set_outgoing_queue(config, 0, 2 * sizeof large, WS_QUEUE_WAIT));
    ws_session *session = connect_plainly(&extension, config);
    int connections = atoi(server("connections"));
    STEER("read off");
    CHECK_OK(ws_send_binary(session, large, sizeof large));
    CHECK_OK(ws_send_text(session, "kept", 4));
    CHECK_EQ(ws_flush(session, 0), WS_ERR_TIMEOUT);
    atomic_store(&extension.holds_encode, 1);
    STEER("reset");
    wait_for(&extension.encodes);
    /* The first one is being encoded again. */
    CHECK(ws_buffered_amount(session) > sizeof large);
    CHECK_EQ(ws_state(session), WS_STATE_CONNECTING);
    CHECK_OK(ws_send_text(session, "meanwhile", 9));
    CHECK_EQ(ws_flush(session, 0), WS_ERR_TIMEOUT);
    atomic_store(&extension.holds_encode, 0);
    sem_post(&extension.goes_on);
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_EQ(atoi(server("connections")), connections + 1);
    CHECK_STR(server("message 1"), "kept");
    CHECK_STR(server("message 2"), "meanwhile");
    CHECK_STR(server("received"), "3 messages");
    ws_stats statistics = {.struct_size = sizeof statistics};
    CHECK_OK(ws_get_stats(session, &statistics));
    CHECK_EQ(statistics.messages_sent, 3);
    close_and_free(session);
}

static void calls_in_the_functions(void)
{
    plain extension;
    ws_session *session = connect_plainly(&extension, ws_config_new());
    STEER("echo");
    atomic_store(&extension.calls, (uintptr_t)session);
    CHECK_OK(ws_send_text(session, "hello", 5));
    CHECK_EQ(atomic_load(&extension.tried), 1);
    /* By a thread of the application, */
    expect_text(session, "hello");
    CHECK_EQ(atomic_load(&extension.tried), 2);
    CHECK_OK(ws_send_text(session, "again", 5));
    /* and by one of the library. */
    while (atomic_load(&extension.tried) < 4)
        sched_yield();
    expect_text(session, "again");
    atomic_store(&extension.calls, 0);
    close_and_free(session);
}

static void *abort_it(void *session)
{
    CHECK_OK(ws_abort(session));
    return NULL;
}

static ws_status receive_into_little(ws_session *session)
{
    char buffer[3];
    size_t size = 0;
    ws_status status = ws_recv_into(session, buffer, sizeof buffer, &size, NULL, -1);
    CHECK_EQ(size, 5);
    return status;
}

static void fill_the_queue(ws_session *session)
{
    static char large[64 * 1024];
    ws_status status = WS_OK;
    STEER("read off");
    while (status == WS_OK)
        status = ws_send_binary(session, large, sizeof large);
    CHECK_STATUS(status, WS_ERR_OVERFLOW);
}

/* "It stays for the next call", also where the session ends before the thread that has decoded it has put it back. */
static void a_message_that_does_not_fit_stays(ws_status end)
{
    plain extension;
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_outgoing_queue(config, 1, 0, WS_QUEUE_CLOSE));
    ws_session *session = connect_plainly(&extension, config);
    caller receiver;
    start_blocked(&receiver, receive_into_little, session);
    atomic_store(&extension.holds_decode, 1);
    STEER("texts 1 5");
    wait_for(&extension.decodes);
    pthread_t aborting;
    if (end == WS_ERR_ABORTED)
        start(&aborting, abort_it, session);
    else
        fill_the_queue(session);
    while (ws_session_error(session) == NULL)
        sched_yield();
    sem_post(&extension.goes_on);
    expect_result(&receiver, WS_ERR_BUFFER_TOO_SMALL);
    if (end == WS_ERR_ABORTED)
        join(aborting);
    char buffer[8];
    size_t size = 0;
    uint32_t type = 0;
    CHECK_STATUS(ws_recv_into(session, buffer, 4, &size, &type, 0), WS_ERR_BUFFER_TOO_SMALL);
    CHECK_EQ(size, 5);
    CHECK_OK(ws_recv_into(session, buffer, 5, &size, &type, 0));
    CHECK_EQ(size, 5);
    CHECK_EQ(memcmp(buffer, "0 xxx", 5), 0);
    CHECK_STATUS(ws_recv_into(session, buffer, 5, &size, &type, 0), end);
    ws_session_free(session);
}

int main(void)
{
    closing_while_a_message_is_encoded();
    aborting_while_a_message_is_encoded();
    losing_the_connection_while_a_message_is_encoded();
    sending_again();
    calls_in_the_functions();
    a_message_that_does_not_fit_stays(WS_ERR_ABORTED);
    a_message_that_does_not_fit_stays(WS_ERR_OVERFLOW);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
