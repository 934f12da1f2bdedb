/* While the application is away the library looks after the session; it comes back, and nothing is lost. */

#define _GNU_SOURCE
#include "memory.h"
#include "watching.h"
#include <unistd.h>

enum { QUEUE = 100, SIZE = 1000, FLOOD = 1000000000, VISITS = 10000, LARGE = 40 << 20 };

/* Long enough for the library to have taken over from the thread that received last. This only chooses what is met. */
static void stay_away(void)
{
    poll(NULL, 0, 20);
}

static ws_session *connect_queueing(transport how, size_t messages, size_t bytes)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_incoming_queue(config, messages, bytes, WS_QUEUE_WAIT));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    return session;
}

/* Nobody is in any call while the server waits for the pong: before the first call, after one, and between many. */
static void pings_are_answered(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    ws_frame *frame = NULL;
    STEER("pings 10");
    CHECK_STR(server("pongs 10"), "in order");
    ws_session_free(session);

    session = connect_steered(how, NULL);
    CHECK_STATUS(ws_recv(session, &frame, 1), WS_ERR_TIMEOUT);
    STEER("pings 1");
    CHECK_STR(server("pongs 1"), "in order");
    ws_session_free(session);

    session = connect_steered(how, NULL);
    for (unsigned i = 0; i < 300; i++)
        CHECK_STATUS(ws_recv(session, &frame, i % 3 == 0), WS_ERR_TIMEOUT);
    STEER("pings 1");
    CHECK_STR(server("pongs 1"), "in order");
    close_and_free(session);

    /* Behind messages that nobody receives, as long as there is room for them. */
    session = connect_queueing(how, QUEUE + 1, 0);
    STEER("texts %d", QUEUE);
    STEER("pings 100");
    CHECK_STR(server("pongs 100"), "in order");
    for (unsigned i = 0; i < QUEUE; i++)
        expect_numbered(session, i, 0);
    close_and_free(session);
}

static void a_close_is_answered(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    STEER("texts 3");
    STEER("close 4321");
    CHECK_STR(server("close_code"), "4321");
    CHECK_STR(server("end"), "fin");
    for (unsigned i = 0; i < 3; i++)
        expect_numbered(session, i, 0);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_CLOSED);
    ws_session_free(session);
}

/* A short read has not always emptied the socket: urgent data ends a read early. The kernel announces only once what
 * has come while the process was stopped. */
static void what_comes_behind_a_short_read(void)
{
    enum { ROUNDS = 20 };
    scripted peer;
    begin_script(&peer, connect_steered(PLAIN, NULL));
    for (unsigned round = 0; round < ROUNDS; round++) {
        /* Afterwards the library waits for the socket. */
        exchange_ping(&peer);
        write_other(&peer, "ping");
        uint64_t first = peer.bytes - peer.released;
        write_other(&peer, "ping");
        STEER("everyone %d release_in_two_reads %llu", (int)getpid(), (unsigned long long)first);
        peer.released = peer.bytes;
        CHECK_STR(server("answered"), "yes");
    }
    close_and_free(peer.session);
}

/* The queue fills up, then TCP holds the server, and memory does not grow. Nothing is lost when it flows again. */
static void a_full_queue_holds_the_server(transport how, size_t messages, size_t bytes)
{
    ws_session *session = connect_queueing(how, messages, bytes);
    ws_frame *frame = NULL;
    unsigned next = 0;
    for (unsigned been_there = 0; been_there <= 1; been_there++) {
        long before = resident_kib();
        /* As much as the kernels take: the more was received, the larger is the receive buffer that the client's has. */
        STEER("flood texts %d %d", FLOOD, SIZE);
        CHECK_STR(server("held"), "yes");
        STEER("stop");
        unsigned first = next;
        next = (unsigned)atoi(server("numbered"));
        CHECK(peak_since(before) < 8 * 1024);
        CHECK_EQ(ws_state(session), WS_STATE_OPEN);
        for (unsigned i = first; i < next; i++)
            expect_numbered(session, i, SIZE);
        CHECK(peak_since(before) < 8 * 1024);
        CHECK_STATUS(ws_recv(session, &frame, 10), WS_ERR_TIMEOUT);
    }
    CHECK_OK(ws_send_text(session, "0", 1));
    CHECK_STR(server("in_order 1"), "yes");
    close_and_free(session);
}

/* A ping behind a full queue waits for room, as ws_config_set_incoming_queue says; it is not forgotten. */
static void a_ping_behind_a_full_queue(transport how)
{
    ws_session *session = connect_queueing(how, QUEUE, 0);
    STEER("texts %d", 2 * QUEUE);
    STEER("pings 1");
    STEER("taken");
    /* With more than half of it free the library reads on by itself. */
    unsigned left = QUEUE / 2 - 1;
    for (unsigned i = 0; i < 2 * QUEUE - left; i++)
        expect_numbered(session, i, 0);
    CHECK_STR(server("pongs 1"), "in order");
    for (unsigned i = 2 * QUEUE - left; i < 2 * QUEUE; i++)
        expect_numbered(session, i, 0);
    close_and_free(session);
}

/* The application takes one message and is away again: there is room for what comes behind the full queue. */
static void a_ping_with_room_for_one_message(transport how)
{
    ws_session *session = connect_queueing(how, QUEUE, 0);
    STEER("texts %d", QUEUE);
    STEER("pings 1");
    STEER("taken");
    stay_away();
    expect_numbered(session, 0, 0);
    CHECK_STR(server("pongs 1"), "in order");
    for (unsigned i = 1; i < QUEUE; i++)
        expect_numbered(session, i, 0);
    close_and_free(session);
}

/* Comes for a moment, works for a moment, and now and then stays away for long; messages come in pieces. */
static void coming_and_going(transport how, unsigned seed)
{
    ws_session *session = connect_queueing(how, QUEUE, 0);
    STEER("segments %u", 7 + seed * 100);
    STEER("flood texts %d 40", VISITS);
    unsigned received = 0, visits = 0;
    srand(seed);
    while (received < VISITS) {
        ws_frame *frames[8];
        char buffer[64];
        size_t count = 0, size = 0;
        ws_status status;
        visits++;
        int way = rand() % 4;
        if (way == 0) {
            status = ws_recv_into(session, buffer, sizeof buffer, &size, NULL, 0);
            if (status == WS_OK) {
                CHECK_EQ(size, 40);
                CHECK_EQ(atoi(buffer), received);
                received++;
            }
        } else {
            status = way == 1 ? ws_recv_batch(session, frames, 8, &count, 0) : ws_recv(session, frames, way == 2);
            if (status == WS_OK && way != 1)
                count = 1;
            for (size_t i = 0; i < count; i++, received++) {
                CHECK_EQ(atoi((const char *)frames[i]->data), received);
                ws_frame_free(frames[i]);
            }
        }
        if (status != WS_OK)
            CHECK_STATUS(status, WS_ERR_TIMEOUT);
        if (rand() % 1000 == 0)
            stay_away();
        else if (rand() % 4 == 0)
            sched_yield();
    }
    CHECK(visits > 1000);
    STEER("stop");
    STEER("pings 1");
    CHECK_STR(server("pongs 1"), "in order");
    CHECK_OK(ws_send_text(session, "0", 1));
    CHECK_STR(server("in_order 1"), "yes");
    close_and_free(session);
}

/* What was kept back behind a server that takes nothing is let go of with the session, also when it is asked for. The
 * system has memory of this size back as soon as it is freed. */
static void kept_back_messages_end_with_the_session(transport how)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_outgoing_queue(config, 0, 2 * LARGE, WS_QUEUE_WAIT));
    char *large = calloc(1, LARGE);
    CHECK(large != NULL);
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    STEER("read off");
    long before = resident_kib();
    CHECK_OK(ws_send_binary(session, large, LARGE));
    free(large);
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "a", 1, WS_SEND_CORK, 0));
    CHECK_OK(ws_abort(session));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_STATUS(ws_flush(session, 0), WS_ERR_ABORTED);
    ws_session_free(session);
    while (resident_kib() > before + LARGE / 2 / 1024)
        sched_yield();
}

int main(void)
{
    what_comes_behind_a_short_read();
    for (transport how = PLAIN; how <= TLS; how++) {
        pings_are_answered(how);
        a_close_is_answered(how);
        a_full_queue_holds_the_server(how, QUEUE, 0);
        a_full_queue_holds_the_server(how, 0, QUEUE * SIZE);
        a_ping_behind_a_full_queue(how);
        a_ping_with_room_for_one_message(how);
        kept_back_messages_end_with_the_session(how);
        for (unsigned seed = 0; seed < 3; seed++)
            coming_and_going(how, seed);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
