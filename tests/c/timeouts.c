/* Receiving with timeouts loses nothing: whole messages, halves of them, one thread or several. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"

enum { MESSAGES = 20000, RECEIVERS = 4 };

static const int64_t timeouts_ms[] = {0, 1, 30, 100};
enum { TIMEOUTS = sizeof timeouts_ms / sizeof timeouts_ms[0] };

static void expect_nothing(ws_session *session, int64_t timeout_ms)
{
    ws_frame *frame = NULL, *frames[4] = {NULL};
    char buffer[4];
    size_t size = 77;
    uint32_t type = 77;
    CHECK_STATUS(ws_recv(session, &frame, timeout_ms), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_recv_batch(session, frames, 4, &size, timeout_ms), WS_ERR_TIMEOUT);
    CHECK_EQ(size, 0);
    size = 77;
    CHECK_STATUS(ws_recv_into(session, buffer, sizeof buffer, &size, &type, timeout_ms), WS_ERR_TIMEOUT);
    CHECK(frame == NULL);
    CHECK(frames[0] == NULL);
    CHECK_EQ(size, 0);
    CHECK_EQ(type, 0);
}

static void a_timeout_loses_nothing(transport how, uint32_t spin_us)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_spin_us(config, spin_us));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    unsigned received = 0;
    for (size_t i = 0; i < TIMEOUTS; i++) {
        expect_nothing(session, timeouts_ms[i]);
        STEER("texts 3");
        for (unsigned goal = received + 3; received < goal; received++)
            expect_numbered(session, received, 0);

        /* Half a message is not one, nor is it lost. */
        STEER("half 5000");
        STEER("taken");
        expect_nothing(session, timeouts_ms[i]);
        STEER("rest");
        expect_numbered(session, received++, 5000);
    }
    close_and_free(session);
}

/* With a timeout of 0 a message comes as soon as it is there, whoever reads it from the socket. */
static void looking_again_and_again(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    for (unsigned received = 0; received < 100; received++) {
        STEER("texts 1 20");
        ws_frame *frame = NULL;
        ws_status status;
        while ((status = ws_recv(session, &frame, 0)) == WS_ERR_TIMEOUT)
            sched_yield();
        CHECK_OK(status);
        CHECK_EQ(atoi((const char *)frame->data), received);
        ws_frame_free(frame);
    }
    close_and_free(session);
}

typedef struct receiver {
    pthread_t thread;
    ws_session *session;
    int64_t timeout_ms;
    unsigned number;
} receiver;

static atomic_uchar received_by[MESSAGES];

static void *receive_until_the_end(void *argument)
{
    receiver *self = argument;
    int last = -1;
    while (1) {
        ws_frame *frames[16];
        size_t count = 0;
        ws_status status = self->number % 2 == 0 ? ws_recv(self->session, frames, self->timeout_ms)
                                                 : ws_recv_batch(self->session, frames, 16, &count, self->timeout_ms);
        if (status == WS_ERR_TIMEOUT) {
            sched_yield();
            continue;
        }
        if (status != WS_OK) {
            CHECK_STATUS(status, WS_ERR_CLOSED);
            return NULL;
        }
        count = self->number % 2 == 0 ? 1 : count;
        for (size_t i = 0; i < count; i++) {
            int number = atoi((const char *)frames[i]->data);
            CHECK(number > last);
            CHECK(number < MESSAGES);
            CHECK_EQ(atomic_fetch_add(&received_by[number], 1), 0);
            last = number;
            ws_frame_free(frames[i]);
        }
    }
}

/* Each message goes to one receiver, and every receiver gets its own in order. */
static void several_receivers(transport how, const int64_t *timeouts)
{
    ws_session *session = connect_steered(how, NULL);
    receiver receivers[RECEIVERS];
    for (unsigned i = 0; i < RECEIVERS; i++) {
        receivers[i] = (receiver){.session = session, .timeout_ms = timeouts[i], .number = i};
        start(&receivers[i].thread, receive_until_the_end, &receivers[i]);
    }
    /* In small pieces at first, so that they wait in between. */
    for (unsigned i = 0; i < 100; i++)
        STEER("texts 1 30");
    STEER("texts %d 30 close", MESSAGES - 100);
    for (unsigned i = 0; i < RECEIVERS; i++)
        join(receivers[i].thread);
    for (size_t i = 0; i < MESSAGES; i++)
        CHECK_EQ(atomic_exchange(&received_by[i], 0), 1);
    ws_session_free(session);
}

int main(void)
{
    static const int64_t without_limit[RECEIVERS] = {-1, -1, -1, -1}, mixed[RECEIVERS] = {-1, 0, 1, 30};
    for (transport how = PLAIN; how <= TLS; how++) {
        a_timeout_loses_nothing(how, 0);
        a_timeout_loses_nothing(how, 50);
        looking_again_and_again(how);
        several_receivers(how, without_limit);
        several_receivers(how, mixed);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
