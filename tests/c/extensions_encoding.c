/* While an extension encodes a message for long, what other threads ask of the session does not wait for it. */

#define _GNU_SOURCE
#include "recording.h"
#include "steered.h"
#include "threads.h"

static sem_t encoding, may_encode;

static int32_t encode(void *instance, const ws_extension_piece *piece, uint32_t *rsv, ws_sink *output)
{
    (void)instance;
    *rsv = 0;
    CHECK_EQ(sem_post(&encoding), 0);
    wait_for(&may_encode);
    return ws_sink_write(output, piece->data, piece->size);
}

static int32_t decode(void *instance, const ws_extension_piece *piece, ws_sink *output)
{
    (void)instance;
    return ws_sink_write(output, piece->data, piece->size);
}

static ws_status send_hello(ws_session *session)
{
    return ws_send_text(session, "hello", 5);
}

static ws_status send_again(ws_session *session)
{
    return ws_send(session, WS_FRAME_TEXT, "again", 5, 0, -1);
}

int main(void)
{
    CHECK_EQ(sem_init(&encoding, 0, 0), 0);
    CHECK_EQ(sem_init(&may_encode, 0, 0), 0);
    ws_extension_vtable slow = {.struct_size = sizeof slow, .name = "x-slow", .encode = encode, .decode = decode};
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_install_extension(config, &slow, NULL));
    char url[256];
    snprintf(url, sizeof url, "%sextension", environment("STEERED_WS_URL"));
    ws_session *session = connect_to(url, environment("STEERED_CA_FILE"), config);
    CHECK_EQ(ws_extension_count(session), 1);
    ws_config_free(config);

    caller sender = {.session = session, .call = send_hello};
    start(&sender.thread, make_the_call, &sender);
    wait_for(&encoding);
    ws_stats stats = {.struct_size = sizeof stats};
    ws_frame *frame = NULL;
    alarm(PATIENCE_MS / 1000);
    CHECK_OK(ws_get_stats(session, &stats));
    CHECK_EQ(stats.messages_sent, 0);
    CHECK_EQ(stats.compressed_sent_before, 0);
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    CHECK_EQ(ws_buffered_amount(session), 0);
    CHECK_EQ(ws_get_masking(session), 1);
    CHECK_STATUS(ws_recv(session, &frame, 0), WS_ERR_TIMEOUT);
    CHECK_OK(ws_send(session, WS_FRAME_PING, NULL, 0, 0, -1));
    /* Messages wait for it at most as long as they may. */
    ws_message item = {.data = "late", .size = 4, .type = WS_FRAME_TEXT};
    size_t accepted = 77;
    CHECK_STATUS(ws_send(session, WS_FRAME_TEXT, "late", 4, 0, 0), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_send(session, WS_FRAME_TEXT, "late", 4, 0, 20), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_send_batch(session, &item, 1, &accepted, 20), WS_ERR_TIMEOUT);
    CHECK_EQ(accepted, 0);
    alarm(0);
    caller waiting;
    start_blocked(&waiting, send_again, session);
    CHECK_OK(ws_interrupt(session));
    expect_result(&waiting, WS_ERR_INTERRUPTED);
    start_blocked(&waiting, send_again, session);
    CHECK_EQ(sem_post(&may_encode), 0);
    join(sender.thread);
    CHECK_OK(sender.status);
    wait_for(&encoding);
    CHECK_EQ(sem_post(&may_encode), 0);
    expect_result(&waiting, WS_OK);
    CHECK_STR(server("message 0"), "hello");
    CHECK_STR(server("message 1"), "again");
    CHECK_OK(ws_get_stats(session, &stats));
    CHECK_EQ(stats.messages_sent, 2);
    CHECK_EQ(stats.compressed_sent_before, 10);
    CHECK_EQ(stats.compressed_sent_after, 10);
    ws_abort(session);
    ws_session_free(session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
