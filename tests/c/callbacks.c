/* Callbacks: which are called, in which order, on which thread, and with what. */

#define _GNU_SOURCE
#include "recording.h"
#include "steered.h"

enum { POURED = 5000, LARGE = 1 << 20 };

static ws_session *connect_recorded(transport how, record *calls)
{
    ws_config *config = record_all(calls);
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    return session;
}

/* The configuration is gone before the first message: the session has what it needs. */
static void in_order_and_once(transport how)
{
    record *calls = new_record(NULL);
    ws_session *session = connect_recorded(how, calls);
    wait_for_calls(calls, 'o', 1);
    CHECK_EQ(count_calls(calls, 'f'), 0);
    STEER("texts 3");
    wait_for_calls(calls, 'f', 3);
    CHECK_EQ(count_calls(calls, 'c'), 0);
    CHECK_EQ(count_calls(calls, 'd'), 0);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, "done", 4));
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_CLOSED);
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

static void expect_the_next(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    if (what == 'f') {
        char text[16];
        snprintf(text, sizeof text, "%u", calls->number++);
        CHECK_EQ(frame->type, WS_FRAME_TEXT);
        CHECK_STR((const char *)frame->data, text);
        CHECK_EQ(frame->size, strlen(text));
        CHECK_EQ(frame->flags, 0);
    }
    CHECK(calls->session == NULL || calls->session == session);
    calls->session = session;
}

/* More than one thread could tell of them at a time. The server's Close is right behind them. */
static void one_at_a_time(transport how)
{
    record *calls = new_record(expect_the_next);
    ws_session *session = connect_recorded(how, calls);
    STEER("texts %d 0 close", POURED);
    wait_for_calls(calls, 'c', 1);
    CHECK_EQ(count_calls(calls, 'f'), POURED);
    CHECK(calls->session == session);
    CHECK_STATUS(calls->status, WS_ERR_CLOSED);
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.remote_code, 1000);
    CHECK_EQ(info.initiator, WS_CLOSED_BY_REMOTE);
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

/* What the echo server is sent, and what comes back. */
static char large[LARGE + 1];

static const struct {
    uint32_t type;
    const char *data;
    size_t size;
} messages[] = {
    {WS_FRAME_TEXT, "hello", 5},     {WS_FRAME_TEXT, "", 0},        {WS_FRAME_BINARY, "\0\xff\0", 3}, {WS_FRAME_TEXT, "gr\xc3\xbc\xc3\x9f", 7},
    {WS_FRAME_BINARY, large, LARGE}, {WS_FRAME_TEXT, large, LARGE}, {WS_FRAME_BINARY, "", 0},
};
enum { MESSAGES = sizeof messages / sizeof messages[0] };

static void expect_the_same(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)session;
    if (what != 'f')
        return;
    CHECK(calls->number < MESSAGES);
    CHECK_EQ(frame->type, messages[calls->number].type);
    CHECK_EQ(frame->size, messages[calls->number].size);
    CHECK(memcmp(frame->data, messages[calls->number].data, frame->size) == 0);
    CHECK_EQ(frame->data[frame->size], 0);
    CHECK_EQ(frame->close_code, 0);
    calls->number++;
}

static void frames_are_whole_and_terminated(transport how, size_t fragment)
{
    record *calls = new_record(expect_the_same);
    ws_config *config = record_all(calls);
    CHECK_OK(ws_config_set_auto_fragment(config, fragment));
    ws_session *session = connect_with(how, "", config);
    ws_config_free(config);
    for (size_t i = 0; i < MESSAGES; i++)
        CHECK_OK(ws_send(session, messages[i].type, messages[i].data, messages[i].size, 0, PATIENCE_MS));
    wait_for_calls(calls, 'f', MESSAGES);
    close_and_free(session);
    expect_calls(calls, "ofcd");
}

static void expect_text_frame(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)session;
    if (what == 'f')
        CHECK_STR((const char *)frame->data, calls->text);
}

static void fragments_make_one_frame(transport how)
{
    record *calls = new_record(expect_text_frame);
    calls->text = "end";
    ws_session *session = connect_recorded(how, calls);
    STEER("fragments 1000");
    wait_for_calls(calls, 'f', 1);
    close_and_free(session);
    expect_calls(calls, "ofcd");
}

static void expect_control(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    static const uint32_t expected[] = {WS_FRAME_PING, WS_FRAME_TEXT, WS_FRAME_PONG, WS_FRAME_CLOSE};
    (void)session;
    if (what != 'f')
        return;
    CHECK(calls->number < 4);
    CHECK_EQ(frame->type, expected[calls->number]);
    CHECK_STR((const char *)frame->data, frame->type == WS_FRAME_PONG ? "mine" : frame->type == WS_FRAME_CLOSE ? "" : "0");
    CHECK_EQ(frame->close_code, frame->type == WS_FRAME_CLOSE ? 4321 : 0);
    calls->number++;
}

/* In their places among the messages; the ping is answered all the same. */
static void control_frames(transport how)
{
    record *calls = new_record(expect_control);
    ws_config *config = record_all(calls);
    CHECK_OK(ws_config_set_deliver_control(config, WS_CONTROL_PING | WS_CONTROL_PONG | WS_CONTROL_CLOSE));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    STEER("pings 1");
    CHECK_STR(server("pongs 1"), "in order");
    STEER("texts 1");
    wait_for_calls(calls, 'f', 2);
    STEER("pong mine");
    wait_for_calls(calls, 'f', 3);
    STEER("close 4321");
    wait_for_calls(calls, 'c', 1);
    CHECK_EQ(count_calls(calls, 'f'), 4);
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

/* Without on_frame messages are received as ever, and the rest is told. */
static void without_on_frame(transport how)
{
    record *calls = new_record(NULL);
    ws_config *config = record_all_but_frames(calls);
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    STEER("texts 3 0 close");
    for (unsigned i = 0; i < 3; i++)
        expect_numbered(session, i, 0);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_CLOSED);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_CLOSED);
    ws_session_free(session);
    expect_calls(calls, "ocd");
}

/* Every member may be missing, and a configuration may lose its callbacks again. */
static void what_is_missing_is_not_called(transport how)
{
    record *calls = new_record(NULL);
    ws_config *config = record_all(calls);
    const ws_callbacks few = {.struct_size = sizeof few, .on_frame = note_frame, .drop = note_drop};
    const ws_callbacks none = {.struct_size = sizeof none};
    CHECK_OK(ws_config_set_callbacks(config, NULL, NULL));
    expect_calls(calls, "d");
    calls = new_record(NULL);
    CHECK_OK(ws_config_set_callbacks(config, &few, calls));
    ws_session *session = connect_steered(how, config);
    CHECK_OK(ws_config_set_callbacks(config, &none, NULL));
    STEER("texts 2");
    wait_for_calls(calls, 'f', 2);
    close_and_free(session);
    expect_calls(calls, "fd");

    session = connect_steered(how, config);
    STEER("texts 1");
    expect_numbered(session, 0, 0);
    close_and_free(session);
    ws_config_free(config);
}

int main(void)
{
    memset(large, 'l', LARGE);
    for (transport how = PLAIN; how <= TLS; how++) {
        in_order_and_once(how);
        one_at_a_time(how);
        frames_are_whole_and_terminated(how, 0);
        frames_are_whole_and_terminated(how, 1000);
        fragments_make_one_frame(how);
        control_frames(how);
        without_on_frame(how);
        what_is_missing_is_not_called(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
