/* An echo server whose echoes nobody receives stops reading: then sends wait, time out with nothing of their
 * message sent, and memory stays bounded. Once the echoes are received, exactly the accepted messages come. */

#include "memory.h"

enum { MESSAGE = 10000, INCOMING_MESSAGES = 64, OUTGOING_BYTES = 256 * 1024 };

static char payload[MESSAGE + 1];

static const char *numbered(unsigned number)
{
    memset(payload, 'x', MESSAGE);
    int length = snprintf(payload, sizeof payload, "%u", number);
    payload[length] = ' ';
    return payload;
}

/* Sends until nothing more goes in time, in each way to send; the number of messages accepted. Now and then the kernels
 * make some more room, after however long. */
static unsigned fill(ws_session *session)
{
    unsigned accepted = 0;
    ws_status status;
    while ((status = ws_send(session, WS_FRAME_TEXT, numbered(accepted), MESSAGE, 0, 200)) == WS_OK)
        accepted++;
    CHECK_STATUS(status, WS_ERR_TIMEOUT);
    while ((status = ws_send(session, WS_FRAME_TEXT, numbered(accepted), MESSAGE, 0, 0)) == WS_OK)
        accepted++;
    CHECK_STATUS(status, WS_ERR_TIMEOUT);
    while ((status = ws_send_text(session, numbered(accepted), MESSAGE)) == WS_OK)
        accepted++;
    CHECK_STATUS(status, WS_ERR_TIMEOUT);
    return accepted;
}

static void run(transport how)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_incoming_queue(config, INCOMING_MESSAGES, 0, WS_QUEUE_WAIT));
    CHECK_OK(ws_config_set_outgoing_queue(config, 0, OUTGOING_BYTES, WS_QUEUE_WAIT));
    CHECK_OK(ws_config_set_send_timeout_ms(config, 20));
    ws_session *session = connect_with(how, "", config);
    ws_config_free(config);

    long before = resident_kib();
    unsigned accepted = fill(session);
    long grown = peak_since(before);
    CHECK(accepted > INCOMING_MESSAGES);
    /* Both queues, doubled buffers and the allocator's own: the kernel's buffers are not ours. */
    CHECK(grown < 8 * 1024);
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);

    for (unsigned i = 0; i < accepted; i++)
        expect_message(session, WS_FRAME_TEXT, numbered(i), MESSAGE);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, 50), WS_ERR_TIMEOUT);
    echo_text(session, "and on it goes");
    close_and_free(session);
}

int main(void)
{
    run(PLAIN);
    run(TLS);
    return 0;
}
