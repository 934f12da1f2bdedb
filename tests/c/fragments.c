/* A message that is sent in fragments: other threads' messages wait for its end, and nothing but control frames comes
 * between. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"

static ws_status send_whole(ws_session *session)
{
    return ws_send(session, WS_FRAME_TEXT, "whole", 5, 0, -1);
}

static ws_status send_in_batch(ws_session *session)
{
    const ws_message items[2] = {{.data = "one", .size = 3, .type = WS_FRAME_TEXT},
                                 {.data = "two", .size = 3, .type = WS_FRAME_BINARY, .flags = WS_SEND_CORK}};
    size_t accepted = 0;
    ws_status status = ws_send_batch(session, items, 2, &accepted, -1);
    CHECK_EQ(accepted, status == WS_OK ? 2 : 0);
    return status;
}

static ws_status send_in_fragments(ws_session *session)
{
    ws_status status = ws_send(session, WS_FRAME_BINARY, "1", 1, WS_SEND_MORE, -1);
    return status != WS_OK ? status : ws_send(session, WS_FRAME_CONTINUATION, "2", 1, 0, -1);
}

static ws_status send_at_once(ws_session *session)
{
    return ws_send(session, WS_FRAME_TEXT, "at once", 7, 0, 0);
}

static ws_status send_soon(ws_session *session)
{
    return ws_send_text(session, "soon", 4);
}

static ws_status send_the_end(ws_session *session)
{
    return ws_send(session, WS_FRAME_CONTINUATION, "end", 3, 0, PATIENCE_MS);
}

static ws_config *new_config(void)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    return config;
}

static void other_threads_wait(transport how, const char *path)
{
    ws_config *config = new_config();
    CHECK_OK(ws_config_install_deflate(config, NULL));
    CHECK_OK(ws_config_set_send_timeout_ms(config, 20));
    ws_session *session = path == NULL ? connect_steered(how, config) : connect_steered_at(path, config);
    ws_config_free(config);
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "first, ", 7, WS_SEND_MORE, PATIENCE_MS));
    CHECK_STR(server("frames 1"), "t");
    caller whole, batch, fragments, call;
    start_blocked(&whole, send_whole, session);
    start_blocked(&batch, send_in_batch, session);
    start_blocked(&fragments, send_in_fragments, session);
    /* Their time counts, and nothing of them is queued then. */
    start_call(&call, send_at_once, session);
    expect_result(&call, WS_ERR_TIMEOUT);
    start_call(&call, send_soon, session);
    expect_result(&call, WS_ERR_TIMEOUT);
    CHECK_OK(ws_send(session, WS_FRAME_PING, "p", 1, 0, -1));
    CHECK_OK(ws_send(session, WS_FRAME_CONTINUATION, "second, ", 8, WS_SEND_MORE, PATIENCE_MS));
    CHECK_STR(server("frames 3"), "t I c");
    /* This thread cannot wait for itself. */
    CHECK_STATUS(send_whole(session), WS_ERR_STATE);
    CHECK_STATUS(send_in_batch(session), WS_ERR_STATE);
    CHECK_STATUS(send_in_fragments(session), WS_ERR_STATE);
    CHECK_OK(ws_send(session, WS_FRAME_CONTINUATION, "third", 5, 0, PATIENCE_MS));
    expect_result(&whole, WS_OK);
    expect_result(&batch, WS_OK);
    expect_result(&fragments, WS_OK);
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    /* In whichever order they came: three whole ones, and one of two frames that follow each other. */
    const char *frames = server("frames 9");
    CHECK(strncmp(frames, "t I c C ", 8) == 0);
    CHECK(strstr(frames, "b C") != NULL);
    CHECK_STR(server("received"), "5 messages");
    if (path == NULL)
        CHECK_STR(server("message 0"), "first, second, third");
    close_and_free(session);
}

/* A thread may hand a message over to another one. */
static void any_thread_may_go_on(void)
{
    ws_session *session = connect_steered(PLAIN, NULL);
    CHECK_STATUS(send_the_end(session), WS_ERR_STATE);
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "begin ", 6, WS_SEND_MORE, PATIENCE_MS));
    caller call;
    start_call(&call, send_the_end, session);
    expect_result(&call, WS_OK);
    CHECK_OK(send_whole(session));
    CHECK_STR(server("message 0"), "begin end");
    CHECK_STR(server("message 1"), "whole");
    close_and_free(session);
}

static void the_end_ends_waiting(void)
{
    static const ws_status expected[] = {WS_ERR_INTERRUPTED, WS_ERR_CLOSED, WS_ERR_ABORTED};
    for (int i = 0; i < 3; i++) {
        ws_session *session = connect_steered(PLAIN, NULL);
        CHECK_OK(ws_send(session, WS_FRAME_TEXT, "begin", 5, WS_SEND_MORE, PATIENCE_MS));
        caller call;
        start_blocked(&call, send_whole, session);
        if (i == 0)
            CHECK_OK(ws_interrupt(session));
        else if (i == 1)
            CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
        else
            CHECK_OK(ws_abort(session));
        expect_result(&call, expected[i]);
        if (i == 1)
            CHECK_STR(server("frames 2"), "t X");
        ws_session_free(session);
    }
}

/* With a full queue a fragment waits for room; the others wait for its message all the same. */
static void a_full_queue(void)
{
    static const char large[4 << 20];
    ws_config *config = new_config();
    CHECK_OK(ws_config_set_outgoing_queue(config, 0, 1 << 20, WS_QUEUE_DROP_OLDEST));
    ws_session *session = connect_steered(PLAIN, config);
    ws_config_free(config);
    STEER("read off");
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, large, sizeof large, WS_SEND_MORE, PATIENCE_MS));
    CHECK_OK(ws_send(session, WS_FRAME_CONTINUATION, large, sizeof large, WS_SEND_MORE, PATIENCE_MS));
    /* Whatever the policy for a full queue. */
    caller call;
    start_blocked(&call, send_whole, session);
    CHECK_OK(ws_send(session, WS_FRAME_CONTINUATION, "end", 3, 0, PATIENCE_MS));
    expect_result(&call, WS_OK);
    STEER("read on");
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_STR(server("frames 4"), "b c C T");
    CHECK_STR(server("message 1"), "whole");
    close_and_free(session);
}

/* With the connection goes the message, unless it is kept: then the others wait until it is complete, also meanwhile. */
static void a_lost_connection(void)
{
    for (uint32_t flags = 0; flags <= WS_RECONNECT_KEEP_UNSENT; flags += WS_RECONNECT_KEEP_UNSENT) {
        ws_config *config = new_config();
        const ws_reconnect_options options = {
            .struct_size = sizeof options, .first_delay_ms = 1, .max_delay_ms = 1, .flags = flags};
        CHECK_OK(ws_config_set_reconnect(config, &options));
        ws_session *session = connect_steered(PLAIN, config);
        ws_config_free(config);
        int connections = atoi(server("connections"));
        CHECK_OK(ws_send(session, WS_FRAME_TEXT, "begin ", 6, WS_SEND_MORE, PATIENCE_MS));
        CHECK_STR(server("frames 1"), "t");
        caller call;
        start_blocked(&call, send_whole, session);
        STEER("reset");
        while (atoi(server("connections")) == connections)
            sched_yield();
        if (flags == 0) {
            expect_result(&call, WS_OK);
            CHECK_STATUS(send_the_end(session), WS_ERR_IO);
            CHECK_STATUS(send_the_end(session), WS_ERR_STATE);
            CHECK_STR(server("message 0"), "whole");
        } else {
            CHECK_OK(send_the_end(session));
            expect_result(&call, WS_OK);
            CHECK_STR(server("message 0"), "begin end");
            CHECK_STR(server("message 1"), "whole");
        }
        close_and_free(session);
    }
}

int main(void)
{
    other_threads_wait(PLAIN, NULL);
    other_threads_wait(TLS, NULL);
    other_threads_wait(PLAIN, "deflate");
    any_thread_may_go_on();
    the_end_ends_waiting();
    a_full_queue();
    a_lost_connection();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
