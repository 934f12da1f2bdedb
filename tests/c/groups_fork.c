/* A group stays with the process that made it: in a forked child it is good for nothing but to be freed. */

#define _GNU_SOURCE
#include "watching.h"
#include <sys/wait.h>
#include <unistd.h>

static void in_the_child(ws_group *inherited, ws_config *config, ws_session *member)
{
    ws_session *session = (ws_session *)&member;
    ws_frame *frame = (ws_frame *)&member;
    CHECK_STATUS(ws_group_recv(inherited, &session, &frame, 0), WS_ERR_FORKED);
    CHECK_STATUS(ws_group_close(inherited, WS_CLOSE_NORMAL, NULL, 0, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_group_interrupt(inherited), WS_ERR_FORKED);
    CHECK_EQ(ws_group_event_fd(inherited), -1);
    CHECK_STATUS(ws_connect(environment("ECHO_WS_URL"), config, &session, NULL), WS_ERR_FORKED);
    ws_group_free(inherited);
    ws_session_free(member);
    /* A group of its own works. */
    ws_group *own = ws_group_new();
    ws_config *own_config = config_of(own);
    session = connect_with(PLAIN, "hello", own_config);
    ws_frame_free(receive_from(own, session));
    CHECK_OK(ws_group_close(own, WS_CLOSE_NORMAL, NULL, 0, PATIENCE_MS));
    CHECK(receive_end(own, WS_ERR_CLOSED) == session);
    ws_session_free(session);
    ws_config_free(own_config);
    ws_group_free(own);
}

static void in_a_forked_child(void)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    ws_session *session = connect_steered(PLAIN, config);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        in_the_child(group, config, session);
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* The parent's goes on. */
    STEER("texts 1");
    ws_frame_free(receive_from(group, session));
    CHECK_OK(ws_group_close(group, WS_CLOSE_NORMAL, NULL, 0, PATIENCE_MS));
    CHECK_STR(server("close_code"), "1000");
    ws_config_free(config);
    ws_session_free(session);
    ws_group_free(group);
}

int main(void)
{
    in_a_forked_child();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
