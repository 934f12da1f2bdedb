/* The end of a session, however it comes, wakes all who wait. With --small only without TLS, for valgrind. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"

enum { LARGE = 20 << 20 };

static const char large[LARGE];

static ws_status send_one(ws_session *session)
{
    return ws_send(session, WS_FRAME_TEXT, "never", 5, 0, -1);
}

static ws_status send_batch(ws_session *session)
{
    const ws_message items[2] = {{.data = "never", .size = 5, .type = WS_FRAME_TEXT}, {.data = "never", .type = WS_FRAME_BINARY}};
    size_t accepted = 77;
    ws_status status = ws_send_batch(session, items, 2, &accepted, -1);
    CHECK_EQ(accepted, 0);
    return status;
}

/* One thread in each call that waits, and two that receive. */
typedef struct waiters {
    ws_session *session;
    caller receivers[2], sender, batch_sender, flusher, leaver;
} waiters;

static void block_all(waiters *all, transport how)
{
    all->session = connect_steered(how, NULL);
    STEER("read off");
    CHECK_OK(ws_send(all->session, WS_FRAME_BINARY, large, sizeof large, 0, 0));
    start_blocked(&all->receivers[0], receive, all->session);
    start_blocked(&all->receivers[1], receive_batch, all->session);
    start_blocked(&all->sender, send_one, all->session);
    start_blocked(&all->batch_sender, send_batch, all->session);
    start_blocked(&all->flusher, flush, all->session);
    start_blocked(&all->leaver, wait_closed, all->session);
}

static void expect_all(waiters *all, ws_status expected)
{
    expect_result(&all->receivers[0], expected);
    expect_result(&all->receivers[1], expected);
    expect_result(&all->sender, expected);
    expect_result(&all->batch_sender, expected);
    expect_result(&all->flusher, expected);
    expect_result(&all->leaver, WS_OK);
}

static void by_aborting(transport how)
{
    waiters all;
    block_all(&all, how);
    CHECK_OK(ws_abort(all.session));
    expect_all(&all, WS_ERR_ABORTED);
    CHECK_EQ(ws_state(all.session), WS_STATE_CLOSED);
    ws_session_free(all.session);
}

static void by_freeing(transport how)
{
    waiters all;
    block_all(&all, how);
    ws_session_free(all.session);
    expect_all(&all, WS_ERR_ABORTED);
}

static void by_a_reset(transport how)
{
    waiters all;
    block_all(&all, how);
    STEER("reset");
    expect_all(&all, WS_ERR_IO);
    CHECK_EQ(ws_state(all.session), WS_STATE_CLOSED);
    ws_session_free(all.session);
}

/* Closing wakes whoever would send; what was accepted before is flushed and goes out before the Close. */
static void by_closing(transport how)
{
    waiters all;
    block_all(&all, how);
    CHECK_OK(ws_close(all.session, WS_CLOSE_NORMAL, NULL, 0));
    expect_result(&all.sender, WS_ERR_CLOSED);
    expect_result(&all.batch_sender, WS_ERR_CLOSED);
    STEER("read on");
    expect_result(&all.flusher, WS_OK);
    expect_result(&all.receivers[0], WS_ERR_CLOSED);
    expect_result(&all.receivers[1], WS_ERR_CLOSED);
    expect_result(&all.leaver, WS_OK);
    CHECK_STR(server("frames 2"), "B X");
    ws_session_free(all.session);
}

static void by_shutting_down(transport how)
{
    waiters all;
    block_all(&all, how);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_all(&all, WS_ERR_ABORTED);
    ws_session_free(all.session);
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    for (transport how = PLAIN; how <= (small ? PLAIN : TLS); how++) {
        by_aborting(how);
        by_freeing(how);
        by_a_reset(how);
        by_closing(how);
        by_shutting_down(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
