/* Asks many servers at once, with callbacks, whether they are there: how long opening took, and the answer to a ping.
 *
 *     callbacks URL...
 *
 * One line for each, as they answer; the exit status is 1 if one is down. */

#define _POSIX_C_SOURCE 200809L
#include <ktorws.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_have_ended = PTHREAD_COND_INITIALIZER;
/* Behind the lock: callbacks of different sessions may run at the same time. */
static int asked, down;

typedef struct {
    const char *url;
    int answered;
} server;

static void on_open(ws_session *session, void *user_data)
{
    (void)user_data;
    ws_send_ping(session, NULL, 0);
}

static void on_frame(ws_session *session, const ws_frame *frame, void *user_data)
{
    server *self = user_data;
    if (frame->type != WS_FRAME_PONG)
        return;
    self->answered = 1;
    ws_stats stats = {.struct_size = sizeof stats};
    if (ws_get_stats(session, &stats) == WS_OK) {
        uint64_t opening_us = stats.resolve_us + stats.connect_us + stats.tls_us + stats.handshake_us;
        printf("up %s, opened in %.1f ms\n", self->url, (double)opening_us / 1000);
    }
    ws_close(session, WS_CLOSE_NORMAL, NULL, 0);
}

/* The last call for a session, also for one that could not be opened. */
static void on_close(ws_session *session, ws_status status, void *user_data)
{
    server *self = user_data;
    if (!self->answered) {
        const ws_error *error = ws_session_error(session);
        printf("down %s: %s\n", self->url, error != NULL ? ws_error_message(error) : ws_strerror(status));
    }
    pthread_mutex_lock(&lock);
    down += !self->answered;
    if (--asked == 0)
        pthread_cond_signal(&all_have_ended);
    pthread_mutex_unlock(&lock);
}

static const ws_callbacks callbacks = {
    .struct_size = sizeof callbacks,
    .on_open = on_open,
    .on_frame = on_frame,
    .on_close = on_close,
};

/* Returns whether callbacks are to come. */
static int ask(ws_config *config, server *self, ws_session **session)
{
    /* The configuration is copied: with the next server's user data it can be used again at once. */
    ws_status status = ws_config_set_callbacks(config, &callbacks, self);
    if (status == WS_OK)
        status = ws_connect_async(self->url, config, session);
    if (status != WS_OK)
        printf("down %s: %s\n", self->url, ws_strerror(status));
    return status == WS_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: callbacks URL...\n");
        return 2;
    }
    int count = argc - 1;
    server *servers = calloc((size_t)count, sizeof *servers);
    ws_session **sessions = calloc((size_t)count, sizeof *sessions);
    ws_config *config = ws_config_new();
    if (servers == NULL || sessions == NULL || config == NULL) {
        fprintf(stderr, "callbacks: no memory\n");
        return EXIT_FAILURE;
    }
    ws_config_set_deliver_control(config, WS_CONTROL_PONG);
    /* Whatever a server does, it is over after this time: it has to open, and then to send something. */
    ws_config_set_open_timeout_ms(config, 5000);
    ws_config_set_idle_timeout_ms(config, 5000);

    asked = count;
    for (int i = 0; i < count; i++) {
        servers[i].url = argv[i + 1];
        if (!ask(config, &servers[i], &sessions[i])) {
            pthread_mutex_lock(&lock);
            asked--, down++;
            pthread_mutex_unlock(&lock);
        }
    }
    ws_config_free(config);

    pthread_mutex_lock(&lock);
    while (asked > 0)
        pthread_cond_wait(&all_have_ended, &lock);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < count; i++)
        ws_session_free(sessions[i]);
    free(sessions);
    free(servers);
    return down == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
