/* A forked child inherits handles it may only free, and can connect anew; the parent goes on. */

#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <sys/wait.h>
#include <unistd.h>

static void in_the_child(ws_session *inherited, transport how)
{
    char buffer[16];
    size_t size = 77;
    uint32_t type = 77;
    ws_frame *frame = NULL;
    ws_close_reason info = {.struct_size = sizeof info};
    CHECK_STATUS(ws_send_text(inherited, "from the child", WS_NUL_TERMINATED), WS_ERR_FORKED);
    CHECK_STATUS(ws_send_binary(inherited, "", 0), WS_ERR_FORKED);
    CHECK_STATUS(ws_send(inherited, WS_TEXT, "", 0, 0, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_recv(inherited, &frame, -1), WS_ERR_FORKED);
    CHECK(frame == NULL);
    CHECK_STATUS(ws_recv_into(inherited, buffer, sizeof buffer, &size, &type, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_set_max_frame_size(inherited, 1), WS_ERR_FORKED);
    CHECK_STATUS(ws_set_max_message_size(inherited, 1), WS_ERR_FORKED);
    CHECK_STATUS(ws_close(inherited, WS_CLOSE_NORMAL, NULL, 0), WS_ERR_FORKED);
    CHECK_STATUS(ws_wait_closed(inherited, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_close_info(inherited, &info), WS_ERR_FORKED);
    CHECK_STATUS(ws_abort(inherited), WS_ERR_FORKED);
    ws_session_free(inherited);

    ws_session *own = connect_with(how, "", NULL);
    echo_text(own, "the child's own");
    close_and_free(own);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

static void fork_with_an_open_session(transport how)
{
    ws_session *session = connect_with(how, "", NULL);
    echo_text(session, "before");
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        in_the_child(session, how);
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    echo_text(session, "after");
    close_and_free(session);
}

int main(void)
{
    fork_with_an_open_session(PLAIN);
    fork_with_an_open_session(TLS);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
