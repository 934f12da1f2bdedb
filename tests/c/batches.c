/* ws_send_batch and ws_recv_batch, and the three ways to receive on one stream. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"

enum { MESSAGES = 2000, SIZE = 10000, OUTGOING_BYTES = 64 * 1024 };

/* The texts that the server calls numbered: of a size, or no longer than the number if that is 0. */
static ws_message *make_messages(size_t count, size_t size)
{
    size_t room = size + 24;
    ws_message *messages = calloc(count, sizeof *messages + room);
    CHECK(messages != NULL);
    char *text = (char *)(messages + count);
    for (size_t i = 0; i < count; i++, text += room) {
        memset(text, 'x', room);
        size_t length = (size_t)snprintf(text, room, "%zu", i);
        if (size > length)
            text[length] = ' ';
        messages[i] = (ws_message){.data = text, .size = size > length ? size : length, .type = WS_FRAME_TEXT};
    }
    return messages;
}

static void all_are_sent_in_order(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    ws_message *messages = make_messages(300, 0);
    size_t accepted = 77;
    CHECK_OK(ws_send_batch(session, messages, 0, &accepted, PATIENCE_MS));
    CHECK_EQ(accepted, 0);
    CHECK_OK(ws_send_batch(session, NULL, 0, NULL, 0));

    for (size_t i = 100; i < 200; i++)
        messages[i].type = WS_FRAME_BINARY;
    for (size_t i = 200; i < 300; i++)
        messages[i].size = WS_NUL_TERMINATED;
    /* Their flags do not keep them back for longer than the call. */
    for (size_t i = 0; i < 99; i++)
        messages[i].flags = WS_SEND_CORK;
    CHECK_OK(ws_send_batch(session, messages, 100, &accepted, PATIENCE_MS));
    CHECK_EQ(accepted, 100);
    CHECK_STR(server("in_order 100"), "yes");
    CHECK_OK(ws_send_batch(session, messages + 100, 200, NULL, 0));
    CHECK_STR(server("in_order 300"), "yes");
    CHECK_STR(server("frames 300"), "T100 B100 T100");
    close_and_free(session);
    free(messages);
}

/* The server does not read: a part is accepted. Exactly that arrives, and the rest can follow. */
static void a_timeout_accepts_a_part(transport how)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_outgoing_queue(config, 0, OUTGOING_BYTES, WS_QUEUE_WAIT));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    ws_message *messages = make_messages(MESSAGES, SIZE);
    STEER("read off");
    size_t accepted = 77, more = 77;
    CHECK_STATUS(ws_send_batch(session, messages, MESSAGES, &accepted, 50), WS_ERR_TIMEOUT);
    CHECK(accepted > 0);
    CHECK(accepted < MESSAGES);
    CHECK(ws_buffered_amount(session) > 0);
    CHECK(ws_buffered_amount(session) <= OUTGOING_BYTES);
    /* What was taken meanwhile made a little room at most. */
    CHECK_STATUS(ws_send_batch(session, messages + accepted, MESSAGES - accepted, &more, 0), WS_ERR_TIMEOUT);
    accepted += more;
    CHECK(accepted < MESSAGES);

    STEER("read on");
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_STR(server("in_order %zu %d", accepted, SIZE), "yes");
    CHECK_OK(ws_send_batch(session, messages + accepted, MESSAGES - accepted, &more, PATIENCE_MS));
    CHECK_EQ(more, MESSAGES - accepted);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_STR(server("in_order %d %d", MESSAGES, SIZE), "yes");
    CHECK_STATUS(ws_send_batch(session, messages, 1, &more, PATIENCE_MS), WS_ERR_CLOSED);
    CHECK_EQ(more, 0);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_STR(server("in_order %d %d", MESSAGES, SIZE), "yes");
    ws_session_free(session);
    free(messages);
}

/* Receives until the end of the session; how many came. */
static unsigned receive_all(ws_session *session, size_t capacity, size_t *largest)
{
    unsigned received = 0;
    *largest = 0;
    while (1) {
        ws_frame *frames[64] = {NULL};
        size_t count = 77;
        ws_status status = ws_recv_batch(session, frames, capacity, &count, PATIENCE_MS);
        if (status != WS_OK) {
            CHECK_STATUS(status, WS_ERR_CLOSED);
            CHECK_EQ(count, 0);
            CHECK(frames[0] == NULL);
            return received;
        }
        CHECK(count >= 1);
        CHECK(count <= capacity);
        *largest = count > *largest ? count : *largest;
        for (size_t i = 0; i < count; i++, received++) {
            CHECK_EQ(frames[i]->type, WS_FRAME_TEXT);
            CHECK_EQ(atoi((const char *)frames[i]->data), received);
            ws_frame_free(frames[i]);
        }
    }
}

static void all_are_received_in_order(transport how)
{
    static const size_t capacities[] = {1, 7, 64};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        /* The end comes in the same segment, behind a last batch that is not full. */
        ws_session *session = connect_steered(how, NULL);
        STEER("texts 1000 20 close");
        size_t largest;
        CHECK_EQ(receive_all(session, capacities[i], &largest), 1000);
        CHECK_EQ(largest, capacities[i]);
        ws_session_free(session);

        /* The same when all of it is in the library's queue. */
        session = connect_steered(how, NULL);
        STEER("texts 1000 20 close");
        CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
        CHECK_EQ(receive_all(session, capacities[i], &largest), 1000);
        CHECK_EQ(largest, capacities[i]);
        ws_session_free(session);
    }
}

/* A batch does not wait for more than the first message. */
static void fewer_than_there_is_room_for(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    ws_frame *frames[64];
    size_t count = 77;
    CHECK_STATUS(ws_recv_batch(session, frames, 64, &count, 0), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_recv_batch(session, frames, 64, &count, 30), WS_ERR_TIMEOUT);
    CHECK_EQ(count, 0);
    for (unsigned round = 0, received = 0; round < 100; round++) {
        STEER("texts 10");
        for (unsigned goal = received + 10; received < goal;) {
            CHECK_OK(ws_recv_batch(session, frames, 64, &count, -1));
            CHECK(count >= 1);
            for (size_t i = 0; i < count; i++, received++) {
                CHECK_EQ(atoi((const char *)frames[i]->data), received);
                ws_frame_free(frames[i]);
            }
        }
    }
    close_and_free(session);
}

static void three_ways_to_receive_share_the_stream(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    STEER("texts 3000 20 close");
    for (unsigned received = 0; received < 3000;) {
        char buffer[64];
        ws_frame *frames[3];
        size_t size = 0, count = 0;
        uint32_t type = 0;
        CHECK_STATUS(ws_recv_into(session, buffer, 19, &size, NULL, PATIENCE_MS), WS_ERR_BUFFER_TOO_SMALL);
        CHECK_EQ(size, 20);
        CHECK_OK(ws_recv_into(session, buffer, sizeof buffer, &size, &type, PATIENCE_MS));
        CHECK_EQ(size, 20);
        CHECK_EQ(type, WS_FRAME_TEXT);
        CHECK_EQ(atoi(buffer), received++);
        if (received < 3000)
            expect_numbered(session, received++, 20);
        if (received == 3000)
            break;
        CHECK_STATUS(ws_recv_into(session, NULL, 0, &size, NULL, PATIENCE_MS), WS_ERR_BUFFER_TOO_SMALL);
        CHECK_OK(ws_recv_batch(session, frames, 3, &count, PATIENCE_MS));
        for (size_t i = 0; i < count; i++) {
            CHECK_EQ(atoi((const char *)frames[i]->data), received++);
            ws_frame_free(frames[i]);
        }
    }
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_CLOSED);
    ws_session_free(session);
}

/* The frames of a batch, which another thread reads and frees. */
typedef struct batch {
    ws_frame *frames[64];
    size_t count;
    unsigned first;
} batch;

static void *read_and_free(void *argument)
{
    batch *self = argument;
    while (self->count > 0) {
        ws_frame *frame = self->frames[--self->count];
        char number[16];
        size_t length = (size_t)snprintf(number, sizeof number, "%u ", self->first + (unsigned)self->count);
        CHECK_EQ(frame->size, 3000);
        CHECK(memcmp(frame->data, number, length) == 0);
        for (size_t i = length; i < frame->size; i++)
            CHECK(frame->data[i] == 'x');
        CHECK_EQ(frame->data[frame->size], 0);
        ws_frame_free(frame);
    }
    return NULL;
}

/* Other threads free some while the session receives more, and the rest when it is gone, and with it the library's
 * threads. */
static void frames_outlive_their_session(transport how)
{
    enum { BATCHES = 20 };
    static batch batches[BATCHES];
    pthread_t threads[BATCHES];
    ws_session *session = connect_steered(how, NULL);
    unsigned received = 0;
    for (int i = 0; i < BATCHES; i++) {
        STEER("texts 40 3000");
        batches[i].first = received;
        CHECK_OK(ws_recv_batch(session, batches[i].frames, 64, &batches[i].count, PATIENCE_MS));
        received += (unsigned)batches[i].count;
        if (i < BATCHES / 2)
            start(&threads[i], read_and_free, &batches[i]);
    }
    ws_session_free(session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    for (int i = BATCHES / 2; i < BATCHES; i++)
        start(&threads[i], read_and_free, &batches[i]);
    for (int i = 0; i < BATCHES; i++)
        join(threads[i]);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        all_are_sent_in_order(how);
        a_timeout_accepts_a_part(how);
        all_are_received_in_order(how);
        fewer_than_there_is_room_for(how);
        three_ways_to_receive_share_the_stream(how);
        frames_outlive_their_session(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
