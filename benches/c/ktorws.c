/* The library, through its C API. */

#include "ktorws_clients.h"

#include <stdlib.h>
#include <string.h>

enum { SPIN_US = 50 };

#define MESSAGE_WORKS "rtt-64,rtt-4k,burst-64,stream-64,duplex-64,threads-64,big-1m"
#define TLS_MESSAGE_WORKS "tls-rtt-64,tls-rtt-4k,tls-burst-64,tls-stream-64,tls-big-1m"
#define CALLED_BACK_WORKS CALLBACK_WORKS ",tls-callback-rtt-64"
#define OTHER_WORKS "connect,tls-connect,tls-connect-resumed,idle,tls-idle"

#define LEVEL "+level"
#define LEVEL_SETTINGS VERSION ": defaults, but for permessage-deflate's level; ws_send_text, ws_recv"

ws_config *config;
static int sends_text;

void check(ws_status status, const char *what)
{
    if (status != WS_OK)
        fail("%s: %s", what, ws_strerror(status));
}

/* The client's name may end in a level; 0 is the default. */
static void install_deflate(const struct options *options)
{
    const char *level = strstr(options->client, LEVEL);
    uint32_t alone = options->deflate == DEFLATE_ALONE;
    const ws_deflate_options deflate = {
        .struct_size = sizeof deflate,
        .level = level == NULL ? 0 : (uint32_t)strtoul(level + strlen(LEVEL), NULL, 10),
        .client_no_context_takeover = alone,
        .server_no_context_takeover = alone,
    };
    check(ws_config_install_deflate(config, &deflate), "permessage-deflate");
}

void start_ktorws(const struct options *options)
{
    config = ws_config_new();
    if (config == NULL)
        fail("no memory");
    if (options->ca_file != NULL)
        check(ws_config_add_tls_ca_file(config, options->ca_file), options->ca_file);
    sends_text = options->texts_file != NULL;
    if (options->deflate != DEFLATE_OFF)
        install_deflate(options);
}

static void start_spinning(const struct options *options)
{
    start_ktorws(options);
    check(ws_config_set_spin_us(config, SPIN_US), "spinning");
}

void fail_to_connect(const char *url, ws_error *error)
{
    fail("connecting to %s: %s", url, ws_error_message(error));
}

void *open_session(const struct options *options, const char *url)
{
    (void)options;
    ws_session *session;
    ws_error *error;
    if (ws_connect(url, config, &session, &error) != WS_OK)
        fail_to_connect(url, error);
    return session;
}

void close_session(void *session)
{
    check(ws_close(session, WS_CLOSE_NORMAL, NULL, 0), "closing");
    ws_session_free(session);
}

void send_each(void *session, const uint8_t *message, size_t size, size_t count)
{
    for (; count > 0; count--)
        check(sends_text ? ws_send_text(session, (const char *)message, size) : ws_send_binary(session, message, size),
              "sending");
}

static void receive_each(void *session, size_t size, size_t count)
{
    for (; count > 0; count--) {
        ws_frame *frame;
        check(ws_recv(session, &frame, -1), "receiving");
        check_message(frame->data, frame->size, size);
        ws_frame_free(frame);
    }
}

static void send_batches(void *session, const uint8_t *message, size_t size, size_t count)
{
    ws_message batch[BURST];
    for (size_t i = 0; i < BURST; i++)
        batch[i] = (ws_message){.data = message, .size = size, .type = WS_FRAME_BINARY};
    while (count > 0) {
        size_t accepted;
        check(ws_send_batch(session, batch, count < BURST ? count : BURST, &accepted, -1), "sending a batch");
        count -= accepted;
    }
}

static void receive_batches(void *session, size_t size, size_t count)
{
    ws_frame *batch[BURST];
    while (count > 0) {
        size_t received;
        check(ws_recv_batch(session, batch, count < BURST ? count : BURST, &received, -1), "receiving a batch");
        for (size_t i = 0; i < received; i++) {
            check_message(batch[i]->data, batch[i]->size, size);
            ws_frame_free(batch[i]);
        }
        count -= received;
    }
}

static const struct client clients[] = {
    {
        .name = "ktorws",
        .works =
            MESSAGE_WORKS "," TLS_MESSAGE_WORKS "," OTHER_WORKS "," TEXT_WORKS "," CALLED_BACK_WORKS ",group,scale",
        .settings = VERSION ": defaults, so messages that follow each other quickly share a system call; "
                            "ws_send_binary, ws_recv; permessage-deflate only where it is measured, with its defaults",
        .codec = "zlib-rs 5/8",
        .start = start_ktorws,
        .open = open_session,
        .close = close_session,
        .send = send_each,
        .receive = receive_each,
        .many = &many_sessions,
    },
    {
        .name = "ktorws+batch",
        .works = "burst-64,stream-64,tls-burst-64,tls-stream-64",
        .settings = VERSION ": defaults; ws_send_batch and ws_recv_batch, 256 messages each",
        .start = start_ktorws,
        .open = open_session,
        .close = close_session,
        .send = send_batches,
        .receive = receive_batches,
    },
    {
        .name = "ktorws+spin",
        .works = "rtt-64,rtt-4k",
        .settings = VERSION ": ws_config_set_spin_us(50); ws_send_binary, ws_recv",
        .start = start_spinning,
        .open = open_session,
        .close = close_session,
        .send = send_each,
        .receive = receive_each,
    },
    {
        .name = "ktorws+callback",
        .works = CALLED_BACK_WORKS,
        .settings = VERSION ": ws_config_set_callbacks; on_frame sends the next messages",
        .start = start_callback,
        .open = open_called_back,
        .close = close_called_back,
        .echo = echo_in_callback,
    },
    {
        .name = "ktorws+event-fd",
        .works = CALLED_BACK_WORKS,
        .settings = VERSION ": ws_event_fd in an epoll of the application's own; after each wake ws_recv without "
                            "waiting, once for a round trip, until there is no more in a burst",
        .start = start_ktorws,
        .open = open_polled,
        .close = close_polled,
        .send = send_polled,
        .receive = receive_polled,
    },
    {
        .name = "ktorws+group",
        .works = "group,fair,scale",
        .settings = VERSION ": all sessions in a ws_group; one thread sends, and receives with ws_group_recv",
        .start = start_ktorws,
        .many = &many_of_group,
    },
    {
        .name = "ktorws+async",
        .works = "scale",
        .settings = VERSION ": as ktorws+group, but opened with ws_connect_async all at once, then ws_wait_open",
        .start = start_ktorws,
        .many = &many_async,
    },
    {
        .name = "ktorws+pings",
        .works = "scale",
        .settings = VERSION ": as ktorws+group, with ws_config_set_ping_interval_ms",
        .start = start_ktorws,
        .many = &many_pinging,
    },
    {
        .name = "ktorws" LEVEL "1",
        .works = TEXT_WORKS,
        .settings = LEVEL_SETTINGS,
        .codec = "zlib-rs 1/8",
        .start = start_ktorws,
        .open = open_session,
        .close = close_session,
        .send = send_each,
        .receive = receive_each,
    },
    {
        .name = "ktorws" LEVEL "2",
        .works = TEXT_WORKS,
        .settings = LEVEL_SETTINGS,
        .codec = "zlib-rs 2/8",
        .start = start_ktorws,
        .open = open_session,
        .close = close_session,
        .send = send_each,
        .receive = receive_each,
    },
    {.name = NULL},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, clients);
}
