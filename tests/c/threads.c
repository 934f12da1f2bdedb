/* One session used by several threads at once. */

#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

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
    atomic_int thread_id;
    ws_status status;
} receiver;

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    CHECK_EQ(pthread_create(thread, NULL, run, argument), 0);
}

static void join(pthread_t thread)
{
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

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

static void *receive_one(void *argument)
{
    receiver *self = argument;
    ws_frame *frame = NULL;
    atomic_store(&self->thread_id, (int)gettid());
    self->status = ws_recv(self->session, &frame, -1);
    if (self->status == WS_OK)
        ws_frame_free(frame);
    return NULL;
}

static void *wait_for_the_end(void *argument)
{
    receiver *self = argument;
    atomic_store(&self->thread_id, (int)gettid());
    self->status = ws_wait_closed(self->session, -1);
    return NULL;
}

/* Returns once the thread sleeps in the kernel: the only place it does so is inside the one call it makes. */
static void start_blocked_in(void *(*run)(void *), receiver *self)
{
    start(&self->thread, run, self);
    char state = '?';
    while (state != 'S') {
        sched_yield();
        int thread_id = atomic_load(&self->thread_id);
        if (thread_id == 0)
            continue;
        char path[64];
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread_id);
        FILE *file = fopen(path, "r");
        CHECK(file != NULL);
        CHECK_EQ(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
        fclose(file);
    }
}

static void start_blocked(receiver *self)
{
    start_blocked_in(receive_one, self);
}

static void abort_wakes_receivers(transport how)
{
    ws_session *session = connect_with(how, "silent", NULL);
    receiver first = {.session = session}, second = {.session = session};
    start_blocked(&first);
    start_blocked(&second);
    CHECK_OK(ws_abort(session));
    join(first.thread);
    join(second.thread);
    CHECK_STATUS(first.status, WS_ERR_ABORTED);
    CHECK_STATUS(second.status, WS_ERR_ABORTED);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    CHECK_STATUS(ws_send_text(session, "too late", WS_NUL_TERMINATED), WS_ERR_ABORTED);
    ws_session_free(session);
}

static void freeing_one_reference_leaves_the_others_alone(void)
{
    ws_session *session = connect_plain("");
    receiver self = {.session = ws_session_ref(session)};
    ws_session *third = ws_session_ref(session);
    start_blocked(&self);
    ws_session_free(third);
    CHECK_OK(ws_send_text(session, "wake up", WS_NUL_TERMINATED));
    join(self.thread);
    CHECK_OK(self.status);
    ws_session_free(self.session);
    close_and_free(session);
}

static void freeing_the_last_reference_wakes_the_receiver(transport how)
{
    ws_session *session = connect_with(how, "", NULL);
    receiver self = {.session = session};
    start_blocked(&self);
    ws_session_free(session);
    join(self.thread);
    CHECK_STATUS(self.status, WS_ERR_ABORTED);
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
    receiver waiter = {.session = session};
    start_blocked_in(wait_for_the_end, &waiter);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    join(waiter.thread);
    CHECK_OK(waiter.status);
    ws_session_free(session);
}

static void shutting_down_wakes_receivers(transport how)
{
    ws_session *session = connect_with(how, "", NULL);
    receiver first = {.session = session}, second = {.session = session};
    start_blocked(&first);
    start_blocked(&second);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    join(first.thread);
    join(second.thread);
    CHECK_STATUS(first.status, WS_ERR_ABORTED);
    CHECK_STATUS(second.status, WS_ERR_ABORTED);
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
