/* When messages go out: ws_flush, ws_buffered_amount, WS_SEND_CORK and coalescing. */

#define _GNU_SOURCE
#include "steered.h"

enum { SIZE = 16000, OUTGOING_BYTES = 20 << 20 };

static char payload[SIZE + 1];

static ws_status send_numbered(ws_session *session, unsigned number, size_t size, uint32_t flags, int64_t timeout_ms)
{
    memset(payload, 'x', sizeof payload);
    size_t length = (size_t)snprintf(payload, sizeof payload, "%u", number);
    if (size > length)
        payload[length] = ' ';
    return ws_send(session, WS_FRAME_TEXT, payload, size > length ? size : length, flags, timeout_ms);
}

/* Far more than the kernel takes while the server does not read. */
static void flushing_waits_for_the_kernel(transport how)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_outgoing_queue(config, 0, OUTGOING_BYTES, WS_QUEUE_WAIT));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    CHECK_EQ(ws_buffered_amount(session), 0);
    CHECK_OK(ws_flush(session, 0));

    STEER("read off");
    unsigned accepted = 0;
    ws_status status;
    while ((status = send_numbered(session, accepted, SIZE, 0, 0)) == WS_OK) {
        accepted++;
        CHECK(ws_buffered_amount(session) <= OUTGOING_BYTES);
    }
    CHECK_STATUS(status, WS_ERR_TIMEOUT);
    CHECK(accepted > OUTGOING_BYTES / (SIZE + 14));
    CHECK(ws_buffered_amount(session) > OUTGOING_BYTES / 2);
    CHECK_STATUS(ws_flush(session, 0), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_flush(session, 50), WS_ERR_TIMEOUT);
    CHECK(ws_buffered_amount(session) > OUTGOING_BYTES / 2);

    STEER("read on");
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_EQ(ws_buffered_amount(session), 0);
    CHECK_STR(server("in_order %u %d", accepted, SIZE), "yes");
    CHECK_OK(send_numbered(session, accepted, SIZE, 0, PATIENCE_MS));
    CHECK_OK(ws_flush(session, -1));
    CHECK_EQ(ws_buffered_amount(session), 0);
    STEER("texts 1");
    expect_numbered(session, 0, 0);
    CHECK_STR(server("in_order %u %d", accepted + 1, SIZE), "yes");
    close_and_free(session);
}

/* What was flushed outlives the session, for the kernel has it. */
static void the_kernel_has_what_was_flushed(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    STEER("read off");
    unsigned flushed = 0;
    do {
        CHECK_OK(send_numbered(session, flushed, SIZE, 0, 0));
        if (ws_flush(session, 0) != WS_OK)
            break;
        CHECK_EQ(ws_buffered_amount(session), 0);
        flushed++;
    } while (1);
    CHECK_OK(ws_abort(session));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    STEER("read on");
    server("end");
    int received = atoi(server("received"));
    CHECK(received >= (int)flushed);
    CHECK_STR(server("in_order %d %d", received, SIZE), "yes");
    ws_session_free(session);
}

/* A message that was kept back comes with what follows it, and in its place. */
static void corked_messages_come_with_the_next_call(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    unsigned sent = 0;
    char into[16];
    size_t size;
    ws_frame *frame = NULL;
    ws_message item = {.data = "9", .size = 1, .type = WS_FRAME_TEXT};

    CHECK_OK(send_numbered(session, sent++, 0, WS_SEND_CORK, 0));
    CHECK_OK(send_numbered(session, sent++, 0, 0, 0));
    CHECK_STR(server("in_order %u", sent), "yes");

    CHECK_OK(send_numbered(session, sent++, 0, WS_SEND_CORK, 0));
    CHECK_OK(send_numbered(session, sent++, 0, WS_SEND_CORK, 0));
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_EQ(ws_buffered_amount(session), 0);
    CHECK_STR(server("in_order %u", sent), "yes");

    /* Receiving sends it: else no echo would come. */
    STEER("echo");
    CHECK_OK(send_numbered(session, sent++, 0, WS_SEND_CORK, 0));
    expect_text(session, "4");
    CHECK_OK(send_numbered(session, sent++, 0, WS_SEND_CORK, 0));
    CHECK_OK(ws_recv_into(session, into, sizeof into, &size, NULL, PATIENCE_MS));
    CHECK_EQ(into[0], '5');
    CHECK_OK(send_numbered(session, sent++, 0, WS_SEND_CORK, 0));
    CHECK_OK(ws_recv_batch(session, &frame, 1, &size, PATIENCE_MS));
    CHECK_STR((const char *)frame->data, "6");
    ws_frame_free(frame);

    /* By itself. */
    CHECK_OK(send_numbered(session, sent++, 0, WS_SEND_CORK, 0));
    CHECK_STR(server("in_order %u", sent), "yes");
    expect_text(session, "7");
    CHECK_OK(send_numbered(session, sent++, 0, WS_SEND_CORK, 0));
    CHECK_OK(ws_send_batch(session, &item, 1, NULL, 0));
    sent++;
    CHECK_STR(server("in_order %u", sent), "yes");
    item = (ws_message){.data = "10", .size = 2, .type = WS_FRAME_TEXT, .flags = WS_SEND_CORK};
    CHECK_OK(ws_send_batch(session, &item, 1, NULL, 0));
    sent++;
    CHECK_STR(server("in_order %u", sent), "yes");

    CHECK_OK(send_numbered(session, sent++, 0, WS_SEND_CORK, 0));
    CHECK_OK(ws_close(session, 4000, NULL, 0));
    CHECK_STR(server("close_code"), "4000");
    CHECK_STR(server("in_order %u", sent), "yes");
    CHECK_STR(server("frames %u", sent + 1), "T12 X");
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
}

static ws_session *connect_coalescing(transport how, int32_t on)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_coalescing(config, on));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    return session;
}

/* Whoever looks at once sees it still waiting: not every time, but now and then. */
static void corked_messages_are_kept_back(transport how, int32_t coalescing)
{
    ws_session *session = connect_coalescing(how, coalescing);
    unsigned kept_back = 0, sent = 0;
    while (kept_back < 10) {
        CHECK_OK(send_numbered(session, sent++, 0, WS_SEND_CORK, PATIENCE_MS));
        kept_back += ws_buffered_amount(session) > 0;
        CHECK_OK(ws_flush(session, PATIENCE_MS));
        CHECK(sent < 10000);
    }
    CHECK_STR(server("in_order %u", sent), "yes");
    close_and_free(session);
}

static void without_coalescing_nothing_is_kept_back(transport how)
{
    ws_session *session = connect_coalescing(how, 0);
    for (unsigned sent = 0; sent < 500; sent++) {
        CHECK_OK(send_numbered(session, sent, 20, 0, 0));
        CHECK_EQ(ws_buffered_amount(session), 0);
    }
    CHECK_STR(server("in_order 500 20"), "yes");
    close_and_free(session);
}

/* Streaks of every length up to a long one: the last message needs no further call to arrive. */
static void streaks_arrive_by_themselves(transport how, int32_t coalescing)
{
    ws_session *session = connect_coalescing(how, coalescing);
    unsigned sent = 0;
    for (unsigned streak = 1; streak <= 4096; streak *= 2) {
        for (unsigned i = 0; i < streak; i++)
            CHECK_OK(send_numbered(session, sent++, 20, 0, PATIENCE_MS));
        CHECK_STR(server("in_order %u 20", sent), "yes");
        CHECK_OK(send_numbered(session, sent++, 20, 0, PATIENCE_MS));
        CHECK_STR(server("in_order %u 20", sent), "yes");
    }
    /* Small ones that are kept back do not let a large one pass. */
    STEER("echo");
    for (unsigned i = 0; i < 300; i++) {
        static char large[40000];
        memset(large, 'l', sizeof large);
        CHECK_OK(ws_send_text(session, "a", 1));
        CHECK_OK(ws_send_text(session, "b", 1));
        CHECK_OK(ws_send_binary(session, large, i % 100 == 0 ? sizeof large : 1));
        expect_text(session, "a");
        expect_text(session, "b");
        expect_message(session, WS_FRAME_TEXT, large, i % 100 == 0 ? sizeof large : 1);
    }
    close_and_free(session);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        flushing_waits_for_the_kernel(how);
        the_kernel_has_what_was_flushed(how);
        corked_messages_come_with_the_next_call(how);
        for (int32_t coalescing = 0; coalescing <= 1; coalescing++) {
            corked_messages_are_kept_back(how, coalescing);
            streaks_arrive_by_themselves(how, coalescing);
        }
        without_coalescing_nothing_is_kept_back(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
