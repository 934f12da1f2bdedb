/* Raw sessions, control frames among the messages, pings and pongs by hand, and masking. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"

static ws_config *new_config(void)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    return config;
}

static void expect_frame(ws_session *session, uint32_t type, uint32_t flags, const char *payload, uint32_t close_code)
{
    ws_frame *frame = NULL;
    CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
    CHECK_EQ(frame->type, type);
    CHECK_EQ(frame->flags, flags);
    CHECK_STR((const char *)frame->data, payload);
    CHECK_EQ(frame->size, strlen(payload));
    CHECK_EQ(frame->close_code, close_code);
    ws_frame_free(frame);
}

static ws_close_info expect_end(ws_session *session, ws_status status)
{
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), status);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_close_info reason = {.struct_size = sizeof reason};
    CHECK_OK(ws_get_close_info(session, &reason));
    return reason;
}

/* From the next frame on the library answers, and messages are whole; what was received before stays as it was. */
static void raw_that_becomes_default(transport how)
{
    ws_config *config = new_config();
    CHECK_OK(ws_config_set_raw(config, 1));
    ws_session *session = connect_steered(how, config);
    STEER("pings 1");
    STEER("fragments 2");
    expect_frame(session, WS_FRAME_PING, 0, "0", 0);
    CHECK_OK(ws_send(session, WS_FRAME_PONG, "0", 1, 0, -1));
    expect_frame(session, WS_FRAME_TEXT, WS_FLAG_MORE, "", 0);
    expect_frame(session, WS_FRAME_TEXT, 0, "end", 0);
    CHECK_OK(ws_start_default(session, PATIENCE_MS, 0));
    CHECK_EQ(ws_get_ping_interval_ms(session), PATIENCE_MS);
    CHECK_EQ(ws_get_ping_timeout_ms(session), 2 * PATIENCE_MS);
    CHECK_STATUS(ws_start_default(session, 0, 0), WS_ERR_STATE);
    STEER("pings 2");
    CHECK_STR(server("pongs 3"), "[b'0', b'0', b'1']");
    STEER("fragments 3");
    expect_frame(session, WS_FRAME_TEXT, 0, "end", 0);
    STEER("close 1001");
    ws_close_info reason = expect_end(session, WS_ERR_CLOSED);
    CHECK_EQ(reason.local_code, WS_CLOSE_GOING_AWAY);
    CHECK_STATUS(ws_start_default(session, 0, 0), WS_ERR_STATE);
    ws_session_free(session);

    /* Not in the middle of a message. */
    session = connect_steered(how, config);
    STEER("fragment");
    expect_frame(session, WS_FRAME_TEXT, WS_FLAG_MORE, "half", 0);
    CHECK_STATUS(ws_start_default(session, 0, 0), WS_ERR_STATE);
    CHECK_OK(ws_abort(session));
    ws_session_free(session);
    ws_config_free(config);
    session = connect_steered(how, NULL);
    CHECK_STATUS(ws_start_default(session, 0, 0), WS_ERR_STATE);
    CHECK_STATUS(ws_start_default(NULL, 0, 0), WS_ERR_INVALID_ARGUMENT);
    close_and_free(session);
}

/* Not while a thread waits in ws_recv. */
static void raw_that_becomes_default_while_a_thread_receives(transport how)
{
    ws_config *config = new_config();
    CHECK_OK(ws_config_set_raw(config, 1));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    caller receiver;
    start_blocked(&receiver, receive, session);
    CHECK_STATUS(ws_start_default(session, 0, 0), WS_ERR_STATE);
    CHECK_OK(ws_interrupt(session));
    expect_result(&receiver, WS_ERR_INTERRUPTED);
    CHECK_OK(ws_start_default(session, 0, 0));
    close_and_free(session);
}

static void raw(transport how)
{
    ws_config *config = new_config();
    CHECK_OK(ws_config_set_raw(config, 1));
    CHECK_OK(ws_config_install_deflate(config, NULL));
    ws_session *session = connect_steered(how, config);
    CHECK(ws_request_header(session, "Sec-WebSocket-Extensions", 0) == NULL);
    STEER("fragments 3");
    expect_frame(session, WS_FRAME_TEXT, WS_FLAG_MORE, "", 0);
    expect_frame(session, WS_FRAME_TEXT, WS_FLAG_MORE, "", 0);
    expect_frame(session, WS_FRAME_TEXT, 0, "end", 0);
    STEER("pings 2");
    expect_frame(session, WS_FRAME_PING, 0, "0", 0);
    expect_frame(session, WS_FRAME_PING, 0, "1", 0);
    /* Nobody else has answered. */
    CHECK_OK(ws_send(session, WS_FRAME_PONG, "0", 1, 0, -1));
    CHECK_OK(ws_send(session, WS_FRAME_PONG, "1", 1, 0, -1));
    CHECK_STR(server("pongs 2"), "in order");
    STEER("close 1001 answered");
    expect_frame(session, WS_FRAME_CLOSE, 0, "", WS_CLOSE_GOING_AWAY);
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    CHECK_STR(server("frames 2"), "O2");
    CHECK_OK(ws_close(session, WS_CLOSE_GOING_AWAY, NULL, 0));
    CHECK_STR(server("close_code"), "1001");
    ws_close_info reason = expect_end(session, WS_ERR_CLOSED);
    CHECK_EQ(reason.initiator, WS_CLOSED_BY_REMOTE);
    CHECK_EQ(reason.remote_code, WS_CLOSE_GOING_AWAY);
    CHECK_EQ(reason.local_code, WS_CLOSE_GOING_AWAY);
    CHECK_EQ(reason.clean, 1);
    ws_session_free(session);
    ws_config_free(config);
}

/* A raw session that closes first gets the server's answer as a frame. */
static void raw_closes_first(transport how)
{
    ws_config *config = new_config();
    CHECK_OK(ws_config_set_raw(config, 1));
    ws_session *session = connect_steered(how, config);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    expect_frame(session, WS_FRAME_CLOSE, 0, "", WS_CLOSE_NORMAL);
    ws_close_info reason = expect_end(session, WS_ERR_CLOSED);
    CHECK_EQ(reason.initiator, WS_CLOSED_BY_LOCAL);
    CHECK_EQ(reason.clean, 1);
    ws_session_free(session);
    ws_config_free(config);
}

/* Among the messages, in their order, whoever has read them: the library while the application is away, or it itself.
 */
static void delivered_control(transport how)
{
    ws_config *config = new_config();
    CHECK_OK(ws_config_set_deliver_control(config, WS_CONTROL_PING | WS_CONTROL_PONG | WS_CONTROL_CLOSE));
    ws_session *session = connect_steered(how, config);
    for (unsigned round = 0; round < 2; round++) {
        STEER("texts 1 10");
        STEER("pings 1");
        STEER("texts 1 10");
        if (round == 1)
            CHECK_STR(server("pongs 2"), "[b'0', b'0']");
        expect_numbered(session, 2 * round, 10);
        expect_frame(session, WS_FRAME_PING, 0, "0", 0);
        expect_numbered(session, 2 * round + 1, 10);
    }
    ws_frame *batch[8];
    size_t count = 0;
    STEER("pings 3");
    STEER("taken");
    for (size_t seen = 0; seen < 3; seen += count) {
        CHECK_OK(ws_recv_batch(session, batch, 8, &count, PATIENCE_MS));
        for (size_t i = 0; i < count; i++) {
            CHECK_EQ(batch[i]->type, WS_FRAME_PING);
            CHECK_EQ(batch[i]->data[0], '0' + seen + i);
            ws_frame_free(batch[i]);
        }
    }
    STEER("close 4000");
    expect_frame(session, WS_FRAME_CLOSE, 0, "", 4000);
    ws_close_info reason = expect_end(session, WS_ERR_CLOSED);
    CHECK_EQ(reason.local_code, 4000);
    CHECK_EQ(reason.clean, 1);
    ws_session_free(session);
    ws_config_free(config);
}

static void pongs_by_hand(transport how)
{
    ws_config *config = new_config();
    CHECK_OK(ws_config_set_auto_pong(config, 0));
    CHECK_OK(ws_config_set_deliver_control(config, WS_CONTROL_PING));
    ws_session *session = connect_steered(how, config);
    STEER("pings 1");
    expect_frame(session, WS_FRAME_PING, 0, "0", 0);
    CHECK_OK(ws_send_text(session, "before", WS_NUL_TERMINATED));
    CHECK_OK(ws_send(session, WS_FRAME_PING, "mine", 4, 0, -1));
    CHECK_OK(ws_send(session, WS_FRAME_PONG, "0", 1, 0, -1));
    CHECK_OK(ws_send(session, WS_FRAME_PING, NULL, 0, 0, -1));
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_STR(server("pongs 1"), "in order");
    CHECK_STR(server("frames 4"), "T I O I");
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK_OK(ws_get_stats(session, &stats));
    CHECK_EQ(stats.pings_received, 1);
    CHECK_EQ(stats.pings_sent, 2);
    CHECK_EQ(stats.pongs_sent, 1);
    CHECK_EQ(stats.messages_sent, 1);
    CHECK_EQ(stats.payload_sent, 6);
    CHECK_EQ(stats.wire_sent, 12 + 10 + 7 + 6);
    CHECK_EQ(stats.wire_received, 3);
    CHECK_OK(ws_close(session, 0, NULL, 0));
    ws_close_info reason = expect_end(session, WS_ERR_CLOSED);
    CHECK_EQ(reason.local_code, WS_CLOSE_NO_STATUS);
    CHECK_STATUS(ws_send(session, WS_FRAME_PING, NULL, 0, 0, -1), WS_ERR_CLOSED);
    ws_session_free(session);
    ws_config_free(config);
}

/* Fragments of one message; nothing comes between but control frames. */
static void fragments(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    CHECK_STATUS(ws_send(session, WS_FRAME_CONTINUATION, "x", 1, WS_SEND_MORE, PATIENCE_MS), WS_ERR_STATE);
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "a\xc3", 2, WS_SEND_MORE, PATIENCE_MS));
    CHECK_STATUS(ws_send_text(session, "x", 1), WS_ERR_STATE);
    CHECK_STATUS(ws_send_binary(session, "x", 1), WS_ERR_STATE);
    CHECK_STATUS(ws_send(session, WS_FRAME_BINARY, "x", 1, 0, PATIENCE_MS), WS_ERR_STATE);
    ws_message whole = {.data = "x", .size = 1, .type = WS_FRAME_TEXT};
    size_t accepted = 7;
    CHECK_STATUS(ws_send_batch(session, &whole, 1, &accepted, PATIENCE_MS), WS_ERR_STATE);
    CHECK_EQ(accepted, 0);
    CHECK_STATUS(ws_send(session, WS_FRAME_TEXT, "x", 1, WS_SEND_MORE, PATIENCE_MS), WS_ERR_STATE);
    CHECK_STATUS(ws_send(session, WS_FRAME_CONTINUATION, "x", 1, 0, PATIENCE_MS), WS_ERR_UTF8);
    CHECK_STATUS(ws_send(session, WS_FRAME_CONTINUATION, "", 0, 0, PATIENCE_MS), WS_ERR_UTF8);
    CHECK_OK(ws_send(session, WS_FRAME_PING, NULL, 0, 0, -1));
    CHECK_OK(ws_send(session, WS_FRAME_CONTINUATION, "\xa4", 1, WS_SEND_MORE, PATIENCE_MS));
    CHECK_OK(ws_send(session, WS_FRAME_CONTINUATION, "z", WS_NUL_TERMINATED, 0, PATIENCE_MS));
    CHECK_STATUS(ws_send(session, WS_FRAME_CONTINUATION, "x", 1, 0, PATIENCE_MS), WS_ERR_STATE);
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "whole", 5, 0, PATIENCE_MS));
    CHECK_STR(server("frames 5"), "t I c C T");
    CHECK_STR(server("message 0"), "a\xc3\xa4z");
    CHECK_STR(server("message 1"), "whole");
    close_and_free(session);
}

/* What the server makes of unmasked frames is its own business: this one takes bytes. */
static void masking(void)
{
    ws_config *config = new_config();
    ws_session *session = connect_steered(PLAIN, config);
    CHECK_STATUS(ws_set_masking(session, 0), WS_ERR_STATE);
    close_and_free(session);
    CHECK_OK(ws_config_set_allow_unmasked(config, 1));
    CHECK_OK(ws_config_set_masking(config, 0));
    session = connect_steered(PLAIN, config);
    CHECK_EQ(ws_get_masking(session), 0);
    CHECK_OK(ws_set_masking(session, 1));
    CHECK_EQ(ws_get_masking(session), 1);
    CHECK_OK(ws_send_text(session, "masked", WS_NUL_TERMINATED));
    CHECK_STR(server("message 0"), "masked");
    CHECK_OK(ws_set_masking(session, 0));
    ws_stats before = {.struct_size = sizeof before}, after = {.struct_size = sizeof after};
    CHECK_OK(ws_get_stats(session, &before));
    CHECK_OK(ws_send_text(session, "bare", WS_NUL_TERMINATED));
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_OK(ws_get_stats(session, &after));
    CHECK_EQ(after.wire_sent - before.wire_sent, 6);
    ws_session_free(session);
    /* Taking the permission back takes the setting with it. */
    CHECK_OK(ws_config_set_allow_unmasked(config, 0));
    session = connect_steered(PLAIN, config);
    CHECK_EQ(ws_get_masking(session), 1);
    close_and_free(session);
    ws_config_free(config);
}

static void user_data(void)
{
    int mine = 0;
    ws_session *session = connect_steered(PLAIN, NULL);
    CHECK(ws_get_user_data(session) == NULL);
    CHECK_OK(ws_set_user_data(session, &mine));
    CHECK(ws_get_user_data(session) == &mine);
    close_and_free(session);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        raw(how);
        raw_that_becomes_default(how);
        raw_that_becomes_default_while_a_thread_receives(how);
        raw_closes_first(how);
        delivered_control(how);
        pongs_by_hand(how);
        fragments(how);
    }
    masking();
    user_data();
    return 0;
}
