/* What the library calls: each call is checked against what it owes, and calls the library again. */

#define _GNU_SOURCE
#include "chaos.h"
#include "left_out.h"
#include <stdlib.h>
#include <string.h>

/* Now and then a callback makes calls, on its own session and on others. */
static void call_in_callback(record *self, ws_session *session)
{
    chance dice = {roll_of(self)};
    switch (below(&dice, 12)) {
    case 0:
        if (self->flow == NULL)
            call_on(&dice, session, self, 1 + below(&dice, 3), true);
        else
            disturb(&dice, session);
        break;
    case 1:
        call_on_slot(&dice);
        break;
    case 2:
        disturb_flow(&dice);
        break;
    case 3:
        pause_us(below(&dice, 3000));
        break;
    case 4:
        if (SHUTDOWN_IN_CALLBACKS && below(&dice, 20) == 0)
            EXPECT(ws_shutdown(-1) == WS_ERR_STATE, "ws_shutdown in a callback");
        break;
    default:
        break;
    }
}

static record *enter_callback(void *user_data, const char *name)
{
    record *self = user_data;
    count(CALLBACKS, 1);
    enter_alone(&self->inside, name);
    EXPECT(atomic_load(&self->closed) == 0, "%s: %s behind on_close", self->made_by, name);
    EXPECT(atomic_load(&self->dropped) == 0, "%s: %s behind drop", self->made_by, name);
    return self;
}

static void opened(ws_session *session, void *user_data)
{
    record *self = enter_callback(user_data, "on_open");
    EXPECT(atomic_fetch_add(&self->opened, 1) == 0, "%s: on_open twice", self->made_by);
    call_in_callback(self, session);
    leave_alone(&self->inside);
}

static void framed(ws_session *session, const ws_frame *frame, void *user_data)
{
    record *self = enter_callback(user_data, "on_frame");
    EXPECT(atomic_load(&self->opened) == 1, "%s: on_frame without on_open", self->made_by);
    EXPECT(frame != NULL && frame->data[frame->size] == 0, "on_frame without a frame");
    if (self->flow != NULL)
        flow_frame(self->flow, frame);
    call_in_callback(self, session);
    leave_alone(&self->inside);
}

static void writable(ws_session *session, void *user_data)
{
    record *self = enter_callback(user_data, "on_writable");
    call_in_callback(self, session);
    leave_alone(&self->inside);
}

static void closed(ws_session *session, ws_status status, void *user_data)
{
    record *self = enter_callback(user_data, "on_close");
    EXPECT(status != WS_OK && status != WS_ERR_INTERNAL, "on_close with %s", ws_status_name(status));
    call_in_callback(self, session);
    EXPECT(atomic_fetch_add(&self->closed, 1) == 0, "%s: on_close twice", self->made_by);
    flow *told = self->flow;
    leave_alone(&self->inside);
    if (told != NULL && self->has_on_frame)
        flow_ended(told, status);
}

static void dropped(void *user_data)
{
    record *self = user_data;
    EXPECT(atomic_load(&self->inside) == 0, "%s: drop during a callback", self->made_by);
    EXPECT(atomic_fetch_add(&self->dropped, 1) == 0, "%s: drop twice", self->made_by);
}

void set_callbacks(ws_config *config, record *owed, bool with_frames)
{
    ws_callbacks callbacks = {.struct_size = sizeof callbacks,
                              .on_open = opened,
                              .on_frame = with_frames ? framed : NULL,
                              .on_writable = writable,
                              .on_close = closed,
                              .drop = dropped};
    EXPECT(ws_config_set_callbacks(config, &callbacks, owed) == WS_OK, "no callbacks");
    owed->has_callbacks = true;
    owed->has_on_frame = with_frames;
}

void frame_to_callback(ws_session *session, const ws_frame *frame, void *user_data)
{
    record *self = user_data;
    count(CALLBACKS, 1);
    enter_alone(&self->inside, "the function of ws_recv_callback");
    EXPECT(atomic_load(&self->callback_ends) == 0, "a call behind the end");
    if (self->flow != NULL && frame != NULL)
        flow_frame(self->flow, frame);
    call_in_callback(self, session);
    if (frame == NULL) {
        const ws_error *error = ws_session_error(session);
        self->ended_with = error == NULL ? WS_ERR_CLOSED : ws_error_status(error);
        atomic_fetch_add(&self->callback_ends, 1);
    }
    leave_alone(&self->inside);
    atomic_fetch_add(&self->callback_gets, 1);
}

void callback_dropped(void *user_data)
{
    record *self = user_data;
    EXPECT(atomic_load(&self->callback_ends) == 1, "drop before the end");
    EXPECT(atomic_fetch_add(&self->callback_drops, 1) == 0, "drop twice");
    if (self->flow != NULL)
        flow_ended(self->flow, self->ended_with);
}

int32_t decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
               void *user_data)
{
    record *self = user_data;
    chance dice = {roll_of(self)};
    EXPECT(attempt > 0 && strlen(ws_error_message(why)) > 0, "a decision about nothing");
    *delay_ms = below(&dice, 20);
    if (self->flow == NULL && below(&dice, 4) == 0)
        call_on(&dice, session, self, 1, true);
    return attempt > 8 ? 0 : below(&dice, 8) == 0 ? 0 : suggested;
}

void prepare(ws_session *session, ws_attempt *attempt, void *user_data)
{
    record *self = user_data;
    count(CALLBACKS, 1);
    EXPECT(ws_attempt_number(attempt) > 0 && ws_attempt_last_error(attempt) != NULL, "an attempt without a cause");
    chance dice = {roll_of(self)};
    if (below(&dice, 2) == 0)
        EXPECT(ws_attempt_set_header(attempt, "X-Attempt", "another") == WS_OK, "no header");
    if (below(&dice, 4) == 0)
        disturb(&dice, session);
}

void answer_question(ws_auth *auth, void *user_data)
{
    chance dice = {roll_of(user_data)};
    EXPECT(ws_auth_attempt(auth) > 0 && ws_auth_challenge(auth, 0) != NULL, "a question without a challenge");
    EXPECT(strlen(ws_auth_url(auth)) > 0, "a question of nobody");
    switch (below(&dice, 5)) {
    case 0:
        EXPECT(ws_auth_basic(auth, "user", "password") == WS_OK, "Basic");
        break;
    case 1:
        if (ws_auth_digest(auth, "user", "password") == WS_ERR_STATE)
            ws_auth_bearer(auth, "token");
        break;
    case 2:
        EXPECT(ws_auth_header(auth, "Own x") == WS_OK, "an Authorization header");
        break;
    case 3:
        call_on_slot(&dice);
        break;
    default:
        break;
    }
}

int32_t deflate_filter(void *user_data, uint32_t type, const void *data, size_t size)
{
    record *self = user_data;
    EXPECT(data != NULL && atomic_load(&self->releases) == 0, "a filter is asked about nothing");
    return type == WS_FRAME_TEXT || size % 3 == 0;
}

/* An extension that flips bits of some messages. */
typedef struct flip {
    record *owed;
    bool encodes;
} flip;

static int32_t offer(void *user_data, ws_sink *parameters)
{
    (void)user_data;
    return ws_sink_write(parameters, "key=7", 5);
}

static int32_t negotiate(void *user_data, const char *parameters, void **instance)
{
    EXPECT(strcmp(parameters, "key=7") == 0, "parameters %s", parameters);
    flip *made = calloc(1, sizeof *made);
    if (made == NULL)
        return WS_ERR_NO_MEMORY;
    made->owed = user_data;
    atomic_fetch_add(&made->owed->instances, 1);
    *instance = made;
    return WS_OK;
}

static int32_t flip_bits(const ws_extension_piece *piece, ws_sink *output)
{
    uint8_t bytes[512];
    for (size_t at = 0; at < piece->size; at += sizeof bytes) {
        size_t size = piece->size - at < sizeof bytes ? piece->size - at : sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = piece->data[at + i] ^ 7;
        ws_status status = ws_sink_write(output, bytes, size);
        if (status != WS_OK)
            return status;
    }
    return WS_OK;
}

static int32_t encode(void *instance, const ws_extension_piece *piece, uint32_t *rsv, ws_sink *output)
{
    flip *self = instance;
    enter_alone(&self->owed->encoding, "encode");
    if (piece->flags & WS_PIECE_FIRST)
        self->encodes = piece->size % 4 != 0;
    int32_t status = WS_OK;
    if (self->encodes) {
        if (piece->flags & WS_PIECE_FIRST)
            *rsv = WS_FLAG_RSV2;
        status = flip_bits(piece, output);
    }
    if (self->owed->flow == NULL && roll_of(self->owed) % 200 == 0)
        status = WS_ERR_EXTENSION;
    leave_alone(&self->owed->encoding);
    return status;
}

static int32_t decode(void *instance, const ws_extension_piece *piece, ws_sink *output)
{
    flip *self = instance;
    enter_alone(&self->owed->decoding, "decode");
    int32_t status = flip_bits(piece, output);
    leave_alone(&self->owed->decoding);
    return status;
}

static void drop_instance(void *instance)
{
    flip *self = instance;
    EXPECT(atomic_fetch_sub(&self->owed->instances, 1) > 0, "an instance is dropped twice");
    free(self);
}

static void release(void *user_data)
{
    record *self = user_data;
    EXPECT(atomic_load(&self->instances) == 0, "released before its instances");
    EXPECT(atomic_fetch_add(&self->releases, 1) == 0, "released twice");
}

void install_extension(ws_config *config, record *owed)
{
    ws_extension_vtable vtable = {.struct_size = sizeof vtable,
                                  .name = "x-flip",
                                  .rsv = WS_FLAG_RSV2,
                                  .offer = offer,
                                  .negotiate = negotiate,
                                  .encode = encode,
                                  .decode = decode,
                                  .drop = drop_instance,
                                  .release = release};
    EXPECT(ws_config_install_extension(config, &vtable, owed) == WS_OK, "no extension");
    owed->has_extension = true;
}
