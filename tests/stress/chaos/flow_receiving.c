/* The ways of receiving the messages of a flow. */

#define _GNU_SOURCE
#include "flows.h"
#include <poll.h>
#include <stdlib.h>

enum { RECEIVERS = 2 };

typedef struct receiver {
    pthread_t thread;
    flow *flow;
    ws_session *session;
    chance dice;
} receiver;

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static flow *kept;

void keep_flow(flow *self)
{
    pthread_mutex_lock(&kept_lock);
    self->next = kept;
    kept = self;
    pthread_mutex_unlock(&kept_lock);
}

void free_kept_flows(void)
{
    while (kept != NULL) {
        flow *first = kept;
        kept = first->next;
        free_flow(first);
    }
}

/* Receives once. What it was written to `needed` is how large the next buffer has to be. */
static ws_status receive_some(flow *self, ws_session *session, chance *dice, char *buffer, size_t *needed)
{
    ws_frame *frames[BATCH];
    size_t received = 0, size = 0;
    uint32_t type = 0;
    int64_t timeout = flow_timeout(dice);
    ws_status status;
    switch (*needed > 0 ? 0 : below(dice, 3)) {
    case 0: {
        size_t capacity = *needed > 0 ? *needed : below(dice, 2) * 100;
        status = CALL("ws_recv_into", timeout, ws_recv_into(session, buffer, capacity, &size, &type, timeout));
        *needed = status == WS_ERR_BUFFER_TOO_SMALL ? size : is_waiting(status) ? *needed : 0;
        EXPECT(*needed <= MESSAGE_SIZE_LIMIT, "a message of %zu bytes", size);
        if (status == WS_OK)
            note_message(&self->ledger, buffer, size, type);
        break;
    }
    case 1:
        status = CALL("ws_recv_batch", timeout, ws_recv_batch(session, frames, BATCH, &received, timeout));
        break;
    default:
        status = CALL("ws_recv", timeout, ws_recv(session, frames, timeout));
        received = status == WS_OK;
        break;
    }
    for (size_t i = 0; i < received; i++) {
        note_message(&self->ledger, frames[i]->data, frames[i]->size, frames[i]->type);
        ws_frame_free(frames[i]);
    }
    return status;
}

static void *receive_all(void *argument)
{
    receiver *self = argument;
    flow *whole = self->flow;
    char *buffer = malloc(MESSAGE_SIZE_LIMIT);
    EXPECT(buffer != NULL, "no memory");
    int fd = whole->delivery == BY_DESCRIPTOR ? ws_event_fd(self->session) : -1;
    EXPECT(fd >= 0 || whole->delivery != BY_DESCRIPTOR, "no event descriptor");
    size_t needed = 0;
    ws_status status = WS_OK;
    while (status == WS_OK || status == WS_ERR_BUFFER_TOO_SMALL || is_waiting(status)) {
        if (fd >= 0) {
            struct pollfd watched = {.fd = fd, .events = POLLIN};
            EXPECT(poll(&watched, 1, HANG_MS) > 0, "the event descriptor is not readable, whatever comes");
        }
        status = receive_some(whole, self->session, &self->dice, buffer, &needed);
        if (below(&self->dice, 50) == 0)
            pause_us(below(&self->dice, 20000));
    }
    free(buffer);
    pthread_mutex_lock(&whole->lock);
    EXPECT(!whole->ended || whole->end == status, "a session ends with %s and %s", ws_status_name(whole->end),
           ws_status_name(status));
    whole->ended = true;
    whole->end = status;
    pthread_mutex_unlock(&whole->lock);
    CALL_VOID("ws_session_free", ws_session_free(self->session));
    return NULL;
}

void receive_flow(flow *self, chance *dice)
{
    receiver receivers[RECEIVERS];
    unsigned threads = self->delivery == BY_MANY ? RECEIVERS : 1;
    self->ledger.unordered = threads > 1;
    for (unsigned i = 0; i < threads; i++) {
        receivers[i] = (receiver){.flow = self, .dice = {roll(dice)}};
        receivers[i].session = ws_session_ref(self->session);
        if (i > 0)
            start_thread(&receivers[i].thread, receive_all, &receivers[i]);
    }
    receive_all(&receivers[0]);
    for (unsigned i = 1; i < threads; i++)
        join_thread(receivers[i].thread);
}

bool call_back_frames(flow *self)
{
    record *told = new_record("the callback of a flow");
    told->flow = self;
    atomic_store(&told->dice, roll_of(self->owed));
    ws_status status =
        CALL("ws_recv_callback", 0, ws_recv_callback(self->session, frame_to_callback, told, callback_dropped));
    told->gave_callback = status == WS_OK;
    EXPECT(status == WS_OK || status == WS_ERR_ABORTED || status == WS_ERR_STATE, "%s", ws_status_name(status));
    return status == WS_OK;
}
