/* What is done in a run of lifetimes.c. */

#ifndef LIFETIMES_ACTIONS_H
#define LIFETIMES_ACTIONS_H

#include "lifetimes_run.h"

static inline void use_freed(run *self, ws_session *session)
{
    (void)self;
    ws_close_info info = {.struct_size = sizeof info};
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK(ws_session_ref(session) == NULL);
    CHECK(ws_session_id(session) > 0);
    CHECK(ws_state(session) >= WS_STATE_CONNECTING && ws_state(session) <= WS_STATE_CLOSED);
    ws_status status = ws_send_text(session, "never", 5);
    CHECK(status != WS_OK && status != WS_ERR_FORKED && status != WS_ERR_INVALID_ARGUMENT);
    CHECK_OK(ws_get_stats(session, &stats));
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_abort(session));
    CHECK_OK(ws_interrupt(session));
    (void)ws_session_error(session);
    CHECK(strcmp(ws_request_url(session), "") != 0);
    CHECK(ws_session_ref(session) == NULL);
}

static inline void free_session(run *self, ws_session *session)
{
    atomic_store(&self->is_freed, 1);
    ws_session_free(session);
}

static inline void free_and_use_session(run *self, ws_session *session)
{
    free_session(self, session);
    use_freed(self, session);
}

static inline void free_and_ref_session(run *self, ws_session *session)
{
    free_session(self, session);
    for (int i = 0; i < 3; i++) {
        ws_session *mine = ws_session_ref(session);
        CHECK(mine == NULL);
        ws_session_free(mine);
    }
}

static inline void ref_and_free_session(run *self, ws_session *session)
{
    (void)self;
    for (int i = 0; i < 3; i++) {
        CHECK(ws_session_ref(session) == session);
        ws_session_free(session);
    }
    CHECK(ws_state(session) != WS_STATE_CLOSED || self->place == ON_CLOSE || self->place == RECV_CALLBACK_END);
}

static inline void keep_session(run *self, ws_session *session)
{
    CHECK(ws_session_ref(session) == session);
    self->kept = session;
}

/* The other handle takes the place of the first. */
static inline void keep_and_free_session(run *self, ws_session *session)
{
    keep_session(self, session);
    ws_session_free(session);
    CHECK(ws_session_ref(session) == session);
    ws_session_free(session);
    self->kept = NULL;
}

static inline void close_session(run *self, ws_session *session)
{
    atomic_store(&self->is_ending, 1);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_close(session, WS_CLOSE_GOING_AWAY, NULL, 0));
}

static inline void abort_session(run *self, ws_session *session)
{
    atomic_store(&self->is_ending, 1);
    CHECK_OK(ws_abort(session));
    CHECK_OK(ws_abort(session));
}

static inline void never_called(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)session, (void)frame, (void)user_data;
    abort();
}

static inline void never_dropped(void *user_data)
{
    (void)user_data;
    abort();
}

/* Its messages go to a function already. */
static inline void receive_elsewhere(run *self, ws_session *session)
{
    (void)self;
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv_callback(session, never_called, NULL, never_dropped), WS_ERR_STATE);
    CHECK_STATUS(ws_recv(session, &frame, -1), WS_ERR_STATE);
    CHECK_EQ(ws_event_fd(session), -1);
}

static inline void shut_down(run *self, ws_session *session)
{
    (void)self, (void)session;
    CHECK_STATUS(ws_shutdown(-1), WS_ERR_STATE);
    CHECK_STATUS(ws_shutdown(0), WS_ERR_STATE);
}

static inline void free_config(run *self, ws_session *session)
{
    (void)session;
    if (self->config == NULL)
        return;
    ws_config *config = self->config, *copy = ws_config_clone(config);
    CHECK(copy != NULL);
    self->config = NULL;
    ws_config_free(config);
    ws_config_free(copy);
}

static inline void change_config(run *self, ws_session *session)
{
    (void)session;
    if (self->config == NULL)
        return;
    CHECK_OK(ws_config_set_callbacks(self->config, NULL, NULL));
    CHECK_OK(ws_config_set_cookie_jar(self->config, NULL));
    CHECK_OK(ws_config_set_auth_callback(self->config, NULL, NULL));
    CHECK_OK(ws_config_set_reconnect(self->config, NULL));
    CHECK_OK(ws_config_set_header(self->config, "X-Test", NULL));
}

static inline void free_jar(run *self, ws_session *session)
{
    (void)session;
    ws_cookie_jar_clear(self->jar);
    ws_cookie_jar_free(self->jar);
    self->jar = NULL;
}

static inline void free_error(run *self, ws_session *session)
{
    (void)session;
    CHECK_STATUS(ws_error_status(self->error), WS_ERR_URL);
    ws_error_free(self->error);
    self->error = NULL;
}

static inline void free_frame(run *self, ws_session *session)
{
    (void)session;
    CHECK_STR((const char *)self->frame->data, "kept");
    ws_frame_free(self->frame);
    self->frame = NULL;
}

static inline void free_group(run *self, ws_session *session)
{
    ws_session *source = session;
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_group_recv(self->group, &source, &frame, 0), WS_ERR_TIMEOUT);
    CHECK(source == NULL);
    CHECK_EQ(ws_group_size(self->group), 0);
    ws_group_free(self->group);
    self->group = NULL;
}

static const action actions[] = {
    {"free the session", free_session, SESSION},
    {"free and use the session", free_and_use_session, SESSION},
    {"free and ref the session", free_and_ref_session, SESSION},
    {"ref and free the session", ref_and_free_session, SESSION},
    {"ref the session", keep_session, SESSION},
    {"ref the session and free its first handle", keep_and_free_session, SESSION},
    {"close the session", close_session, SESSION},
    {"abort the session", abort_session, SESSION},
    {"receive elsewhere", receive_elsewhere, SESSION},
    {"shut down", shut_down, LIBRARY},
    {"free the configuration", free_config, OBJECT},
    {"change the configuration", change_config, OBJECT},
    {"free the jar", free_jar, OBJECT},
    {"free the error", free_error, OBJECT},
    {"free the frame", free_frame, OBJECT},
    {"free the group", free_group, OBJECT},
};

static inline int is_for(const action *what, place where)
{
    switch (what->subject) {
    case SESSION:
        return where == ON_OPEN || where == ON_FRAME || where == ON_WRITABLE || where == DECIDE ||
               where == PREPARE || where == ON_CLOSE || where == RECV_CALLBACK_END;
    case OBJECT:
        /* The log must not call the library. */
        return where != LOG;
    case LIBRARY:
        break;
    }
    return 1;
}

#endif
