/* Servers that send in the smallest and the largest pieces, and end right behind what they send. */

#define _GNU_SOURCE
#include "steered.h"

/* Right behind its data, whether the library, a thread of the application or nobody was reading. */
static void resets_right_behind_data(transport how, int receives_first)
{
    for (unsigned round = 0; round < 10; round++) {
        ws_session *session = connect_steered(how, NULL);
        ws_frame *frame = NULL;
        if (receives_first)
            CHECK_STATUS(ws_recv(session, &frame, 0), WS_ERR_TIMEOUT);
        STEER("texts 1000 20");
        STEER("taken");
        STEER("reset");
        if (round % 2 == 1)
            CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
        for (unsigned i = 0; i < 1000; i++)
            expect_numbered(session, i, 20);
        CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_IO);
        ws_session_free(session);
    }
}

/* Messages that came together with the one that was received are there after the session was aborted. */
static void aborted_behind_the_first_of_many(transport how, int with_queue)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    if (with_queue)
        CHECK_OK(ws_config_set_incoming_queue(config, 10, 0, WS_QUEUE_DROP_OLDEST));
    for (unsigned round = 0; round < 20; round++) {
        ws_session *session = connect_steered(how, config);
        STEER("texts 10 20");
        STEER("taken");
        expect_numbered(session, 0, 20);
        CHECK_OK(ws_abort(session));
        CHECK_STATUS(ws_send_text(session, "x", 1), WS_ERR_ABORTED);
        if (round % 2 == 1)
            CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
        for (unsigned i = 1; i < 10; i++)
            expect_numbered(session, i, 20);
        ws_frame *frame = NULL;
        CHECK_STATUS(ws_recv(session, &frame, 0), WS_ERR_ABORTED);
        ws_session_free(session);
    }
    ws_config_free(config);
}

/* A segment for each byte, over TLS for each byte of the records. */
static void sends_byte_by_byte(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    STEER("segments 1");
    STEER("echo");
    for (unsigned i = 0; i < 100; i++) {
        char text[300];
        memset(text, 'b', sizeof text);
        size_t size = i * 3;
        CHECK_OK(ws_send_text(session, text, size));
        if (i % 10 == 0)
            STEER("pings 1");
        expect_message(session, WS_FRAME_TEXT, text, size);
    }
    STEER("half 500");
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, 10), WS_ERR_TIMEOUT);
    STEER("rest");
    expect_numbered(session, 0, 500);
    CHECK_OK(ws_close(session, 4000, "bye", 3));
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_CLOSED);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.clean, 1);
    CHECK_EQ(info.remote_code, 4000);
    ws_session_free(session);
}

static void sends_100000_frames_at_once(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    STEER("texts 100000");
    for (unsigned i = 0; i < 100000; i++)
        expect_numbered(session, i, 0);
    /* Of one message. */
    STEER("fragments 100000");
    expect_text(session, "end");
    /* Nobody receives them. */
    STEER("pings 100000");
    CHECK_STR(server("pongs 100000"), "in order");
    close_and_free(session);
}

static void closes_behind_1000_messages(transport how, int waits_first)
{
    ws_session *session = connect_steered(how, NULL);
    STEER("texts 1000 20 close");
    if (waits_first)
        CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    for (unsigned i = 0; i < 1000; i++)
        expect_numbered(session, i, 20);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_CLOSED);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_STR(server("frames 1"), "X");
    CHECK_STR(server("end"), "fin");
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.clean, 1);
    CHECK_EQ(info.remote_code, 1000);
    CHECK_EQ(info.initiator, WS_CLOSED_BY_REMOTE);
    ws_session_free(session);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        aborted_behind_the_first_of_many(how, 0);
        aborted_behind_the_first_of_many(how, 1);
        sends_byte_by_byte(how);
        sends_100000_frames_at_once(how);
        for (int yes = 0; yes <= 1; yes++) {
            closes_behind_1000_messages(how, yes);
            resets_right_behind_data(how, yes);
        }
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
