/* Freeing a group, which ends its sessions, and freeing sessions of a group, which leave nothing in it. */

#define _GNU_SOURCE
#include "watching.h"
#include <unistd.h>

/* The servers see the end, messages that wait are dropped, and the handles are there until they are freed. */
static void freeing_a_group(transport how)
{
    enum { SESSIONS = 3 };
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    ws_session *sessions[SESSIONS];
    unsigned first = (unsigned)atoi(server("connections"));
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = connect_steered(how, config);
        STEER("texts 5");
    }
    ws_frame *frame = NULL;
    ws_session *session = NULL;
    CHECK_OK(ws_group_recv(group, &session, &frame, PATIENCE_MS));
    int fd = event_fd_of_group(group);
    CHECK_EQ(ws_group_event_fd(group), fd);
    int watching = watch_by_epoll(fd);
    ws_group_free(group);
    expect_gone(watching, fd);
    for (unsigned i = 0; i < SESSIONS; i++) {
        STEER("connection %u", first + i);
        const char *end = server("end");
        CHECK(strcmp(end, "fin") == 0 || strcmp(end, "rst") == 0);
        CHECK_STR(server("received"), "0 messages");
        ws_frame *none = NULL;
        CHECK_OK(ws_wait_closed(sessions[i], PATIENCE_MS));
        CHECK_STATUS(ws_recv(sessions[i], &none, 0), WS_ERR_STATE);
        CHECK_STATUS(ws_send_text(sessions[i], "x", 1), WS_ERR_ABORTED);
        CHECK_STATUS(ws_error_status(ws_session_error(sessions[i])), WS_ERR_ABORTED);
        ws_session_free(sessions[i]);
    }
    /* What was given is the caller's. */
    CHECK_STR((const char *)frame->data, "0");
    ws_frame_free(frame);
    /* No session joins a group that is gone, whichever of the two goes first. */
    CHECK_STATUS(ws_connect(environment("STEERED_WS_URL"), config, &session, NULL), WS_ERR_STATE);
    CHECK_STATUS(ws_connect_async(environment("STEERED_WS_URL"), config, &session), WS_ERR_STATE);
    ws_config *clone = ws_config_clone(config);
    CHECK_STATUS(ws_connect(environment("STEERED_WS_URL"), clone, &session, NULL), WS_ERR_STATE);
    ws_config_free(clone);
    ws_config_free(config);
    group = ws_group_new();
    ws_config_free(config_of(group));
    ws_group_free(group);
}

/* A member is freed by the loop that receives: what waits of it is not given, and does not make the descriptor say that
 * there is something. */
static void freeing_members(transport how)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    int fd = event_fd_of_group(group);
    scripted kept, freed;
    begin_script(&kept, connect_steered(how, config));
    unsigned number = (unsigned)atoi(server("connections")) - 1;
    for (int i = 0; i < 20; i++) {
        begin_script(&freed, connect_steered(how, config));
        write_text(&freed, 20, 1, 0);
        write_text(&freed, 20, 1, 0);
        release(&freed, freed.bytes);
        exchange_ping(&freed);
        if (i % 2 == 0)
            expect_next_frame(&freed, receive_from(group, freed.session));
        ws_session_free(freed.session);
        CHECK_EQ(ws_group_size(group), 1);
        CHECK(!is_readable(fd));
        expect_nothing_in(group);
        /* Others are not concerned. */
        STEER("connection %u", number);
        write_text(&kept, 20, 1, 0);
        release(&kept, kept.bytes - kept.released);
        expect_next_frame(&kept, receive_from(group, kept.session));
    }
    ws_config_free(config);
    ws_session_free(kept.session);
    CHECK_EQ(ws_group_size(group), 0);
    ws_group_free(group);
}

/* A session that has ended is freed when others have come: they stay in the group, and end with it. */
static void freeing_what_has_ended_before(void)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    ws_session *before = connect_steered(PLAIN, config);
    STEER("close 1000");
    CHECK(receive_end(group, WS_ERR_CLOSED) == before);
    ws_session *after = connect_steered(PLAIN, config);
    CHECK_OK(ws_wait_closed(before, PATIENCE_MS));
    ws_session_free(before);
    CHECK_EQ(ws_group_size(group), 1);
    ws_config_free(config);
    ws_group_free(group);
    CHECK_OK(ws_wait_closed(after, PATIENCE_MS));
    CHECK_STATUS(ws_error_status(ws_session_error(after)), WS_ERR_ABORTED);
    ws_session_free(after);
}

/* What could not be opened and is freed is not given. */
static void freeing_what_could_not_be_opened(void)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    int fd = event_fd_of_group(group);
    ws_session *session = NULL;
    CHECK_OK(ws_connect_async("ws://127.0.0.1:1/", config, &session));
    wait_readable(fd);
    ws_session_free(session);
    CHECK_EQ(ws_group_size(group), 0);
    CHECK(!is_readable(fd));
    expect_nothing_in(group);
    /* Nor is what is still being opened then. */
    int listener = listen_silently();
    CHECK_OK(ws_connect_async(silent_url(listener), config, &session));
    CHECK_EQ(ws_group_size(group), 1);
    ws_session_free(session);
    ws_config_free(config);
    /* Its opening may take a moment to notice. */
    while (ws_group_size(group) > 0)
        sched_yield();
    CHECK(!is_readable(fd));
    expect_nothing_in(group);
    ws_group_free(group);
    CHECK_EQ(close(listener), 0);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        freeing_a_group(how);
        freeing_members(how);
    }
    freeing_what_has_ended_before();
    freeing_what_could_not_be_opened();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
