/* Asks many servers at once, with callbacks, whether they are there: how long opening took, and the answer to a ping.
 *
 *     callbacks URL...
 *
 * One line for each, as they answer; the exit status is 1 if one is down. */

#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    const char *url;
    ws_session *session;
    int answered;
} server;

static void on_open(ws_session *session, void *user_data)
{
    (void)user_data;
    ws_send(session, WS_FRAME_PING, NULL, 0, 0, 0);
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
}

static const ws_callbacks callbacks = {
    .struct_size = sizeof callbacks,
    .on_open = on_open,
    .on_frame = on_frame,
    .on_close = on_close,
};

static void ask(ws_config *config, server *self)
{
    /* The configuration is copied: with the next server's user data it can be used again at once. */
    ws_config_set_callbacks(config, &callbacks, self);
    ws_status status = ws_connect_async(self->url, config, &self->session);
    if (status != WS_OK)
        printf("down %s: %s\n", self->url, ws_strerror(status));
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: callbacks URL...\n");
        return 2;
    }
    int count = argc - 1;
    server *servers = calloc((size_t)count, sizeof *servers);
    ws_config *config = ws_config_new();
    if (servers == NULL || config == NULL) {
        fprintf(stderr, "callbacks: no memory\n");
        return EXIT_FAILURE;
    }
    ws_config_set_deliver_control(config, WS_CONTROL_PONG);
    /* Whatever a server does, it is over after this time: it has to open, and then to send something. */
    ws_config_set_open_timeout_ms(config, 5000);
    ws_config_set_idle_timeout_ms(config, 5000);

    for (int i = 0; i < count; i++) {
        servers[i].url = argv[i + 1];
        ask(config, &servers[i]);
    }
    ws_config_free(config);

    int down = 0;
    for (int i = 0; i < count; i++) {
        /* When it returns, on_close has returned. */
        ws_wait_closed(servers[i].session, -1);
        down += !servers[i].answered;
        ws_session_free(servers[i].session);
    }
    free(servers);
    return down == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
