/* The event descriptor with full queues, violations, and control frames that are seen. */

#define _GNU_SOURCE
#include "watching.h"

/* It takes effect when the messages before it are taken, without anybody in a call. */
static void a_violation_stands_behind_messages(transport how)
{
    scripted peer;
    begin_script(&peer, connect_steered(how, NULL));
    int fd = event_fd_of(peer.session);
    write_text(&peer, 20, 1, 0);
    write_text(&peer, 20, 1, 0);
    write_other(&peer, "opcode");
    release(&peer, peer.bytes);
    while (waiting(&peer) > 0) {
        ws_frame *frame = NULL;
        CHECK_OK(receive_watching(peer.session, fd, &frame));
        expect_next_frame(&peer, frame);
        /* What came can still be answered. */
        if (waiting(&peer) > 0)
            CHECK_OK(ws_send_text(peer.session, "answer", WS_NUL_TERMINATED));
    }
    ws_frame *none = NULL;
    CHECK_STATUS(receive_watching(peer.session, fd, &none), WS_ERR_PROTOCOL);
    CHECK(is_readable(fd));
    CHECK_STR(server("close_code"), "1002");
    ws_session_free(peer.session);
}

/* Control frames that are to be seen are as good as messages. */
static void control_frames_that_are_seen(transport how)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_deliver_control(config, WS_CONTROL_PING | WS_CONTROL_CLOSE));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    int fd = event_fd_of(session);
    STEER("pong unseen");
    STEER("pings 2");
    for (int i = 0; i < 2; i++) {
        wait_readable(fd);
        expect_message(session, WS_FRAME_PING, i == 0 ? "0" : "1", 1);
    }
    expect_nothing_more(session, fd);
    STEER("close 1000");
    wait_readable(fd);
    expect_message(session, WS_FRAME_CLOSE, "", 0);
    ws_frame *none = NULL;
    CHECK_STATUS(receive_watching(session, fd, &none), WS_ERR_CLOSED);
    ws_session_free(session);
}

enum { BOUND = 10 };

static ws_session *connect_with_queue(transport how, uint32_t policy)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_incoming_queue(config, BOUND, 0, policy));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    return session;
}

/* Nobody receives, and the server has far more than fits: it is held back, and nothing is lost. */
static void a_full_queue_waits(transport how)
{
    enum { MESSAGES = 5000, SIZE = 2000 };
    ws_session *session = connect_with_queue(how, WS_QUEUE_WAIT);
    int fd = event_fd_of(session);
    STEER("flood texts %d %d", MESSAGES, SIZE);
    CHECK_STR(server("held"), "yes");
    CHECK_EQ(statistics(session).incoming_messages, BOUND);
    for (unsigned i = 0; i < MESSAGES; i++) {
        wait_readable(fd);
        CHECK(statistics(session).incoming_messages <= BOUND);
        expect_numbered(session, i, SIZE);
    }
    expect_nothing_more(session, fd);
    close_and_free(session);
}

/* The same with the bounds that a session has by default. */
static void far_more_than_fits(void)
{
    enum { FLOOD = 1000000000, SIZE = 2000 };
    ws_session *session = connect_steered(PLAIN, NULL);
    int fd = event_fd_of(session);
    STEER("flood texts %d %d", FLOOD, SIZE);
    CHECK_STR(server("held"), "yes");
    STEER("stop");
    CHECK(statistics(session).incoming_bytes <= 5 * 1024 * 1024);
    unsigned messages = (unsigned)atoi(server("numbered"));
    for (unsigned i = 0; i < messages; i++) {
        wait_readable(fd);
        expect_numbered(session, i, SIZE);
    }
    expect_nothing_more(session, fd);
    close_and_free(session);
}

static void a_full_queue_drops(transport how)
{
    ws_session *session = connect_with_queue(how, WS_QUEUE_DROP_OLDEST);
    scripted peer;
    begin_script(&peer, session);
    int fd = event_fd_of(session);
    for (unsigned round = 1; round <= 2; round++) {
        STEER("texts 100");
        exchange_ping(&peer);
        CHECK_EQ(statistics(session).incoming_dropped, round * (100 - BOUND));
        for (unsigned i = 100 - BOUND; i < 100; i++) {
            CHECK(is_readable(fd));
            expect_numbered(session, (round - 1) * 100 + i, 0);
        }
        expect_nothing_more(session, fd);
    }
    close_and_free(session);
}

static void a_full_queue_ends_the_session(transport how)
{
    ws_session *session = connect_with_queue(how, WS_QUEUE_CLOSE);
    int fd = event_fd_of(session);
    STEER("texts %d", BOUND + 1);
    CHECK_STR(server("close_code"), "1008");
    for (unsigned i = 0; i < BOUND; i++) {
        CHECK(is_readable(fd));
        expect_numbered(session, i, 0);
    }
    ws_frame *none = NULL;
    CHECK_STATUS(receive_watching(session, fd, &none), WS_ERR_OVERFLOW);
    CHECK(is_readable(fd));
    ws_session_free(session);
}

/* A server sends pings and does not take the answers: the library stops reading, and the descriptor says nothing until
 * the server takes some. Whether the application receives again and again, or came last before the socket was full. */
static void a_server_that_takes_no_pongs(transport how, int receives)
{
    ws_session *session = connect_steered(how, NULL);
    int fd = event_fd_of(session);
    STEER("read off");
    STEER("flood pings");
    if (receives) {
        uint64_t pings;
        do {
            pings = statistics(session).pings_received;
            for (int i = 0; i < 100; i++)
                CHECK_STATUS(receive_now(session), WS_ERR_TIMEOUT);
        } while (statistics(session).pings_received > pings);
    }
    CHECK_STR(server("held"), "yes");
    expect_nothing_more(session, fd);
    STEER("stop");
    STEER("texts 1");
    STEER("read on");
    ws_frame *frame = NULL;
    CHECK_OK(receive_watching(session, fd, &frame));
    CHECK_STR((const char *)frame->data, "0");
    ws_frame_free(frame);
    expect_nothing_more(session, fd);
    ws_session_free(session);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        a_violation_stands_behind_messages(how);
        control_frames_that_are_seen(how);
        a_full_queue_waits(how);
        a_full_queue_drops(how);
        a_full_queue_ends_the_session(how);
        for (int receives = 0; receives < 2; receives++)
            a_server_that_takes_no_pongs(how, receives);
    }
    far_more_than_fits();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
