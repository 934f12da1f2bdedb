/* How sessions with callbacks end, and on_writable. With --small only without TLS, for valgrind. */

#define _GNU_SOURCE
#include "recording.h"
#include "steered.h"

enum { BEFORE = 200, LARGE = 20 << 20 };

static char large[LARGE];

static ws_session *connect_recorded(transport how, record *calls)
{
    ws_config *config = record_all(calls);
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    return session;
}

static void expect_the_next(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    if (what == 'f') {
        CHECK_EQ(atoi((const char *)frame->data), calls->number);
        calls->number++;
        if (calls->number <= BEFORE)
            CHECK_OK(ws_send(session, WS_FRAME_TEXT, frame->data, frame->size, 0, 0));
    }
}

/* A violation takes effect behind the messages before it: all of them can still be answered. */
static void a_violation(transport how, const char *kind, ws_status status, unsigned code)
{
    record *calls = new_record(expect_the_next);
    ws_session *session = connect_recorded(how, calls);
    STEER("texts %d", BEFORE);
    STEER("violation %s", kind);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, status);
    CHECK_EQ(count_calls(calls, 'f'), BEFORE);
    CHECK_STATUS(ws_error_status(ws_session_error(session)), status);
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.initiator, WS_CLOSED_BY_PROTOCOL);
    CHECK_EQ(atoi(server("close_code")), code);
    CHECK_STR(server("in_order %d", BEFORE), "yes");
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

static void hold_up_at_the_last(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)frame;
    if (what != 'f' || ++calls->number < 3)
        return;
    CHECK_EQ(sem_post(&calls->here), 0);
    wait_for(&calls->go_on);
    CHECK_OK(ws_send_text(session, "0", 1));
}

/* Also while the last of them is being told of. */
static void a_violation_behind_a_callback(transport how)
{
    record *calls = new_record(hold_up_at_the_last);
    ws_session *session = connect_recorded(how, calls);
    STEER("texts 3");
    wait_for(&calls->here);
    STEER("violation opcode");
    STEER("taken");
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    CHECK_EQ(sem_post(&calls->go_on), 0);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_PROTOCOL);
    CHECK_STR(server("message 0"), "0");
    CHECK_STR(server("frames 2"), "T X");
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

static void an_end_of_the_stream(transport how, const char *end, ws_status status)
{
    record *calls = new_record(NULL);
    ws_session *session = connect_recorded(how, calls);
    STEER("texts %d", BEFORE);
    wait_for_calls(calls, 'f', BEFORE);
    STEER("%s", end);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, status);
    CHECK_STATUS(ws_error_status(ws_session_error(session)), status);
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.remote_code, WS_CLOSE_ABNORMAL);
    CHECK_EQ(info.clean, 0);
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

/* Ktor's echo: what is told is sent back until the server closes. */
static void answered_up_to_the_close(transport how)
{
    record *calls = new_record(expect_the_next);
    ws_session *session = connect_recorded(how, calls);
    STEER("texts %d", BEFORE);
    CHECK_STR(server("in_order %d", BEFORE), "yes");
    STEER("close 4000");
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_CLOSED);
    CHECK(ws_session_error(session) == NULL);
    CHECK_STR(server("close_code"), "4000");
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

static void fill(ws_session *session)
{
    STEER("read off");
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, large, sizeof large, 0, 0));
    CHECK_STATUS(ws_send(session, WS_FRAME_TEXT, "never", 5, 0, 0), WS_ERR_TIMEOUT);
}

/* Once for each time that there was no room, and never when there was. */
static void room_to_send(transport how, int with_frames)
{
    record *calls = new_record(NULL);
    ws_config *config = with_frames ? record_all(calls) : record_all_but_frames(calls);
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    for (unsigned round = 0; round < 2; round++) {
        fill(session);
        CHECK_STATUS(ws_send(session, WS_FRAME_TEXT, "never", 5, 0, 10), WS_ERR_TIMEOUT);
        CHECK_EQ(count_calls(calls, 'w'), round);
        STEER("read on");
        wait_for_calls(calls, 'w', round + 1);
        CHECK_OK(ws_send(session, WS_FRAME_TEXT, "after", 5, 0, 0));
        CHECK_STR(server("message %u", 2 * round + 1), "after");
        CHECK_OK(ws_flush(session, PATIENCE_MS));
        CHECK_EQ(count_calls(calls, 'w'), round + 1);
    }
    /* Whoever got what it waited for needs no call. */
    STEER("read off");
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, large, sizeof large, 0, 0));
    STEER("read on");
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "waits", 5, 0, PATIENCE_MS));
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    close_and_free(session);
    wait_for_calls(calls, 'd', 1);
    CHECK_EQ(calls->counts['w'], 2);
    expect_calls(calls, "owcd");
}

static void send_when_there_is_room(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)frame;
    if (what != 'w')
        return;
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "inside", 6, 0, 0));
    calls->number++;
}

static void sending_in_on_writable(transport how)
{
    record *calls = new_record(send_when_there_is_room);
    ws_session *session = connect_recorded(how, calls);
    fill(session);
    STEER("read on");
    CHECK_STR(server("message 1"), "inside");
    wait_for_calls(calls, 'w', 1);
    close_and_free(session);
    expect_calls(calls, "owcd");
}

/* The end is no room. */
static void ending_without_room(transport how)
{
    record *calls = new_record(NULL);
    ws_session *session = connect_recorded(how, calls);
    wait_for_calls(calls, 'o', 1);
    fill(session);
    CHECK_OK(ws_abort(session));
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_ABORTED);
    ws_session_free(session);
    expect_calls(calls, "ocd");
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    for (transport how = PLAIN; how <= (small ? PLAIN : TLS); how++) {
        a_violation(how, "opcode", WS_ERR_PROTOCOL, 1002);
        a_violation(how, "utf8", WS_ERR_UTF8, 1007);
        a_violation(how, "size", WS_ERR_FRAME_TOO_BIG, 1009);
        a_violation_behind_a_callback(how);
        an_end_of_the_stream(how, "reset", WS_ERR_IO);
        an_end_of_the_stream(how, "finish", WS_ERR_CLOSED_ABNORMALLY);
        answered_up_to_the_close(how);
        room_to_send(how, 0);
        room_to_send(how, 1);
        sending_in_on_writable(how);
        ending_without_room(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
