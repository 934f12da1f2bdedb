/* The functions that the library calls in a run of lifetimes.c. */

#ifndef LIFETIMES_FUNCTIONS_H
#define LIFETIMES_FUNCTIONS_H

#include "lifetimes_run.h"

static inline void on_open(ws_session *session, void *self)
{
    act_in(self, ON_OPEN, session);
}

static inline void on_frame(ws_session *session, const ws_frame *frame, void *self)
{
    CHECK(frame->size > 0);
    act_in(self, ON_FRAME, session);
}

static inline void on_writable(ws_session *session, void *self)
{
    act_in(self, ON_WRITABLE, session);
}

static inline void on_close(ws_session *session, ws_status status, void *self)
{
    CHECK(status != WS_OK);
    CHECK_EQ(count_of(self, ON_CLOSE), 0);
    CHECK_EQ(count_of(self, DROP), 0);
    act_in(self, ON_CLOSE, session);
}

static inline void prepare(ws_session *session, ws_attempt *attempt, void *self)
{
    CHECK(ws_error_status(ws_attempt_last_error(attempt)) != WS_OK);
    CHECK(ws_attempt_number(attempt) >= 1);
    CHECK_OK(ws_attempt_set_header(attempt, "X-Attempt", "another"));
    act_in(self, PREPARE, session);
}

static inline void drop(void *self)
{
    CHECK_EQ(count_of(self, DROP), 0);
    act_in(self, DROP, NULL);
}

static inline void receive(ws_session *session, const ws_frame *frame, void *user_data)
{
    run *self = user_data;
    CHECK_EQ(count_of(self, RECEIVER_DROP), 0);
    act_in(self, frame == NULL ? RECV_CALLBACK_END : ON_FRAME, session);
}

static inline void drop_receiver(void *self)
{
    CHECK_EQ(count_of(self, RECV_CALLBACK_END), 1);
    CHECK_EQ(count_of(self, ON_CLOSE), 0);
    act_in(self, RECEIVER_DROP, NULL);
}

static inline void auth(ws_auth *question, void *self)
{
    act_in(self, AUTH, NULL);
    CHECK_OK(ws_auth_basic(question, "user", "password"));
}

static inline int32_t decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
                      void *self)
{
    (void)attempt, (void)suggested;
    CHECK(ws_error_status(why) != WS_OK);
    *delay_ms = 1;
    act_in(self, DECIDE, session);
    return 1;
}

static inline int32_t filter(void *self, uint32_t type, const void *data, size_t size)
{
    (void)type, (void)data, (void)size;
    act_in(self, FILTER, NULL);
    return 0;
}

static inline int32_t offer(void *self, ws_sink *parameters)
{
    (void)parameters;
    act_in(self, OFFER, NULL);
    return WS_OK;
}

static inline int32_t negotiate(void *self, const char *parameters, void **instance)
{
    CHECK_STR(parameters, "");
    act_in(self, NEGOTIATE, NULL);
    *instance = self;
    return WS_OK;
}

static inline int32_t encode(void *self, const ws_extension_piece *piece, uint32_t *rsv, ws_sink *output)
{
    (void)rsv;
    act_in(self, ENCODE, NULL);
    return ws_sink_write(output, piece->data, piece->size);
}

static inline int32_t decode(void *self, const ws_extension_piece *piece, ws_sink *output)
{
    act_in(self, DECODE, NULL);
    return ws_sink_write(output, piece->data, piece->size);
}

static inline void drop_instance(void *self)
{
    act_in(self, INSTANCE_DROP, NULL);
}

static inline void release(void *self)
{
    CHECK_EQ(count_of(self, RELEASE), 0);
    act_in(self, RELEASE, NULL);
}

static inline void write_log(uint32_t level, uint64_t session_id, const char *message, void *user_data)
{
    (void)level, (void)session_id, (void)message, (void)user_data;
    if (current->place == LOG)
        act_in(current, LOG, NULL);
}

#endif
