/* Every way a session ends, and what it then says about it. */

#include "check.h"

static ws_close_info close_info(const ws_session *session)
{
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    return info;
}

static void expect_end(ws_session *session, ws_status expected)
{
    /* Twice: the end is not consumed by being told. */
    for (int i = 0; i < 2; i++) {
        ws_frame *frame = NULL;
        CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), expected);
        CHECK(frame == NULL);
    }
}

static void closed_here(transport how)
{
    ws_session *session = connect_with(how, "", NULL);
    CHECK_OK(ws_send_text(session, "last words", WS_NUL_TERMINATED));
    CHECK_OK(ws_close(session, 4321, "enough", WS_NUL_TERMINATED));
    CHECK_OK(ws_close(session, WS_CLOSE_GOING_AWAY, NULL, 0));
    CHECK_STATUS(ws_send_text(session, "more", WS_NUL_TERMINATED), WS_ERR_CLOSED);
    CHECK_STATUS(ws_send_binary(session, "more", 4), WS_ERR_CLOSED);
    CHECK_STATUS(ws_send(session, WS_FRAME_TEXT, "more", 4, 0, PATIENCE_MS), WS_ERR_CLOSED);
    expect_text(session, "last words");
    expect_end(session, WS_ERR_CLOSED);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);

    ws_close_info info = close_info(session);
    CHECK_EQ(info.local_code, 4321);
    CHECK_EQ(info.remote_code, 4321);
    CHECK_EQ(info.clean, 1);
    CHECK_EQ(info.initiator, WS_CLOSED_BY_LOCAL);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_STATUS(ws_send_text(session, "more", WS_NUL_TERMINATED), WS_ERR_CLOSED);
    ws_session_free(session);
}

static void closed_by_the_server(transport how)
{
    ws_session *session = connect_with(how, "close/4001/bye", NULL);
    expect_end(session, WS_ERR_CLOSED);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_close_info info = close_info(session);
    CHECK_EQ(info.remote_code, 4001);
    CHECK_EQ(info.local_code, 4001);
    CHECK_STR(info.reason, "bye");
    CHECK_EQ(info.reason_size, 3);
    CHECK_EQ(info.clean, 1);
    CHECK_EQ(info.initiator, WS_CLOSED_BY_REMOTE);
    CHECK_STATUS(ws_send_text(session, "more", WS_NUL_TERMINATED), WS_ERR_CLOSED);
    ws_session_free(session);
}

static void dropped_by_the_server(transport how)
{
    ws_session *session = connect_with(how, "drop", NULL);
    expect_end(session, WS_ERR_CLOSED_ABNORMALLY);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_close_info info = close_info(session);
    CHECK_EQ(info.remote_code, WS_CLOSE_ABNORMAL);
    CHECK_STR(info.reason, "");
    CHECK_EQ(info.reason_size, 0);
    CHECK_EQ(info.clean, 0);
    CHECK_EQ(info.initiator, WS_CLOSED_BY_TRANSPORT);
    CHECK_STATUS(ws_error_status(ws_session_error(session)), WS_ERR_CLOSED_ABNORMALLY);
    ws_session_free(session);
}

static void expect_numbers(ws_session *session, int count)
{
    for (int i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        expect_text(session, text);
    }
}

static void what_came_before_the_end_is_delivered(transport how)
{
    ws_session *session = connect_with(how, "burst/1000", NULL);
    expect_numbers(session, 1000);
    expect_end(session, WS_ERR_CLOSED);
    CHECK_EQ(close_info(session).clean, 1);
    ws_session_free(session);

    /* The same when the program looks only after the end. */
    session = connect_with(how, "burst/1000", NULL);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    expect_numbers(session, 1000);
    expect_end(session, WS_ERR_CLOSED);
    ws_session_free(session);
}

static void close_codes(void)
{
    static const uint32_t bad[] = {1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536 + 1000, UINT32_MAX};
    static const uint32_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    char reason[125];
    memset(reason, 'r', sizeof reason);
    reason[124] = '\0';

    ws_session *session = connect_plain("");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_STATUS(ws_close(session, bad[i], NULL, 0), WS_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(ws_close(session, WS_CLOSE_NORMAL, reason, 124), WS_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(ws_close(session, WS_CLOSE_NORMAL, reason, WS_NUL_TERMINATED), WS_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(ws_close(session, WS_CLOSE_NORMAL, "\xff", 1), WS_ERR_INVALID_ARGUMENT);
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    echo_text(session, "none of these closed it");
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, reason, 123));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        session = connect_plain("");
        CHECK_OK(ws_close(session, good[i], NULL, 0));
        CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
        ws_close_info info = close_info(session);
        CHECK_EQ(info.local_code, good[i]);
        CHECK_EQ(info.clean, 1);
        ws_session_free(session);
    }
}

static void a_silent_server_cannot_keep_a_session(transport how)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_close_timeout_ms(config, 50));
    ws_session *session = connect_with(how, "silent", config);
    ws_config_free(config);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_close_info info = close_info(session);
    CHECK_EQ(info.local_code, WS_CLOSE_NORMAL);
    CHECK_EQ(info.remote_code, WS_CLOSE_ABNORMAL);
    CHECK_EQ(info.clean, 0);
    CHECK_EQ(info.initiator, WS_CLOSED_BY_LOCAL);
    expect_end(session, WS_ERR_CLOSED_ABNORMALLY);
    ws_session_free(session);
}

static void an_open_session_has_no_close_info(void)
{
    ws_session *session = connect_plain("");
    ws_close_info info = {.struct_size = sizeof info, .local_code = 77};
    CHECK_STATUS(ws_get_close_info(session, &info), WS_ERR_STATE);
    CHECK_EQ(info.local_code, 0);
    CHECK_EQ(info.struct_size, sizeof info);
    close_and_free(session);
}

/* A program compiled with a later header has a larger struct: the library writes its own part of it only, whatever the
 * size says. */
static void a_larger_struct_is_written_as_far_as_it_is_known(void)
{
    struct {
        union {
            ws_close_info reason;
            ws_stats statistics;
        } known;
        char later[64];
    } larger;
    static const size_t sizes[] = {1, 64, 0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ws_session *session = connect_plain("close/4001/bye");
        for (int has_ended = 0; has_ended <= 1; has_ended++) {
            if (has_ended)
                CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
            size_t size = sizes[i] == 0 ? 4096 : sizeof(ws_close_info) + sizes[i];
            memset(&larger, 0x55, sizeof larger);
            larger.known.reason.struct_size = size;
            ws_status status = ws_get_close_info(session, &larger.known.reason);
            if (has_ended)
                CHECK_OK(status);
            CHECK_EQ(larger.known.reason.struct_size, size);
            CHECK_EQ(larger.known.reason.remote_code, status == WS_OK ? 4001 : 0);
            for (char *at = (char *)(&larger.known.reason + 1); at < larger.later + sizeof larger.later; at++)
                CHECK_EQ(*at, 0x55);

            size = sizes[i] == 0 ? 4096 : sizeof(ws_stats) + sizes[i];
            memset(&larger, 0x55, sizeof larger);
            larger.known.statistics.struct_size = size;
            CHECK_OK(ws_get_stats(session, &larger.known.statistics));
            CHECK_EQ(larger.known.statistics.struct_size, size);
            CHECK_EQ(larger.known.statistics.reconnects, 0);
            for (char *at = (char *)(&larger.known.statistics + 1); at < larger.later + sizeof larger.later; at++)
                CHECK_EQ(*at, 0x55);
        }
        ws_session_free(session);
    }
}

/* The server never answers, nor sends anything: patience with its silence ends the session. */
static void silent_for_too_long(void)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_idle_timeout_ms(config, 50));
    ws_session *session = connect_with(PLAIN, "silent", config);
    ws_config_free(config);
    expect_end(session, WS_ERR_IDLE_TIMEOUT);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_close_info info = close_info(session);
    CHECK_EQ(info.local_code, WS_CLOSE_GOING_AWAY);
    CHECK_EQ(info.remote_code, WS_CLOSE_ABNORMAL);
    CHECK_EQ(info.clean, 0);
    CHECK_EQ(info.initiator, WS_CLOSED_BY_LOCAL);
    CHECK(strstr(ws_error_message(ws_session_error(session)), " ms") != NULL);
    ws_session_free(session);
}

static void a_struct_size_that_was_never_set_is_refused(void)
{
    ws_session *session = connect_plain("close/1000/bye");
    expect_end(session, WS_ERR_CLOSED);
    ws_close_info info;
    memset(&info, 0x55, sizeof info);
    CHECK_STATUS(ws_get_close_info(session, &info), WS_ERR_INVALID_ARGUMENT);
    info.struct_size = sizeof info - 1;
    CHECK_STATUS(ws_get_close_info(session, &info), WS_ERR_INVALID_ARGUMENT);
    CHECK_EQ(info.local_code, 0x55555555);
    ws_session_free(session);
}

/* Far more comes in than the queue holds, nobody receives it, and the end is clean all the same. */
static void closed_with_a_full_queue(transport how)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_incoming_queue(config, 10, 0, WS_QUEUE_WAIT));
    ws_session *session = connect_with(how, "burst/100000", config);
    ws_config_free(config);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(close_info(session).clean, 1);
    /* What was in the queue is still there, in order. */
    expect_text(session, "0");
    expect_text(session, "1");
    ws_session_free(session);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        closed_here(how);
        closed_by_the_server(how);
        dropped_by_the_server(how);
        what_came_before_the_end_is_delivered(how);
        a_silent_server_cannot_keep_a_session(how);
        closed_with_a_full_queue(how);
    }
    silent_for_too_long();
    a_struct_size_that_was_never_set_is_refused();
    close_codes();
    an_open_session_has_no_close_info();
    a_larger_struct_is_written_as_far_as_it_is_known();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
