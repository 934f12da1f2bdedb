/* Sessions whose messages are numbered: what comes back is in order, and once; of what ends well, everything comes
 * back. Threads send, the thread that runs the flow receives in one of the ways there are, and others disturb it. */

#define _GNU_SOURCE
#include "flows.h"
#include "left_out.h"
#include <stdio.h>
#include <stdlib.h>

/* Flows that other threads may make calls on. */
enum { REGISTERED = 16 };
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static ws_session *registry[REGISTERED];

bool is_waiting(ws_status status)
{
    return status == WS_ERR_TIMEOUT || status == WS_ERR_INTERRUPTED;
}

int64_t flow_timeout(chance *dice)
{
    static const int64_t timeouts[] = {0, 1, 20, 100, 100};
    return timeouts[below(dice, 5)];
}

void register_flow(ws_session *session)
{
    ws_session *handle = ws_session_ref(session);
    pthread_mutex_lock(&registry_lock);
    for (unsigned i = 0; handle != NULL && i < REGISTERED; i++) {
        if (registry[i] == NULL) {
            registry[i] = handle;
            handle = NULL;
        }
    }
    pthread_mutex_unlock(&registry_lock);
    ws_session_free(handle);
}

void deregister_flow(ws_session *session)
{
    bool found = false;
    pthread_mutex_lock(&registry_lock);
    for (unsigned i = 0; !found && i < REGISTERED; i++) {
        found = registry[i] == session;
        if (found)
            registry[i] = NULL;
    }
    pthread_mutex_unlock(&registry_lock);
    if (found)
        CALL_VOID("ws_session_free", ws_session_free(session));
}

void disturb_flow(chance *dice)
{
    pthread_mutex_lock(&registry_lock);
    ws_session *session = ws_session_ref(registry[below(dice, REGISTERED)]);
    pthread_mutex_unlock(&registry_lock);
    if (session == NULL)
        return;
    for (unsigned i = below(dice, 4); i > 0; i--)
        disturb(dice, session);
    CALL_VOID("ws_session_free", ws_session_free(session));
}

bool was_shut_down(const flow *self)
{
    return atomic_load(&shutdowns_begun) != self->shutdowns_before;
}

/* Sends one message, maybe in fragments. Whether it was accepted; other statuses than temporary ones end the flow. */
static ws_status send_message(sender *self, const char *message, size_t size, unsigned number)
{
    uint32_t type = number % 2 == 0 ? WS_FRAME_BINARY : WS_FRAME_TEXT;
    bool fragments = self->flow->senders == 1 || FRAGMENTS_AMID_SENDERS;
    unsigned parts = fragments && below(&self->dice, 6) == 0 ? 2 + below(&self->dice, 3) : 1;
    uint32_t flags = below(&self->dice, 4) == 0 ? WS_SEND_NO_COMPRESS : 0;
    flags |= below(&self->dice, 4) == 0 ? WS_SEND_CORK : 0;
    ws_status status = WS_OK;
    for (unsigned i = 0; i < parts && status == WS_OK; i++) {
        size_t piece = i + 1 == parts ? size : below(&self->dice, (unsigned)size + 1);
        uint32_t more = i + 1 == parts ? 0 : WS_SEND_MORE, part_type = i == 0 ? type : WS_FRAME_CONTINUATION;
        do {
            int64_t timeout = flow_timeout(&self->dice);
            status = CALL("ws_send", sending_limit(self->session, timeout),
                          ws_send(self->session, part_type, message, piece, flags | more, timeout));
        } while (is_waiting(status) && parts > 1);
        message += piece;
        size -= piece;
    }
    return status;
}

/* Sends up to BATCH messages. */
static ws_status send_some(sender *self, char *memory, unsigned *sent)
{
    ws_message items[BATCH];
    unsigned items_count = below(&self->dice, 5) == 0 ? 1 + below(&self->dice, BATCH) : 1;
    unsigned left = self->messages - *sent;
    items_count = items_count < left ? items_count : left;
    for (unsigned i = 0; i < items_count; i++) {
        unsigned number = *sent + i;
        size_t size = number_message(memory, self->number, number, &self->dice);
        items[i] = (ws_message){.data = memory, .size = size, .type = number % 2 == 0 ? WS_FRAME_BINARY : WS_FRAME_TEXT};
        memory += size;
    }
    /* What comes back may be faster than the call. */
    atomic_uint *accepted = &self->flow->ledger.accepted[self->number];
    atomic_fetch_add(accepted, items_count);
    size_t taken = 0;
    ws_status status;
    if (items_count == 1) {
        status = send_message(self, items[0].data, items[0].size, *sent);
        taken = status == WS_OK;
    } else {
        int64_t timeout = flow_timeout(&self->dice);
        status = CALL("ws_send_batch", sending_limit(self->session, timeout),
                      ws_send_batch(self->session, items, items_count, &taken, timeout));
    }
    /* When the connection was lost meanwhile, nobody knows what has arrived. */
    if (status != WS_OK && !is_waiting(status) && status != WS_ERR_CLOSED)
        atomic_fetch_add(&self->flow->ledger.uncertain[self->number], items_count - (unsigned)taken);
    atomic_fetch_sub(accepted, items_count - (unsigned)taken);
    *sent += (unsigned)taken;
    return status;
}

static bool has_ended(const ws_session *session)
{
    ws_close_info info = {.struct_size = sizeof info};
    return ws_get_close_info(session, &info) != WS_ERR_STATE;
}

static void close_flow(sender *self)
{
    if (self->flow->ending == ABORTS)
        CALL("ws_abort", 0, ws_abort(self->session));
    else
        CALL("ws_close", 0, ws_close(self->session, WS_CLOSE_NORMAL, NULL, 0));
}

void *send_all(void *argument)
{
    sender *self = argument;
    flow *whole = self->flow;
    char *memory = malloc((size_t)BATCH * (MESSAGE_SIZE_LIMIT + 1));
    EXPECT(memory != NULL, "no memory");
    unsigned sent = 0;
    bool early = whole->ending != CLOSES_AFTER && self->number == 0;
    ws_status status = WS_OK;
    while (sent < self->messages && !atomic_load(&stopping)) {
        status = send_some(self, memory, &sent);
        /* A part of a fragmented message was lost with its connection. */
        bool again =
            is_waiting(status) || (status == WS_ERR_IO && whole->reconnects && !has_ended(self->session));
        if (status != WS_OK && !again)
            break;
        if (early && sent > self->messages / 2) {
            close_flow(self);
            early = false;
        }
        if (below(&self->dice, 30) == 0) {
            int64_t timeout = flow_timeout(&self->dice);
            CALL("ws_flush", timeout, ws_flush(self->session, timeout));
        }
    }
    free(memory);
    if (atomic_fetch_sub(&whole->sending, 1) == 1)
        close_flow(self);
    CALL_VOID("ws_session_free", ws_session_free(self->session));
    return NULL;
}

void start_sender(sender *self, flow *whole, ws_session *session, unsigned number, unsigned messages, chance *dice)
{
    *self = (sender){.flow = whole, .number = number, .messages = messages, .dice = {roll(dice)}};
    self->session = ws_session_ref(session);
    start_thread(&self->thread, send_all, self);
}

/* Opens the flow's session. Whether it is open. */
bool open_flow(flow *self, chance *dice, const char *path, ws_config *config)
{
    char url[128];
    random_url(dice, url, sizeof url, path);
    self->relayed = url[2] == 's';
    unsigned ended = atomic_load(&shutdowns_ended);
    self->shutdowns_before = atomic_load(&shutdowns_begun);
    bool quiet = ended == self->shutdowns_before;
    ws_status status;
    if (below(dice, 2) == 0) {
        status = CALL("ws_connect", UNTIMED, ws_connect(url, config, &self->session, NULL));
    } else {
        status = CALL("ws_connect_async", 0, ws_connect_async(url, config, &self->session));
        bool made = status == WS_OK;
        while (made && is_waiting(status = CALL("ws_wait_open", 100, ws_wait_open(self->session, 100, NULL))) &&
               ws_state(self->session) != WS_STATE_CLOSED)
            continue;
    }
    self->owed->returned = self->session != NULL;
    quiet = quiet && !was_shut_down(self);
    EXPECT(status == WS_OK || self->relayed || !quiet, "%s was not opened: %s", url, ws_status_name(status));
    count(status == WS_OK ? SESSIONS : REFUSED, 1);
    snprintf(self->name, sizeof self->name, "session %llu, %s, delivery %d, ending %d%s%s",
             (unsigned long long)ws_session_id(self->session), url, (int)self->delivery, (int)self->ending,
             ws_extension_count(self->session) > 0 ? ", extensions" : "", self->reconnects ? ", reconnecting" : "");
    self->shut_down_at_first = !quiet;
    return status == WS_OK;
}

void flow_frame(flow *self, const ws_frame *frame)
{
    note_message(&self->ledger, frame->data, frame->size, frame->type);
}

void flow_ended(flow *self, ws_status status)
{
    pthread_mutex_lock(&self->lock);
    EXPECT(!self->ended, "a flow ends twice");
    self->ended = true;
    self->end = status;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

/* Waits for the end of a flow that gives its messages to a callback. */
static void wait_for_callbacks(flow *self)
{
    enter_call("the end of a session with callbacks", UNTIMED);
    pthread_mutex_lock(&self->lock);
    while (!self->ended)
        pthread_cond_wait(&self->changed, &self->lock);
    pthread_mutex_unlock(&self->lock);
    leave_call(WS_OK);
}

static flow *new_flow(chance *dice, const char *name)
{
    flow *made = calloc(1, sizeof *made);
    EXPECT(made != NULL, "no memory");
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->owed = new_record(name);
    made->owed->flow = made;
    made->ending = (ending)below(dice, ENDINGS);
    made->delivery = (delivery)below(dice, DELIVERIES);
    return made;
}

void free_flow(flow *self)
{
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->changed);
    free(self);
}

/* Which of the server's paths, and what it does to the flow. */
static void choose_path(flow *self, chance *dice, char path[64])
{
    unsigned seed = below(dice, 1000000), messages = 1 + below(dice, 200);
    switch (below(dice, 6)) {
    case 0:
        self->served = true;
        atomic_store(&self->ledger.accepted[0], messages);
        snprintf(path, 64, "seq/%u/%u", messages, seed);
        break;
    case 1:
    case 2:
        self->cut = true;
        snprintf(path, 64, "cut/%u/%u", messages, seed);
        break;
    default:
        snprintf(path, 64, "echo/0/%u", seed);
        break;
    }
}

void settle_flow(flow *self)
{
    bool undisturbed = !self->cut && !self->relayed && !self->shut_down_at_first && !was_shut_down(self);
    bool closes = self->served || self->ending != ABORTS;
    if (!CLOSE_AMID_EXTENSIONS && self->ending == CLOSES_AMID && self->extended)
        closes = false;
    EXPECT(!undisturbed || !closes || self->end == WS_ERR_CLOSED, "%s ends with %s: %s", self->name,
           ws_status_name(self->end), ws_error_message(ws_session_error(self->session)));
    settle_ledger(&self->ledger, !self->reconnects, undisturbed && closes, self->name);
    ws_stats stats = {.struct_size = sizeof stats};
    EXPECT(ws_get_stats(self->session, &stats) == WS_OK, "no statistics");
    count(RECONNECTS, (unsigned)stats.reconnects);
    count(FLOWS, 1);
}

void run_flow(chance *dice)
{
    char path[64];
    sender senders[SENDERS];
    flow *self = new_flow(dice, "a flow");
    choose_path(self, dice, path);
    self->reconnects = !self->served && below(dice, 3) < (self->cut ? 2 : 1);
    unsigned kind = OPEN_WELL | KEEP_ALL | (self->reconnects ? RECONNECTS_TOO : 0);
    ws_config *config = random_config(dice, self->owed, kind);
    bool called = self->delivery == BY_ON_FRAME;
    if (called || below(dice, 2) == 0)
        set_callbacks(config, self->owed, called);
    bool open = open_flow(self, dice, path, config);
    CALL_VOID("ws_config_free", ws_config_free(config));
    if (open) {
        self->extended = ws_extension_count(self->session) > 0;
        if (self->delivery == BY_RECV_CALLBACK && !call_back_frames(self))
            self->delivery = BY_RECV;
        register_flow(self->session);
        self->senders = self->served ? 0 : 1 + below(dice, SENDERS);
        atomic_store(&self->sending, self->senders);
        for (unsigned i = 0; i < self->senders; i++)
            start_sender(&senders[i], self, self->session, i, 20 + below(dice, 150), dice);
        if (self->delivery == BY_ON_FRAME || self->delivery == BY_RECV_CALLBACK)
            wait_for_callbacks(self);
        else
            receive_flow(self, dice);
        for (unsigned i = 0; i < self->senders; i++)
            join_thread(senders[i].thread);
        deregister_flow(self->session);
        settle_flow(self);
    } else if (called && self->session != NULL) {
        wait_for_callbacks(self);
    }
    CALL_VOID("ws_session_free", ws_session_free(self->session));
    /* Callbacks that are still to come know the flow. */
    keep_flow(self);
}
