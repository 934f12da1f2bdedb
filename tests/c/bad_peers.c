/* Servers that stop reading, flood, or go in the middle. */

#define _GNU_SOURCE
#include "memory.h"
#include "steered.h"
#include "threads.h"
#include <signal.h>

enum { SIZE = 10000, QUEUE_BYTES = 256 * 1024, MOST_GROWTH_KIB = 8 * 1024 };

static char payload[SIZE + 1];

static const char *numbered(unsigned number)
{
    memset(payload, 'x', SIZE);
    int length = snprintf(payload, sizeof payload, "%u", number);
    payload[length] = ' ';
    return payload;
}

static ws_session *connect_bounded(transport how)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_outgoing_queue(config, 0, QUEUE_BYTES, WS_QUEUE_WAIT));
    CHECK_OK(ws_config_set_incoming_queue(config, 0, QUEUE_BYTES, WS_QUEUE_WAIT));
    CHECK_OK(ws_config_set_send_timeout_ms(config, 20));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    return session;
}

/* Sends wait and then fail; the server later gets whole messages, exactly those that were accepted. */
static void stops_reading(transport how)
{
    ws_session *session = connect_bounded(how);
    STEER("read off");
    long before = resident_kib();
    unsigned accepted = 0;
    for (unsigned refused = 0; refused < 5;) {
        ws_status status = refused % 2 == 0 ? ws_send_text(session, numbered(accepted), SIZE)
                                            : ws_send(session, WS_FRAME_TEXT, numbered(accepted), SIZE, 0, 1);
        if (status == WS_OK) {
            accepted++;
        } else {
            CHECK_STATUS(status, WS_ERR_TIMEOUT);
            refused++;
        }
    }
    CHECK(peak_since(before) < MOST_GROWTH_KIB);
    CHECK(ws_buffered_amount(session) <= QUEUE_BYTES);
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    /* What it sends is received all the same. */
    STEER("texts 1");
    expect_numbered(session, 0, 0);

    STEER("read on");
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, numbered(accepted), SIZE, 0, PATIENCE_MS));
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_STR(server("end"), "fin");
    CHECK_STR(server("in_order %u %d", accepted + 1, SIZE), "yes");
    ws_session_free(session);
}

/* It sends without end and is held back; whoever comes to receive gets all in order, and ws_wait_closed gets through.
 */
static void floods(transport how)
{
    ws_session *session = connect_bounded(how);
    long before = resident_kib();
    STEER("flood texts 100000 1000");
    CHECK_STR(server("held"), "yes");
    CHECK(peak_since(before) < MOST_GROWTH_KIB);
    CHECK_OK(ws_send_text(session, "0", 1));
    CHECK_STR(server("in_order 1"), "yes");
    for (unsigned i = 0; i < 2000; i++)
        expect_numbered(session, i, 1000);
    CHECK_STR(server("held"), "yes");
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_STR(server("close_code"), "1000");
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK(peak_since(before) < MOST_GROWTH_KIB);
    for (unsigned i = 2000; i < 2100; i++)
        expect_numbered(session, i, 1000);
    ws_session_free(session);
}

/* What is no message keeps no call from its timeout, and costs no memory. */
static void floods_without_a_message(transport how, const char *what)
{
    ws_session *session = connect_bounded(how);
    ws_frame *frame = NULL;
    STEER("flood %s", what);
    long before = resident_kib();
    for (unsigned i = 0; i < 30; i++)
        CHECK_STATUS(ws_recv(session, &frame, 0), WS_ERR_TIMEOUT);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_STATUS(ws_recv(session, &frame, 50), WS_ERR_TIMEOUT);
        CHECK_STATUS(ws_recv(session, &frame, 1), WS_ERR_TIMEOUT);
    }
    CHECK(peak_since(before) < MOST_GROWTH_KIB);
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "0", 1, 0, PATIENCE_MS));
    CHECK_STR(server("in_order 1"), "yes");
    CHECK_OK(ws_abort(session));
    ws_session_free(session);
}

/* Pings that it floods with, and does not take the pongs of: they are no longer read. */
static void floods_and_does_not_read(transport how)
{
    ws_session *session = connect_bounded(how);
    ws_frame *frame = NULL;
    STEER("read off");
    long before = resident_kib();
    STEER("flood pings");
    for (unsigned i = 0; i < 30; i++)
        CHECK_STATUS(ws_recv(session, &frame, 0), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_recv(session, &frame, 50), WS_ERR_TIMEOUT);
    CHECK_STR(server("held"), "yes");
    CHECK_STATUS(ws_recv(session, &frame, 50), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_recv(session, &frame, 0), WS_ERR_TIMEOUT);
    CHECK(peak_since(before) < MOST_GROWTH_KIB);
    STEER("stop");
    STEER("texts 1");
    STEER("read on");
    expect_numbered(session, 0, 0);
    close_and_free(session);
}

static ws_status send_without_end(ws_session *session)
{
    ws_status status;
    while ((status = ws_send(session, WS_FRAME_BINARY, payload, SIZE, 0, -1)) == WS_OK)
        ;
    return status;
}

static void resets_a_sender(transport how)
{
    ws_session *session = connect_bounded(how);
    STEER("texts 3");
    STEER("taken");
    STEER("read off");
    caller sender;
    start_blocked(&sender, send_without_end, session);
    STEER("reset");
    expect_result(&sender, WS_ERR_IO);
    /* What came before it is delivered, and then how it ended. */
    for (unsigned i = 0; i < 3; i++)
        expect_numbered(session, i, 0);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_IO);
    CHECK_STATUS(ws_flush(session, PATIENCE_MS), WS_ERR_IO);
    CHECK_STATUS(ws_send_text(session, "too late", 8), WS_ERR_IO);
    CHECK_STATUS(ws_error_status(ws_session_error(session)), WS_ERR_IO);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
}

static void resets_a_receiver(transport how, int inside_a_message)
{
    ws_session *session = connect_steered(how, NULL);
    caller receiver;
    start_blocked(&receiver, receive, session);
    STEER("texts 1");
    expect_result(&receiver, WS_OK);
    if (inside_a_message) {
        STEER("half 1000");
        STEER("taken");
    }
    start_blocked(&receiver, receive, session);
    STEER("reset");
    expect_result(&receiver, WS_ERR_IO);
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.remote_code, WS_CLOSE_ABNORMAL);
    CHECK_EQ(info.initiator, WS_CLOSED_BY_TRANSPORT);
    ws_session_free(session);
}

int main(void)
{
    /* Any of these would end the program if a SIGPIPE came of it. */
    struct sigaction action = {.sa_handler = SIG_DFL};
    CHECK_EQ(sigaction(SIGPIPE, &action, NULL), 0);
    for (transport how = PLAIN; how <= TLS; how++) {
        stops_reading(how);
        floods(how);
        floods_without_a_message(how, "pings");
        floods_without_a_message(how, "empty");
        floods_and_does_not_read(how);
        resets_a_sender(how);
        resets_a_receiver(how, 0);
        resets_a_receiver(how, 1);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
