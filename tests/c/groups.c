/* Groups: many sessions received from together, in turn; how they end, and that they end with the group. */

#define _GNU_SOURCE
#include "threads.h"
#include "watching.h"

enum { SESSIONS = 100, ROUNDS = 5 };

/* The next text of any session of the group; it is lent until the next call. */
static const char *receive_text(ws_group *group, ws_session **session)
{
    static char text[256];
    ws_frame *frame = NULL;
    CHECK_OK(ws_group_recv(group, session, &frame, PATIENCE_MS));
    CHECK(*session != NULL && frame != NULL && frame->size < sizeof text);
    memcpy(text, frame->data, frame->size + 1);
    ws_frame_free(frame);
    return text;
}

static void every_session_gets_its_own(transport how)
{
    ws_group *group = ws_group_new();
    CHECK(group != NULL);
    expect_nothing_in(group);
    ws_config *config = config_of(group);
    ws_session *sessions[SESSIONS];
    int next[SESSIONS] = {0};
    for (size_t i = 0; i < SESSIONS; i++) {
        sessions[i] = connect_with(how, "", config);
        ws_set_user_data(sessions[i], &next[i]);
    }
    ws_config_free(config);
    CHECK_EQ(ws_group_size(group), SESSIONS);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < SESSIONS; i++) {
            char text[32];
            snprintf(text, sizeof text, "%d of %p", round, (void *)sessions[i]);
            CHECK_OK(ws_send_text(sessions[i], text, WS_NUL_TERMINATED));
        }
    for (int i = 0; i < ROUNDS * SESSIONS; i++) {
        ws_session *session;
        const char *text = receive_text(group, &session);
        char expected[32];
        int *number = ws_get_user_data(session);
        snprintf(expected, sizeof expected, "%d of %p", (*number)++, (void *)session);
        CHECK_STR(text, expected);
    }
    expect_nothing_in(group);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(sessions[0], &frame, 0), WS_ERR_STATE);
    CHECK_EQ(ws_event_fd(sessions[0]), -1);

    CHECK_OK(ws_group_close(group, WS_CLOSE_GOING_AWAY, "all of you", WS_NUL_TERMINATED, PATIENCE_MS));
    CHECK_EQ(ws_group_size(group), SESSIONS);
    for (size_t i = 0; i < SESSIONS; i++) {
        ws_session *session = receive_end(group, WS_ERR_CLOSED);
        ws_close_info reason = {.struct_size = sizeof reason};
        CHECK_OK(ws_get_close_info(session, &reason));
        CHECK_EQ(reason.remote_code, WS_CLOSE_GOING_AWAY);
        CHECK_EQ(ws_group_size(group), SESSIONS - i - 1);
        ws_session_free(session);
    }
    expect_nothing_in(group);
    ws_group_free(group);
}

/* Between two messages of a session that has many, one of each of the others. */
static void sessions_take_turns(void)
{
    enum { OTHERS = 4, FLOOD = 50 };
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    ws_session *sessions[OTHERS + 1];
    for (size_t i = 0; i <= OTHERS; i++)
        sessions[i] = connect_with(PLAIN, "", config);
    ws_config_free(config);
    int fd = ws_group_event_fd(group);
    CHECK(fd >= 0 && !is_readable(fd));
    for (int i = 0; i < FLOOD; i++)
        CHECK_OK(ws_send_text(sessions[0], "flood", WS_NUL_TERMINATED));
    for (size_t i = 1; i <= OTHERS; i++)
        for (int k = 0; k < 3; k++)
            CHECK_OK(ws_send_text(sessions[i], "few", WS_NUL_TERMINATED));
    /* Until all of it waits. */
    for (size_t i = 0; i <= OTHERS; i++) {
        ws_stats stats = {.struct_size = sizeof stats};
        do {
            sched_yield();
            CHECK_OK(ws_get_stats(sessions[i], &stats));
        } while (stats.incoming_messages != (i == 0 ? FLOOD : 3));
    }
    int floods = 0;
    for (int i = 0; i < FLOOD + 3 * OTHERS; i++) {
        CHECK(is_readable(fd));
        ws_session *session;
        floods += strcmp(receive_text(group, &session), "flood") == 0;
        /* After three rounds only the flood is left. */
        if (i == 3 * (OTHERS + 1) - 1)
            CHECK_EQ(floods, 3);
    }
    expect_nothing_in(group);
    CHECK(!is_readable(fd));
    ws_group_free(group);
    for (size_t i = 0; i <= OTHERS; i++) {
        CHECK_OK(ws_wait_closed(sessions[i], PATIENCE_MS));
        ws_session_free(sessions[i]);
    }
}

static void an_end_stands_behind_its_messages(void)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    ws_session *steered = connect_steered(PLAIN, config);
    ws_session *failed = NULL;
    CHECK_OK(ws_connect_async("ws://127.0.0.1:1/", config, &failed));
    CHECK(receive_end(group, WS_ERR_CONNECT) == failed);
    CHECK(ws_error_phase(ws_session_error(failed)) == WS_PHASE_CONNECT);
    ws_session_free(failed);
    STEER("texts 2");
    STEER("half 20");
    STEER("taken");
    STEER("finish");
    ws_session *session;
    CHECK_STR(receive_text(group, &session), "0");
    CHECK(session == steered);
    CHECK_STR(receive_text(group, &session), "1");
    CHECK(receive_end(group, WS_ERR_CLOSED_ABNORMALLY) == steered);
    CHECK_EQ(ws_group_size(group), 0);
    expect_nothing_in(group);
    ws_session_free(steered);
    /* Pings are answered with nobody in ws_group_recv. */
    steered = connect_steered(PLAIN, config);
    STEER("pings 3");
    CHECK_STR(server("pongs 3"), "in order");
    /* What waits of a session that is freed is not given. */
    STEER("texts 2");
    ws_stats stats = {.struct_size = sizeof stats};
    while (stats.incoming_messages != 2)
        CHECK_OK(ws_get_stats(steered, &stats));
    ws_session_free(steered);
    expect_nothing_in(group);
    CHECK_EQ(ws_group_size(group), 0);
    ws_config_free(config);
    ws_group_free(group);
}

static ws_group *shared;

static ws_status receive_in_group(ws_session *unused)
{
    (void)unused;
    ws_session *session;
    ws_frame *frame = NULL;
    ws_status status = ws_group_recv(shared, &session, &frame, -1);
    ws_frame_free(frame);
    return status;
}

static void threads_that_wait(void)
{
    shared = ws_group_new();
    ws_config *config = config_of(shared);
    caller first, second;
    start_blocked(&first, receive_in_group, NULL);
    CHECK_OK(ws_group_interrupt(shared));
    expect_result(&first, WS_ERR_INTERRUPTED);
    CHECK_OK(ws_group_interrupt(shared));
    CHECK_STATUS(receive_in_group(NULL), WS_ERR_INTERRUPTED);
    /* Of two, each gets one. */
    ws_session *session = connect_with(PLAIN, "", config);
    start_blocked(&first, receive_in_group, NULL);
    start_blocked(&second, receive_in_group, NULL);
    CHECK_OK(ws_send_text(session, "one", 3));
    CHECK_OK(ws_send_text(session, "two", 3));
    expect_result(&first, WS_OK);
    expect_result(&second, WS_OK);
    start_blocked(&first, receive_in_group, NULL);
    start_blocked(&second, receive_in_group, NULL);
    ws_group_free(shared);
    join(first.thread);
    join(second.thread);
    /* The session's end may come before that of the group. */
    CHECK_STATUS(first.status, WS_ERR_ABORTED);
    CHECK_STATUS(second.status, WS_ERR_ABORTED);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
    CHECK_STATUS(ws_connect(environment("ECHO_WS_URL"), config, &session, NULL), WS_ERR_STATE);
    CHECK_STATUS(ws_connect_async(environment("ECHO_WS_URL"), config, &session), WS_ERR_STATE);
    CHECK_OK(ws_config_set_group(config, NULL));
    CHECK_OK(ws_connect(environment("ECHO_WS_URL"), config, &session, NULL));
    echo_text(session, "in no group");
    close_and_free(session);
    ws_config_free(config);
}

static void a_frame_outlives_all(void)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    ws_session *session = connect_with(PLAIN, "hello", config);
    ws_config_free(config);
    ws_frame *frame = NULL;
    CHECK_OK(ws_group_recv(group, &session, &frame, PATIENCE_MS));
    ws_group_free(group);
    ws_session_free(session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK_STR((const char *)frame->data, "hello");
    ws_frame_free(frame);
}

int main(void)
{
    every_session_gets_its_own(PLAIN);
    every_session_gets_its_own(TLS);
    sessions_take_turns();
    an_end_stands_behind_its_messages();
    threads_that_wait();
    a_frame_outlives_all();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
