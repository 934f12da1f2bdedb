/* Ends: ws_session_end, and that ws_wait_closed waits for on_close. */

#define _GNU_SOURCE
#include "process.h"
#include "steered.h"
#include "threads.h"
#include <semaphore.h>

typedef struct ended {
    sem_t may_free, may_return;
    atomic_int begun, returned;
    /* What ws_session_end and ws_wait_closed return in the callback. */
    ws_status session_end, wait_closed;
} ended;

static void on_close(ws_session *session, ws_status status, void *user_data)
{
    ended *self = user_data;
    CHECK(status != WS_OK);
    sem_wait(&self->may_free);
    atomic_store(&self->begun, 1);
    self->session_end = ws_session_end(session, 0);
    self->wait_closed = ws_wait_closed(session, PATIENCE_MS);
    sem_wait(&self->may_return);
    atomic_store(&self->returned, 1);
}

static ws_config *config_with(ended *self)
{
    ws_callbacks callbacks = {.struct_size = sizeof callbacks, .on_close = on_close};
    CHECK_EQ(sem_init(&self->may_free, 0, 0), 0);
    CHECK_EQ(sem_init(&self->may_return, 0, 0), 0);
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, self));
    return config;
}

/* A thread that lets on_close return after ws_wait_closed has timed out once. */
static void waits_for_on_close(ws_session *session, ended *self)
{
    ws_status status;
    while ((status = ws_wait_closed(session, 1)) == WS_ERR_TIMEOUT && !atomic_load(&self->begun)) {
    }
    CHECK_STATUS(status, WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_wait_closed(session, 0), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_wait_closed(session, 20), WS_ERR_TIMEOUT);
    CHECK_EQ(atomic_load(&self->returned), 0);
    sem_post(&self->may_return);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(atomic_load(&self->returned), 1);
    /* The connection is gone: in the callback there is nothing to wait for. */
    CHECK_OK(self->wait_closed);
}

/* A handle for on_close, which may be called as soon as the session is opening, and one for the caller. */
static void own_two_handles(ws_session *session, ended *self)
{
    CHECK(ws_session_ref(session) == session);
    sem_post(&self->may_free);
}

static void of_an_open_session(void)
{
    ended self = {.begun = 0};
    ws_config *config = config_with(&self);
    ws_session *session = connect_with(PLAIN, "", config);
    ws_config_free(config);
    own_two_handles(session, &self);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    waits_for_on_close(session, &self);
    ws_session_free(session);
    /* ws_session_end(…, 0) in the callback of a closed session does not wait: it has freed a handle. */
    CHECK_OK(self.session_end);
}

static void of_a_session_that_could_not_be_opened(void)
{
    ended self = {.begun = 0};
    ws_config *config = config_with(&self);
    ws_session *session = NULL;
    CHECK_OK(ws_connect_async("ws://127.0.0.1:1/", config, &session));
    ws_config_free(config);
    own_two_handles(session, &self);
    waits_for_on_close(session, &self);
    ws_session_free(session);
}

static void on_open(ws_session *session, void *user_data)
{
    ended *self = user_data;
    self->session_end = ws_session_end(session, PATIENCE_MS);
    sem_post(&self->may_return);
}

/* A callback cannot wait for the end of its session, and nothing happens to that. */
static void in_a_callback(void)
{
    ended self = {.begun = 0};
    ws_callbacks callbacks = {.struct_size = sizeof callbacks, .on_open = on_open};
    CHECK_EQ(sem_init(&self.may_return, 0, 0), 0);
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, &self));
    ws_session *session = connect_with(PLAIN, "", config);
    ws_config_free(config);
    sem_wait(&self.may_return);
    CHECK_STATUS(self.session_end, WS_ERR_STATE);
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    echo_text(session, "goes on");
    CHECK_OK(ws_session_end(session, PATIENCE_MS));
}

static void by_ws_session_end(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    CHECK_OK(ws_send_text(session, "before", WS_NUL_TERMINATED));
    CHECK_OK(ws_session_end(session, PATIENCE_MS));
    CHECK_STR(server("close_code"), "1000");
}

/* A server that does not answer: the time is over, and the connection is dropped. */
static void of_a_silent_server(void)
{
    ws_session *session = connect_steered(PLAIN, NULL);
    ws_session *other = ws_session_ref(session);
    STEER("read off");
    CHECK_STATUS(ws_session_end(session, 1), WS_ERR_TIMEOUT);
    CHECK_EQ(ws_state(other), WS_STATE_CLOSING);
    CHECK_STATUS(ws_session_end(other, 0), WS_ERR_TIMEOUT);
    session = connect_steered(PLAIN, NULL);
    CHECK_OK(ws_interrupt(session));
    STEER("read off");
    CHECK_STATUS(ws_session_end(session, PATIENCE_MS), WS_ERR_INTERRUPTED);
}

/* A Close is a frame as well (Ktor's send(Frame.Close())). */
static void by_a_close_frame(void)
{
    ws_session *session = connect_steered(PLAIN, NULL);
    CHECK_OK(ws_send(session, WS_FRAME_CLOSE, "\x0f\xa1""bye", 5, 0, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_STR(server("close_code"), "4001");
    CHECK_OK(ws_session_end(session, 0));
    session = connect_plain("");
    CHECK_OK(ws_send(session, WS_FRAME_CLOSE, NULL, 0, 0, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.local_code, WS_CLOSE_NO_STATUS);
    ws_session_free(session);
}

int main(void)
{
    of_an_open_session();
    of_a_session_that_could_not_be_opened();
    in_a_callback();
    by_ws_session_end(PLAIN);
    by_ws_session_end(TLS);
    of_a_silent_server();
    by_a_close_frame();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_no_library_threads();
    return 0;
}
