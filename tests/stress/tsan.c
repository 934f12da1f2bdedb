/* What programs with threads do with data of their own around the library. None of it is a race, but for `race`:
 * ThreadSanitizer must have nothing to report but that. */

#define _GNU_SOURCE
#include "check.h"
#include <poll.h>
#include <pthread.h>

enum { MESSAGES = 50, ROUNDS = 10 };

static pthread_t start(void *function(void *), void *argument)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, function, argument), 0);
    return thread;
}

static void *join(pthread_t thread)
{
    void *result = NULL;
    CHECK_EQ(pthread_join(thread, &result), 0);
    return result;
}

static ws_session *connect_echo(void)
{
    ws_session *session = NULL;
    CHECK_OK(ws_connect(environment("ECHO_WS_URL"), NULL, &session, NULL));
    return session;
}

/* Callbacks write what the main thread reads once the session has closed. */

typedef struct record {
    int opened, frames, closed;
    char last[8];
} record;

static int dropped;

static void on_open(ws_session *session, void *user_data)
{
    record *self = user_data;
    self->opened++;
    CHECK_OK(ws_send_text(session, self->last, WS_NUL_TERMINATED));
}

static void on_frame(ws_session *session, const ws_frame *frame, void *user_data)
{
    record *self = user_data;
    memcpy(self->last, frame->data, frame->size + 1);
    if (++self->frames < MESSAGES)
        CHECK_OK(ws_send_text(session, (const char *)frame->data, frame->size));
    else
        CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
}

static void on_close(ws_session *session, ws_status status, void *user_data)
{
    (void)session, (void)status;
    ((record *)user_data)->closed++;
}

static void on_drop(void *user_data)
{
    dropped += ((record *)user_data)->closed;
    free(user_data);
}

static void callbacks(void)
{
    record *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    ws_callbacks calls = {.struct_size = sizeof calls, .on_open = on_open, .on_frame = on_frame};
    calls.on_close = on_close;
    calls.drop = on_drop;
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_callbacks(config, &calls, self));
    memcpy(self->last, "hello", 6);
    ws_session *session = NULL;
    CHECK_OK(ws_connect_async(environment("ECHO_WS_URL"), config, &session));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(self->opened, 1);
    CHECK_EQ(self->frames, MESSAGES);
    CHECK_EQ(self->closed, 1);
    CHECK_STR(self->last, "hello");
    self->opened = 0;
    ws_session_free(session);
    ws_config_free(config);
}

/* ws_recv_callback, and data that is read after ws_shutdown only. */
static void *received;

static void on_last(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)session;
    if (frame == NULL)
        received = user_data;
}

static void callback_until_shutdown(void)
{
    ws_session *session = connect_echo();
    int value = 1;
    CHECK_OK(ws_recv_callback(session, on_last, &value, NULL));
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK(received == &value);
    received = NULL;
    ws_session_free(session);
}

/* One thread sends, another receives, a third closes. */

static void *receive_all(void *session)
{
    size_t *size = ws_get_user_data(session);
    ws_frame *frame = NULL;
    while (ws_recv(session, &frame, PATIENCE_MS) == WS_OK) {
        *size += frame->size;
        ws_frame_free(frame);
    }
    return NULL;
}

static void *close_session(void *session)
{
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
    return NULL;
}

static void threads(void)
{
    ws_session *session = connect_echo();
    size_t size = 0;
    CHECK_OK(ws_set_user_data(session, &size));
    pthread_t receiver = start(receive_all, session);
    for (int i = 0; i < MESSAGES; i++) {
        char *text = malloc(1000);
        CHECK(text != NULL);
        memset(text, 'a' + i % 26, 1000);
        CHECK_OK(ws_send_text(session, text, 1000));
        free(text);
    }
    join(start(close_session, ws_session_ref(session)));
    join(receiver);
    CHECK_EQ(size, MESSAGES * 1000);
    ws_session_free(session);
}

/* What a thread writes before it sends is read by the one that receives the echo. */

static int published;

static void *receive_published(void *session)
{
    ws_frame *frame = NULL;
    CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
    ws_frame_free(frame);
    CHECK_EQ(published, *(int *)ws_get_user_data(session));
    return NULL;
}

static void hand_over(void)
{
    ws_session *session = connect_echo();
    pthread_t receiver = start(receive_published, session);
    int *value = malloc(sizeof *value);
    CHECK(value != NULL);
    published = *value = 7;
    CHECK_OK(ws_set_user_data(session, value));
    CHECK_OK(ws_send_text(session, "", 0));
    join(receiver);
    free(value);
    CHECK_OK(ws_session_end(session, PATIENCE_MS));
}

static void event_descriptor(void)
{
    ws_session *session = connect_echo();
    CHECK_OK(ws_send_text(session, "hello", 5));
    struct pollfd waited = {.fd = ws_event_fd(session), .events = POLLIN};
    for (int count = 0; count < MESSAGES;) {
        CHECK_EQ(poll(&waited, 1, PATIENCE_MS), 1);
        for (ws_frame *frame = NULL; ws_recv(session, &frame, 0) == WS_OK; count++) {
            CHECK_STR((const char *)frame->data, "hello");
            CHECK_OK(ws_send_text(session, (const char *)frame->data, frame->size));
            ws_frame_free(frame);
        }
    }
    CHECK_OK(ws_session_end(session, PATIENCE_MS));
}

static int raced;

static void *increment(void *unused)
{
    (void)unused;
    raced++;
    return NULL;
}

static void race(void)
{
    ws_session *session = connect_echo();
    pthread_t other = start(increment, NULL);
    raced++;
    join(other);
    CHECK_OK(ws_session_end(session, PATIENCE_MS));
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    if (strcmp(argv[1], "race") == 0)
        race();
    else
        for (int i = 0; i < ROUNDS; i++) {
            callbacks();
            threads();
            hand_over();
            event_descriptor();
            callback_until_shutdown();
        }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
