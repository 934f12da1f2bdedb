/* A server that goes away must not kill the program: SIGPIPE is left at its default, which would. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"
#include <signal.h>

enum { ROUNDS = 50, LARGE = 20 << 20 };

static void send_until_it_fails(transport how, size_t size)
{
    static const char data[1 << 20];
    ws_session *session = connect_with(how, "drop", NULL);
    ws_status status;
    do
        status = ws_send(session, WS_FRAME_BINARY, data, size, 0, PATIENCE_MS);
    while (status == WS_OK);
    /* A reset or a plain end, whichever the kernel reports first. */
    CHECK(status == WS_ERR_IO || status == WS_ERR_CLOSED_ABNORMALLY);
    /* Closing and freeing write as well: a Close, over TLS a close_notify. */
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
}

static void leave_at_once(transport how)
{
    ws_session *session = connect_with(how, "drop", NULL);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
}

static ws_status send_one(ws_session *session)
{
    return ws_send(session, WS_FRAME_TEXT, "never", 5, 0, -1);
}

/* Every call that could write to a connection that is gone. */
static void write_in_every_way(ws_session *session)
{
    ws_message item = {.data = "late", .size = 4, .type = WS_FRAME_TEXT};
    CHECK(ws_send(session, WS_FRAME_TEXT, "late", 4, WS_SEND_CORK, 0) != WS_OK);
    CHECK(ws_send_batch(session, &item, 1, NULL, 0) != WS_OK);
    CHECK(ws_send(session, WS_FRAME_PING, "late", 4, 0, -1) != WS_OK);
    CHECK(ws_send(session, WS_FRAME_PONG, "late", 4, 0, -1) != WS_OK);
    CHECK(ws_flush(session, PATIENCE_MS) != WS_ERR_TIMEOUT);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
}

/* Much of a message is under way; one thread waits to send the next, and one until all is sent. */
static void reset_in_the_middle(transport how)
{
    static const char large[LARGE];
    ws_session *session = connect_steered(how, NULL);
    caller sender, flusher;
    STEER("read off");
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, large, sizeof large, 0, 0));
    start_call(&sender, send_one, session);
    start_blocked(&flusher, flush, session);
    STEER("reset");
    expect_result(&sender, WS_ERR_IO);
    expect_result(&flusher, WS_ERR_IO);
    write_in_every_way(session);
}

/* The server is gone before a small message, which this thread sends itself at once. */
static void reset_before_a_send(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    STEER("reset");
    while (ws_send(session, WS_FRAME_TEXT, "never", 5, 0, PATIENCE_MS) == WS_OK)
        ;
    write_in_every_way(session);
}

int main(void)
{
    struct sigaction before = {.sa_handler = SIG_DFL}, after;
    CHECK_EQ(sigaction(SIGPIPE, &before, NULL), 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (transport how = PLAIN; how <= TLS; how++) {
            send_until_it_fails(how, 1);
            send_until_it_fails(how, 4096);
            send_until_it_fails(how, 1 << 20);
            leave_at_once(how);
            reset_before_a_send(how);
            if (round % 10 == 0)
                reset_in_the_middle(how);
        }
    }
    CHECK_EQ(sigaction(SIGPIPE, NULL, &after), 0);
    CHECK(after.sa_handler == SIG_DFL);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
