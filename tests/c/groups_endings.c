/* How sessions of a group end: once, behind their messages, and all together. */

#define _GNU_SOURCE
#include "recording.h"
#include "threads.h"
#include "watching.h"

/* The end comes just when the last message before it is taken. */
static void an_end_comes_once(transport how, const char *end, ws_status expected, int rounds)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    int fd = event_fd_of_group(group);
    for (int round = 0; round < rounds; round++) {
        scripted peer;
        begin_script(&peer, connect_steered(how, config));
        write_text(&peer, 20, 1, 0);
        write_other(&peer, end);
        release(&peer, peer.bytes);
        expect_next_frame(&peer, receive_from(group, peer.session));
        CHECK(receive_end(group, expected) == peer.session);
        CHECK_EQ(ws_group_size(group), 0);
        CHECK_OK(ws_wait_closed(peer.session, PATIENCE_MS));
        /* And never again. */
        expect_nothing_in(group);
        CHECK(!is_readable(fd));
        ws_session_free(peer.session);
        CHECK(!is_readable(fd));
    }
    ws_config_free(config);
    ws_group_free(group);
}

/* Each server gets the Close, behind what was sent before, and the sessions end as they would by themselves. */
static void closing_a_group(transport how)
{
    enum { SESSIONS = 5 };
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    ws_session *sessions[SESSIONS];
    unsigned first = (unsigned)atoi(server("connections"));
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = connect_steered(how, config);
        CHECK_OK(ws_send_text(sessions[i], "last", 4));
    }
    ws_config_free(config);
    /* A message that nobody has received. */
    STEER("texts 1");
    CHECK_OK(ws_group_close(group, 4001, "all of you", WS_NUL_TERMINATED, PATIENCE_MS));
    for (unsigned i = 0; i < SESSIONS; i++) {
        STEER("connection %u", first + i);
        CHECK_STR(server("message 0"), "last");
        CHECK_STR(server("close_code"), "4001");
        CHECK_EQ(ws_state(sessions[i]), WS_STATE_CLOSED);
    }
    CHECK_EQ(ws_group_size(group), SESSIONS);
    int ended = 0, messages = 0;
    while (ended < SESSIONS) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        ws_status status = ws_group_recv(group, &session, &frame, 0);
        if (status == WS_OK) {
            CHECK(session == sessions[SESSIONS - 1]);
            messages++;
            ws_frame_free(frame);
            continue;
        }
        CHECK_STATUS(status, WS_ERR_CLOSED);
        ws_close_info reason = {.struct_size = sizeof reason};
        CHECK_OK(ws_get_close_info(session, &reason));
        CHECK_EQ(reason.clean, 1);
        CHECK_EQ(reason.local_code, 4001);
        ws_session_free(session);
        ended++;
    }
    CHECK_EQ(messages, 1);
    CHECK_EQ(ws_group_size(group), 0);
    CHECK_OK(ws_group_close(group, WS_CLOSE_NORMAL, NULL, 0, 0));
    ws_group_free(group);
}

static ws_group *closed_by_callers;

static ws_status close_group(ws_session *unused)
{
    (void)unused;
    return ws_group_close(closed_by_callers, WS_CLOSE_GOING_AWAY, NULL, 0, -1);
}

/* It starts closing also when it does not wait, and goes on when it waits in vain or is interrupted. */
static void closing_takes_time(void)
{
    ws_group *group = closed_by_callers = ws_group_new();
    ws_config *config = config_of(group);
    ws_session *session = connect_steered(PLAIN, config);
    ws_config_free(config);
    /* Its Close is answered when it reads again. */
    STEER("read off");
    CHECK_STATUS(ws_group_close(group, WS_CLOSE_GOING_AWAY, NULL, 0, 0), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_send_text(session, "too late", WS_NUL_TERMINATED), WS_ERR_CLOSED);
    CHECK_STATUS(ws_group_close(group, WS_CLOSE_NORMAL, NULL, 0, 5), WS_ERR_TIMEOUT);
    caller closing;
    start_blocked(&closing, close_group, NULL);
    CHECK_OK(ws_interrupt(session));
    expect_result(&closing, WS_ERR_INTERRUPTED);
    start_blocked(&closing, close_group, NULL);
    STEER("read on");
    expect_result(&closing, WS_OK);
    CHECK_STR(server("close_code"), "1001");
    CHECK(receive_end(group, WS_ERR_CLOSED) == session);
    ws_session_free(session);
    ws_group_free(group);
}

/* Those that are being opened are given up. */
static void closing_gives_up_what_is_being_opened(void)
{
    int listener = listen_silently();
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    ws_session *opening = NULL, *open = connect_steered(PLAIN, config);
    CHECK_OK(ws_connect_async(silent_url(listener), config, &opening));
    ws_config_free(config);
    CHECK_EQ(ws_group_size(group), 2);
    CHECK_OK(ws_group_close(group, WS_CLOSE_NORMAL, NULL, 0, PATIENCE_MS));
    for (int i = 0; i < 2; i++) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        ws_status status = ws_group_recv(group, &session, &frame, PATIENCE_MS);
        CHECK_STATUS(status, session == opening ? WS_ERR_ABORTED : WS_ERR_CLOSED);
        CHECK(frame == NULL);
        CHECK_EQ(ws_group_size(group), 1 - i);
        ws_session_free(session);
    }
    CHECK(open != opening);
    ws_group_free(group);
    CHECK_EQ(close(listener), 0);
}

static void close_the_group(record *self, char what, ws_session *session, const ws_frame *frame)
{
    (void)session, (void)frame;
    if (what == 'o')
        CHECK_STATUS(ws_group_close(closed_by_callers, WS_CLOSE_NORMAL, NULL, 0, -1), WS_ERR_STATE);
    CHECK(self->counts['f'] == 0);
}

/* Callbacks besides on_frame go with a group; in them nobody can wait for what comes after them. */
static void callbacks_of_a_member(void)
{
    record *calls = new_record(NULL);
    ws_config *config = record_all_but_frames(calls);
    ws_group *group = closed_by_callers = ws_group_new();
    CHECK_OK(ws_config_set_group(config, group));
    ws_session *session = connect_steered(PLAIN, config);
    STEER("texts 1");
    ws_frame_free(receive_from(group, session));
    CHECK_STATUS(ws_recv_callback(session, note_frame, calls, NULL), WS_ERR_STATE);
    STEER("close 1000");
    CHECK(receive_end(group, WS_ERR_CLOSED) == session);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_CLOSED);
    ws_session_free(session);
    ws_config_free(config);
    expect_calls(calls, "ocd");

    /* The call does not wait for the other session either, whose server does not read the Close yet. */
    config = config_of(group);
    unsigned held = (unsigned)atoi(server("connections"));
    ws_session *other = connect_steered(PLAIN, config);
    ws_config_free(config);
    STEER("read off");
    calls = new_record(close_the_group);
    config = record_all_but_frames(calls);
    CHECK_OK(ws_config_set_group(config, group));
    session = connect_steered(PLAIN, config);
    ws_config_free(config);
    CHECK(receive_end(group, WS_ERR_CLOSED) == session);
    wait_for_calls(calls, 'c', 1);
    ws_session_free(session);
    expect_calls(calls, "ocd");
    STEER("connection %u", held);
    STEER("read on");
    CHECK(receive_end(group, WS_ERR_CLOSED) == other);
    ws_session_free(other);
    ws_group_free(group);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 && strcmp(argv[1], "--small") == 0 ? 10 : 200;
    /* There is a connection to begin with, for the server to have something to say of. */
    close_and_free(connect_steered(PLAIN, NULL));
    closing_takes_time();
    closing_gives_up_what_is_being_opened();
    callbacks_of_a_member();
    for (transport how = PLAIN; how <= TLS; how++) {
        closing_a_group(how);
        an_end_comes_once(how, "close", WS_ERR_CLOSED, rounds);
        an_end_comes_once(how, "opcode", WS_ERR_PROTOCOL, rounds);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
