/* Random calls on sessions that all threads share. */

#define _GNU_SOURCE
#include "chaos.h"
#include "left_out.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 40000, FRAMES = 8 };

static struct {
    pthread_mutex_t lock;
    ws_session *session;
    record *owed;
} slots[SLOTS];
static pthread_once_t slots_made = PTHREAD_ONCE_INIT;

static const char zeros[LARGEST];

static void make_slots(void)
{
    for (unsigned i = 0; i < SLOTS; i++)
        pthread_mutex_init(&slots[i].lock, NULL);
}

static int64_t some_timeout(chance *dice)
{
    static const int64_t timeouts[] = {0, 0, 1, 5, 20, 100};
    return timeouts[below(dice, 6)];
}

int64_t sending_limit(const ws_session *session, int64_t timeout)
{
    return TIMEOUT_WITH_EXTENSIONS || ws_extension_count(session) == 0 ? timeout : UNTIMED;
}

static void send_something(chance *dice, ws_session *session, const record *owed)
{
    unsigned size = below(dice, below(dice, 10) == 0 ? LARGEST : 300);
    int64_t timeout = some_timeout(dice), limit = sending_limit(session, timeout);
    int64_t limit_of_config = sending_limit(session, owed->send_timeout_ms);
    static const uint32_t flags[] = {0, 0, WS_SEND_CORK, WS_SEND_NO_COMPRESS, WS_SEND_MORE};
    switch (below(dice, 7)) {
    case 0:
        CALL("ws_send_text", limit_of_config, ws_send_text(session, zeros, size));
        break;
    case 1:
        CALL("ws_send_binary", limit_of_config, ws_send_binary(session, zeros, size));
        break;
    case 2: {
        size_t accepted = 0;
        ws_message items[FRAMES];
        unsigned items_count = below(dice, FRAMES + 1);
        for (unsigned i = 0; i < items_count; i++)
            items[i] = (ws_message){.data = zeros, .size = size / 4, .type = WS_FRAME_TEXT + below(dice, 2)};
        ws_status status = CALL("ws_send_batch", limit, ws_send_batch(session, items, items_count, &accepted, timeout));
        EXPECT(accepted <= items_count && (status != WS_OK || accepted == items_count), "%zu accepted", accepted);
        break;
    }
    case 3:
        if (LOCK_IN_LOG)
            CALL("ws_send", UNTIMED, send_locked(session, zeros, size));
        break;
    default:
        CALL("ws_send", limit, ws_send(session, below(dice, 3), zeros, size, flags[below(dice, 5)], timeout));
        break;
    }
}

static void send_control(chance *dice, ws_session *session)
{
    unsigned size = below(dice, 126);
    int64_t timeout = some_timeout(dice);
    switch (below(dice, 4)) {
    case 0:
        CALL("ws_send of a ping", timeout, ws_send(session, WS_FRAME_PING, zeros, size, 0, timeout));
        break;
    case 1:
        CALL("ws_send of a pong", timeout, ws_send(session, WS_FRAME_PONG, zeros, size, 0, timeout));
        break;
    case 2:
        CALL("ws_flush", timeout, ws_flush(session, timeout));
        break;
    default:
        EXPECT(ws_buffered_amount(session) < 1 << 30, "an amount that was never sent");
        break;
    }
}

static void receive(chance *dice, ws_session *session)
{
    int64_t timeout = some_timeout(dice);
    ws_frame *frames[FRAMES];
    size_t received = 0, size = 0;
    uint32_t type = 0;
    char buffer[200];
    ws_status status;
    switch (below(dice, 4)) {
    case 0:
        status =
            CALL("ws_recv_batch", timeout, ws_recv_batch(session, frames, 1 + below(dice, FRAMES), &received, timeout));
        EXPECT(status != WS_OK || (received > 0 && received <= FRAMES), "%zu frames", received);
        break;
    case 1:
        status = CALL("ws_recv_into", timeout,
                      ws_recv_into(session, buffer, below(dice, sizeof buffer), &size, &type, timeout));
        EXPECT(status != WS_OK || size <= sizeof buffer, "%zu bytes", size);
        break;
    default:
        status = CALL("ws_recv", timeout, ws_recv(session, frames, timeout));
        received = status == WS_OK;
        break;
    }
    for (size_t i = 0; i < received; i++) {
        EXPECT(frames[i]->data[frames[i]->size] == 0, "no NUL behind a payload");
        ws_frame_free(frames[i]);
    }
}

static void receive_otherwise(chance *dice, ws_session *session)
{
    if (below(dice, 3) > 0) {
        int fd = ws_event_fd(session);
        if (fd >= 0) {
            struct pollfd watched = {.fd = fd, .events = POLLIN};
            if (poll(&watched, 1, (int)below(dice, 10)) > 0)
                receive(dice, session);
            int again = ws_event_fd(session);
            EXPECT(again == fd || again < 0, "another descriptor");
        }
    } else if (REFUSED_RECV_CALLBACK && RECV_CALLBACK_AT_THE_END) {
        record *told = new_record("ws_recv_callback");
        atomic_store(&told->dice, roll(dice));
        told->gave_callback =
            CALL("ws_recv_callback", 0, ws_recv_callback(session, frame_to_callback, told, callback_dropped)) == WS_OK;
    }
}

static void wait_for(chance *dice, ws_session *session)
{
    int64_t timeout = some_timeout(dice);
    if (below(dice, 2) == 0) {
        ws_error *error = NULL;
        ws_status status = CALL("ws_wait_open", timeout, ws_wait_open(session, timeout, &error));
        EXPECT(error == NULL || ws_error_status(error) == status, "another error than %s", ws_status_name(status));
        ws_error_free(error);
    } else {
        CALL("ws_wait_closed", timeout, ws_wait_closed(session, timeout));
    }
}

static void end(chance *dice, ws_session *session)
{
    static const uint32_t codes[] = {0, 1000, 1001, 3000, 4999};
    switch (below(dice, 6)) {
    case 0:
        CALL("ws_abort", 0, ws_abort(session));
        break;
    case 1: {
        uint32_t code = codes[below(dice, 5)];
        CALL("ws_close", 0, ws_close(session, code, code == 0 ? NULL : "chaos", code == 0 ? 0 : WS_NUL_TERMINATED));
        break;
    }
    default:
        count(INTERRUPTS, 1);
        CALL("ws_interrupt", 0, ws_interrupt(session));
        break;
    }
}

static void set(chance *dice, ws_session *session)
{
    switch (below(dice, 7)) {
    case 0:
        CALL("ws_set_max_frame_size", 0, ws_set_max_frame_size(session, 1 + below(dice, 200000)));
        break;
    case 1:
        CALL("ws_set_max_message_size", 0, ws_set_max_message_size(session, 1 + below(dice, 200000)));
        break;
    case 2:
        CALL("ws_set_masking", 0, ws_set_masking(session, (int32_t)below(dice, 2)));
        break;
    case 3:
        CALL("ws_set_user_data", 0, ws_set_user_data(session, dice));
        EXPECT(ws_get_user_data(session) != NULL, "no user data");
        break;
    case 4:
        EXPECT(ws_get_max_frame_size(session) <= 300000 && ws_get_max_message_size(session) <= 300000, "limits");
        EXPECT(ws_get_masking(session) <= 1, "masking");
        break;
    default:
        CALL("ws_set_ping_timeout_ms", 0, ws_set_ping_timeout_ms(session, 20 + below(dice, 500)));
        break;
    }
}

static size_t length(const char *text)
{
    return text == NULL ? 0 : strlen(text);
}

/* What is lent stays valid: all of it is read. */
static void ask(chance *dice, ws_session *session)
{
    size_t read = 0, size = 0;
    switch (below(dice, 6)) {
    case 0: {
        ws_close_info reason = {.struct_size = sizeof reason};
        if (CALL("ws_get_close_info", 0, ws_get_close_info(session, &reason)) == WS_OK)
            EXPECT(length(reason.reason) == reason.reason_size && reason.initiator > 0, "a close reason");
        break;
    }
    case 1: {
        const ws_error *error = ws_session_error(session);
        const uint8_t *body = ws_error_http_body(error, &size);
        for (size_t i = 0; i < size; i++)
            read += body[i];
        read += length(ws_error_message(error)) + length(ws_error_http_header(error, "Retry-After", 0));
        EXPECT(error == NULL || ws_error_status(error) != WS_OK, "an error without a status");
        EXPECT(ws_error_os_errno(error) >= 0 && ws_error_tls_alert(error) >= -1, "an error's numbers");
        EXPECT(ws_error_phase(error) <= WS_PHASE_OPEN && ws_error_http_status(error) < 1000, "an error's phase");
        break;
    }
    case 2: {
        ws_stats stats = {.struct_size = sizeof stats};
        CALL("ws_get_stats", 0, ws_get_stats(session, &stats));
        EXPECT(stats.reconnects < 1000000, "statistics");
        break;
    }
    case 3:
        read += length(ws_subprotocol(session)) + length(ws_request_url(session));
        read += length(ws_request_header(session, "Host", 0)) + length(ws_response_header(session, "Set-Cookie", 0));
        EXPECT(ws_response_status(session) < 1000, "a status");
        EXPECT(ws_session_id(session) > 0, "no number");
        break;
    case 4:
        for (size_t i = 0; i < ws_extension_count(session); i++)
            read += length(ws_extension_at(session, i)->name);
        if (ws_extension_find(session, "x-flip") != NULL)
            read += length(ws_extension_find(session, "x-flip")->parameters);
        break;
    default:
        EXPECT(ws_state(session) <= WS_STATE_CLOSED, "a state");
        break;
    }
    EXPECT(read < 10000000, "too much");
}

void call_on(chance *dice, ws_session *session, record *owed, unsigned calls, bool in_callback)
{
    for (unsigned i = 0; i < calls; i++) {
        switch (below(dice, 16)) {
        case 0:
            end(dice, session);
            break;
        case 1:
            set(dice, session);
            break;
        case 2:
            ask(dice, session);
            break;
        case 3:
            wait_for(dice, session);
            break;
        case 4:
            if (!in_callback || REF_IN_CALLBACKS) {
                ws_session *other = ws_session_ref(session);
                EXPECT(other == session || in_callback, "another handle");
                CALL_VOID("ws_session_free", ws_session_free(other));
            }
            break;
        case 5:
            receive_otherwise(dice, session);
            break;
        case 6:
        case 7:
            send_control(dice, session);
            break;
        case 8:
        case 9:
        case 10:
        case 11:
            receive(dice, session);
            break;
        default:
            send_something(dice, session, owed);
            break;
        }
    }
}

void disturb(chance *dice, ws_session *session)
{
    int64_t timeout = some_timeout(dice);
    switch (below(dice, 8)) {
    case 0:
        count(INTERRUPTS, 1);
        CALL("ws_interrupt", 0, ws_interrupt(session));
        break;
    case 1:
        CALL("ws_set_ping_timeout_ms", 0, ws_set_ping_timeout_ms(session, HANG_MS / 2));
        CALL("ws_set_ping_interval_ms", 0, ws_set_ping_interval_ms(session, 5 + below(dice, 100)));
        EXPECT(ws_get_ping_interval_ms(session) >= 0 && ws_get_ping_timeout_ms(session) >= 0, "an interval");
        break;
    case 2:
        CALL("ws_send of a ping", timeout, ws_send(session, WS_FRAME_PING, zeros, below(dice, 126), 0, timeout));
        break;
    case 3:
        CALL("ws_flush", timeout, ws_flush(session, timeout));
        break;
    case 4:
        EXPECT(ws_buffered_amount(session) < 1 << 30, "an amount that was never sent");
        break;
    default:
        ask(dice, session);
        break;
    }
}

ws_session *take_from_slot(chance *dice, record **owed)
{
    unsigned i = below(dice, SLOTS);
    pthread_once(&slots_made, make_slots);
    pthread_mutex_lock(&slots[i].lock);
    ws_session *session = ws_session_ref(slots[i].session);
    *owed = slots[i].owed;
    pthread_mutex_unlock(&slots[i].lock);
    return session;
}

/* Frees what was in the slot. */
static void put_into_slot(unsigned i, ws_session *session, record *owed)
{
    pthread_once(&slots_made, make_slots);
    pthread_mutex_lock(&slots[i].lock);
    ws_session *before = slots[i].session;
    slots[i].session = session;
    slots[i].owed = owed;
    pthread_mutex_unlock(&slots[i].lock);
    CALL_VOID("ws_session_free", ws_session_free(before));
}

void call_on_slot(chance *dice)
{
    record *owed;
    ws_session *session = take_from_slot(dice, &owed);
    if (session == NULL)
        return;
    call_on(dice, session, owed, 1 + below(dice, 12), false);
    CALL_VOID("ws_session_free", ws_session_free(session));
}

void open_into_slot(chance *dice)
{
    char path[64], url[128];
    snprintf(path, sizeof path, "any/%u/%u", below(dice, 100), below(dice, 1000000));
    random_url(dice, url, sizeof url, path);
    record *owed = new_record("a session of a slot");
    ws_config *config = random_config(dice, owed, below(dice, 3) == 0 ? RECONNECTS_TOO : 0);
    if (below(dice, 2) == 0)
        set_callbacks(config, owed, below(dice, 2) == 0);
    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status;
    if (below(dice, 2) == 0) {
        status = CALL("ws_connect", owed->open_timeout_ms, ws_connect(url, config, &session, &error));
        EXPECT((error != NULL) == (status != WS_OK) && ws_error_status(error) == status, "an error of %s",
               ws_status_name(status));
        EXPECT(status == WS_OK || strlen(ws_error_message(error)) > 0, "an error without a message");
        ws_error_free(error);
    } else {
        status = CALL("ws_connect_async", 0, ws_connect_async(url, config, &session));
    }
    EXPECT((session != NULL) == (status == WS_OK), "%s", ws_status_name(status));
    owed->returned = status == WS_OK;
    CALL_VOID("ws_config_free", ws_config_free(config));
    count(status == WS_OK ? SESSIONS : REFUSED, 1);
    if (status == WS_OK)
        put_into_slot(below(dice, SLOTS), session, owed);
}

void free_slots(void)
{
    for (unsigned i = 0; i < SLOTS; i++)
        put_into_slot(i, NULL, NULL);
}
