/* How sessions of a group end: once, behind their messages, whatever else happens at that moment. */

#define _GNU_SOURCE
#include "watching.h"
#include <unistd.h>

/* The end comes just when the last message before it is taken. */
static void an_end_comes_once(transport how, const char *end, ws_status expected)
{
    ws_group *group = ws_group_new();
    ws_config *config = ws_config_new();
    CHECK(group != NULL && config != NULL);
    CHECK_OK(ws_config_set_group(config, group));
    int fd = ws_group_event_fd(group);
    CHECK(fd >= 0);
    for (int round = 0; round < 200; round++) {
        scripted peer;
        begin_script(&peer, connect_steered(how, config));
        write_text(&peer, 20, 1, 0);
        write_other(&peer, end);
        release(&peer, peer.bytes);
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        CHECK_OK(ws_group_recv(group, &session, &frame, PATIENCE_MS));
        expect_next_frame(&peer, frame);
        CHECK_STATUS(ws_group_recv(group, &session, &frame, PATIENCE_MS), expected);
        CHECK(session == peer.session);
        CHECK_EQ(ws_group_size(group), 0);
        CHECK_OK(ws_wait_closed(peer.session, PATIENCE_MS));
        /* And never again. */
        CHECK(!is_readable(fd));
        CHECK_STATUS(ws_group_recv(group, &session, &frame, 0), WS_ERR_TIMEOUT);
        ws_session_free(peer.session);
        CHECK(!is_readable(fd));
    }
    ws_config_free(config);
    ws_group_free(group);
    CHECK_EQ(close(fd), 0);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        an_end_comes_once(how, "close", WS_ERR_CLOSED);
        an_end_comes_once(how, "opcode", WS_ERR_PROTOCOL);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
