/* Prices that keep coming: subscribes to symbols and prints what the server sends, also after the server was down.
 *
 *     ticker URL SYMBOL...
 *
 * The server is told "subscribe SYMBOL" for each. Ctrl-C ends it, as does a Close of the server. */

#define _POSIX_C_SOURCE 200809L
#include <ktorws.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ATTEMPTS = 20, NOT_FOUND = 404 };

/* For the signal handler. */
static ws_session *volatile current;

static void on_interrupt(int number)
{
    (void)number;
    ws_session *session = current;
    if (session != NULL)
        ws_interrupt(session);
}

/* A new connection knows nothing of what was subscribed to. `symbols` ends with NULL. */
static void subscribe(ws_session *session, char *const *symbols)
{
    for (; *symbols != NULL; symbols++) {
        ws_slice text[] = {{"subscribe ", strlen("subscribe ")}, {*symbols, strlen(*symbols)}};
        /* Without waiting: if this connection is lost as well, the next one brings us here again. */
        ws_status status = ws_sendv(session, WS_FRAME_TEXT, text, 2, 0, 0);
        if (status != WS_OK)
            fprintf(stderr, "ticker: cannot subscribe to %s: %s\n", *symbols, ws_strerror(status));
    }
}

static int32_t decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
                      void *user_data)
{
    (void)session, (void)user_data;
    /* Of the loss, before the first attempt, WS_FRAME_LOST says why. */
    if (attempt > 1)
        fprintf(stderr, "ticker: %s\n", ws_error_message(why));
    if (attempt > MAX_ATTEMPTS)
        return 0;
    /* The library takes 404 for an answer. Here it is a proxy's, while the server behind it starts. */
    if (ws_error_http_status(why) == NOT_FOUND) {
        *delay_ms = 100;
        return 1;
    }
    return suggested;
}

/* NULL when it cannot be made. */
static ws_config *configure(void)
{
    ws_reconnect_options reconnect = {
        .struct_size = sizeof reconnect,
        .first_delay_ms = 50,
        .max_delay_ms = 1000,
        .decide = decide,
    };
    ws_config *config = ws_config_new();
    ws_config_set_reconnect(config, &reconnect);
    ws_config_set_deliver_events(config, WS_EVENT_OPENED | WS_EVENT_LOST | WS_EVENT_RESUMED);
    /* A connection that died without a word is noticed within fifteen seconds. */
    ws_config_set_ping_interval_ms(config, 5000);
    return config;
}

/* Events come in their place among the prices, so it is known where some are missing. */
static void take(ws_session *session, const ws_frame *frame, char *const *symbols)
{
    switch (frame->type) {
    case WS_FRAME_OPENED:
        subscribe(session, symbols);
        break;
    case WS_FRAME_LOST:
        fprintf(stderr, "ticker: the prices end here: %s\n", (const char *)frame->data);
        break;
    case WS_FRAME_RESUMED:
        fprintf(stderr, "ticker: connected again\n");
        subscribe(session, symbols);
        break;
    default:
        printf("%s\n", (const char *)frame->data);
        fflush(stdout);
    }
}

static int print_prices(ws_session *session, char *const *symbols)
{
    ws_frame *frame = NULL;
    ws_status status;
    /* It goes on waiting while there is no connection. */
    while ((status = ws_recv(session, &frame, -1)) == WS_OK) {
        take(session, frame, symbols);
        ws_frame_free(frame);
    }
    if (status == WS_ERR_INTERRUPTED)
        return EXIT_SUCCESS;
    ws_close_info info = {.struct_size = sizeof info};
    if (status == WS_ERR_CLOSED && ws_get_close_info(session, &info) == WS_OK) {
        fprintf(stderr, "ticker: the server has closed: %u %s\n", (unsigned)info.remote_code, info.reason);
        return info.remote_code == WS_CLOSE_NORMAL ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    const ws_error *error = ws_session_error(session);
    fprintf(stderr, "ticker: given up: %s\n", error != NULL ? ws_error_message(error) : ws_strerror(status));
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: ticker URL SYMBOL...\n");
        return 2;
    }
    ws_config *config = configure();
    if (config == NULL) {
        fprintf(stderr, "ticker: no configuration\n");
        return EXIT_FAILURE;
    }
    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(argv[1], config, &session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        fprintf(stderr, "ticker: cannot connect to %s: %s\n", argv[1], ws_error_message(error));
        ws_error_free(error);
        return EXIT_FAILURE;
    }
    current = session;
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    int result = print_prices(session, argv + 2);
    current = NULL;
    ws_session_end(session, -1);
    return result;
}
