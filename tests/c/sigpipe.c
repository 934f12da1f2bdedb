/* A server that goes away must not kill the program: SIGPIPE is left at its default, which would. */

#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <signal.h>

enum { ROUNDS = 50 };

static void send_until_it_fails(transport how, size_t size)
{
    static const char data[1 << 20];
    ws_session *session = connect_with(how, "drop", NULL);
    ws_status status;
    do
        status = ws_send(session, WS_BINARY, data, size, 0, PATIENCE_MS);
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
        }
    }
    CHECK_EQ(sigaction(SIGPIPE, NULL, &after), 0);
    CHECK(after.sa_handler == SIG_DFL);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
