/* What happens when a queue is full and nobody is to wait. */

#define _GNU_SOURCE
#include "steered.h"

enum { SIZE = 1000, MESSAGES = 10 };

static ws_stats numbers(ws_session *session)
{
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK_OK(ws_get_stats(session, &stats));
    return stats;
}

static ws_session *connect_with_queues(transport how, uint32_t incoming, uint32_t outgoing)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_incoming_queue(config, MESSAGES, 0, incoming));
    CHECK_OK(ws_config_set_outgoing_queue(config, 0, MESSAGES * (SIZE + 8), outgoing));
    CHECK_OK(ws_config_set_close_timeout_ms(config, 500));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    return session;
}

/* The library reads on, and the newest stay. */
static void incoming_drops_the_oldest(transport how)
{
    ws_session *session = connect_with_queues(how, WS_QUEUE_DROP_OLDEST, WS_QUEUE_WAIT);
    STEER("texts 100 %d", SIZE);
    STEER("pings 1");
    CHECK_STR(server("pongs 1"), "in order");
    ws_stats stats = numbers(session);
    CHECK_EQ(stats.messages_received, 100);
    CHECK_EQ(stats.incoming_dropped, 100 - MESSAGES);
    CHECK_EQ(stats.incoming_messages, MESSAGES);
    CHECK_EQ(stats.incoming_bytes, MESSAGES * SIZE);
    for (unsigned i = 100 - MESSAGES; i < 100; i++)
        expect_numbered(session, i, SIZE);
    close_and_free(session);
}

/* What was received before is still delivered. */
static void incoming_closes(transport how)
{
    ws_session *session = connect_with_queues(how, WS_QUEUE_CLOSE, WS_QUEUE_WAIT);
    STEER("texts %d %d", MESSAGES + 1, SIZE);
    CHECK_STR(server("close_code"), "1008");
    for (unsigned i = 0; i < MESSAGES; i++)
        expect_numbered(session, i, SIZE);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_OVERFLOW);
    CHECK_STATUS(ws_send_text(session, "x", 1), WS_ERR_OVERFLOW);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_close_info reason = {.struct_size = sizeof reason};
    CHECK_OK(ws_get_close_info(session, &reason));
    CHECK_EQ(reason.initiator, WS_CLOSED_BY_LOCAL);
    CHECK_EQ(reason.local_code, WS_CLOSE_VIOLATED_POLICY);
    CHECK_EQ(reason.clean, 0);
    ws_session_free(session);
}

/* Numbered messages until `done` says so. Returns their number. */
static unsigned send_until(ws_session *session, int (*done)(ws_session *, ws_status))
{
    char text[SIZE + 1];
    for (unsigned i = 0;; i++) {
        memset(text, 'x', SIZE);
        int length = snprintf(text, sizeof text, "%u", i);
        text[length] = ' ';
        if (done(session, ws_send_text(session, text, SIZE)))
            return i;
        CHECK(i < 100000);
    }
}

static int has_overflowed(ws_session *session, ws_status status)
{
    (void)session;
    if (status == WS_OK)
        return 0;
    CHECK_STATUS(status, WS_ERR_OVERFLOW);
    return 1;
}

static int has_dropped(ws_session *session, ws_status status)
{
    CHECK_OK(status);
    return numbers(session).outgoing_dropped >= 100;
}

static void outgoing_closes(transport how)
{
    ws_session *session = connect_with_queues(how, WS_QUEUE_WAIT, WS_QUEUE_CLOSE);
    STEER("read off");
    send_until(session, has_overflowed);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_OVERFLOW);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
}

/* The server gets whole messages in their order, those that were dropped left out. */
static void outgoing_drops_the_oldest(transport how)
{
    ws_session *session = connect_with_queues(how, WS_QUEUE_WAIT, WS_QUEUE_DROP_OLDEST);
    STEER("read off");
    unsigned last = send_until(session, has_dropped);
    ws_stats stats = numbers(session);
    CHECK(stats.outgoing_bytes < 3 * MESSAGES * (SIZE + 8));
    STEER("read on");
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_STR(server("close_code"), "1000");
    char expected[64];
    snprintf(expected, sizeof expected, "%u up to %u", last + 1 - (unsigned)stats.outgoing_dropped, last);
    CHECK_STR(server("rising"), expected);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
}

/* A bound in messages holds as one in bytes does. */
static void outgoing_in_messages(transport how)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_outgoing_queue(config, 2, 0, WS_QUEUE_WAIT));
    CHECK_OK(ws_config_set_send_timeout_ms(config, 1));
    CHECK_OK(ws_config_set_close_timeout_ms(config, 500));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    STEER("read off");
    static char large[1 << 20];
    unsigned accepted = 0;
    while (ws_send_binary(session, large, sizeof large) == WS_OK)
        CHECK(++accepted < 100);
    CHECK_STATUS(ws_send_binary(session, "x", 1), WS_ERR_TIMEOUT);
    CHECK_EQ(numbers(session).outgoing_messages, 2);
    STEER("read on");
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_EQ(numbers(session).outgoing_messages, 0);
    CHECK_OK(ws_send_binary(session, "x", 1));
    close_and_free(session);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        incoming_drops_the_oldest(how);
        incoming_closes(how);
        outgoing_closes(how);
        outgoing_drops_the_oldest(how);
        outgoing_in_messages(how);
    }
    return 0;
}
