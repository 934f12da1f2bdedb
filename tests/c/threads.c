/* One session used by several threads at once. */

#define _GNU_SOURCE
#include "threads.h"

enum { SENDERS = 4, MESSAGES = 5000 };

typedef struct sender {
    pthread_t thread;
    ws_session *session;
    unsigned number;
} sender;

typedef struct receiver {
    pthread_t thread;
    ws_session *session;
    /* The next message expected from each sender, at least. */
    unsigned next[SENDERS];
    unsigned received;
    ws_status status;
} receiver;

static void *send_numbered(void *argument)
{
    sender *self = argument;
    for (unsigned i = 0; i < MESSAGES; i++) {
        char text[32];
        int length = snprintf(text, sizeof text, "%u %u", self->number, i);
        CHECK_OK(ws_send_text(self->session, text, (size_t)length));
    }
    return NULL;
}

static void *receive_numbered(void *argument)
{
    receiver *self = argument;
    ws_frame *frame = NULL;
    while ((self->status = ws_recv(self->session, &frame, PATIENCE_MS)) == WS_OK) {
        unsigned from = SENDERS, number = 0;
        CHECK_EQ(sscanf((const char *)frame->data, "%u %u", &from, &number), 2);
        CHECK(from < SENDERS);
        CHECK(number >= self->next[from]);
        self->next[from] = number + 1;
        self->received++;
        ws_frame_free(frame);
    }
    return NULL;
}

static void nothing_is_lost_and_order_is_kept(transport how, unsigned receivers)
{
    ws_session *session = connect_with(how, "", NULL);
    receiver receiving[2] = {{.session = session}, {.session = session}};
    sender sending[SENDERS];
    for (unsigned i = 0; i < receivers; i++)
        start(&receiving[i].thread, receive_numbered, &receiving[i]);
    for (unsigned i = 0; i < SENDERS; i++) {
        sending[i] = (sender){.session = session, .number = i};
        start(&sending[i].thread, send_numbered, &sending[i]);
    }
    for (unsigned i = 0; i < SENDERS; i++)
        join(sending[i].thread);
    /* The server echoes all that was sent before the Close, then answers that. */
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));

    unsigned received = 0;
    for (unsigned i = 0; i < receivers; i++) {
        join(receiving[i].thread);
        CHECK_STATUS(receiving[i].status, WS_ERR_CLOSED);
        received += receiving[i].received;
    }
    CHECK_EQ(received, SENDERS * MESSAGES);
    ws_session_free(session);
}

static void abort_wakes_receivers(transport how)
{
    ws_session *session = connect_with(how, "silent", NULL);
    caller first, second;
    start_blocked(&first, receive, session);
    start_blocked(&second, receive, session);
    CHECK_OK(ws_abort(session));
    expect_result(&first, WS_ERR_ABORTED);
    expect_result(&second, WS_ERR_ABORTED);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    CHECK_STATUS(ws_send_text(session, "too late", WS_NUL_TERMINATED), WS_ERR_ABORTED);
    ws_session_free(session);
}

static void freeing_one_reference_leaves_the_others_alone(void)
{
    ws_session *session = connect_plain("");
    ws_session *second = ws_session_ref(session), *third = ws_session_ref(session);
    caller waiter;
    start_blocked(&waiter, receive, second);
    ws_session_free(third);
    CHECK_OK(ws_send_text(session, "wake up", WS_NUL_TERMINATED));
    expect_result(&waiter, WS_OK);
    ws_session_free(second);
    close_and_free(session);
}

static void freeing_the_last_reference_wakes_the_receiver(transport how)
{
    ws_session *session = connect_with(how, "", NULL);
    caller waiter;
    start_blocked(&waiter, receive, session);
    ws_session_free(session);
    expect_result(&waiter, WS_ERR_ABORTED);
}

/* Whoever waits for the end from before ws_close on does not keep a full queue from being passed by. */
static void a_waiter_lets_the_close_through(void)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_incoming_queue(config, 10, 0, WS_QUEUE_WAIT));
    CHECK_OK(ws_config_set_close_timeout_ms(config, -1));
    ws_session *session = connect_with(PLAIN, "burst/100000", config);
    ws_config_free(config);
    caller waiter;
    start_blocked(&waiter, wait_closed, session);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    expect_result(&waiter, WS_OK);
    ws_session_free(session);
}

static void shutting_down_wakes_receivers(transport how)
{
    ws_session *session = connect_with(how, "", NULL);
    caller first, second;
    start_blocked(&first, receive, session);
    start_blocked(&second, receive, session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_result(&first, WS_ERR_ABORTED);
    expect_result(&second, WS_ERR_ABORTED);
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    ws_session_free(session);
}

int main(void)
{
    nothing_is_lost_and_order_is_kept(PLAIN, 1);
    nothing_is_lost_and_order_is_kept(PLAIN, 2);
    nothing_is_lost_and_order_is_kept(TLS, 1);
    nothing_is_lost_and_order_is_kept(TLS, 2);
    abort_wakes_receivers(PLAIN);
    abort_wakes_receivers(TLS);
    freeing_one_reference_leaves_the_others_alone();
    freeing_the_last_reference_wakes_the_receiver(PLAIN);
    freeing_the_last_reference_wakes_the_receiver(TLS);
    a_waiter_lets_the_close_through();
    shutting_down_wakes_receivers(PLAIN);
    shutting_down_wakes_receivers(TLS);
    return 0;
}
