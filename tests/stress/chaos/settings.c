/* Random configurations and URLs. */

#define _GNU_SOURCE
#include "chaos.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

addresses server;

#define SET(call) EXPECT((call) == WS_OK, "not set")

/* A limit in time, or none where the session has to open. */
static int64_t time_limit(chance *dice, bool none, unsigned least, unsigned range)
{
    return none ? -1 : least + (int64_t)below(dice, range);
}

static void set_times(chance *dice, ws_config *config, record *owed, unsigned kind)
{
    bool well = kind & OPEN_WELL;
    owed->open_timeout_ms = well ? HANG_MS / 2 : 100 + below(dice, 2000);
    owed->send_timeout_ms = 1 + below(dice, 100);
    SET(ws_config_set_open_timeout_ms(config, owed->open_timeout_ms));
    SET(ws_config_set_send_timeout_ms(config, owed->send_timeout_ms));
    SET(ws_config_set_close_timeout_ms(config, well ? HANG_MS / 2 : 50 + below(dice, 1000)));
    SET(ws_config_set_connect_timeout_ms(config, time_limit(dice, well, 100, 3000)));
    SET(ws_config_set_handshake_timeout_ms(config, time_limit(dice, well, 100, 3000)));
    if (below(dice, 4) == 0)
        SET(ws_config_set_tls_timeout_ms(config, time_limit(dice, well, 50, 1000)));
    if (below(dice, 4) == 0)
        SET(ws_config_set_resolve_timeout_ms(config, time_limit(dice, well, 50, 1000)));
    if (!well && below(dice, 8) == 0)
        SET(ws_config_set_idle_timeout_ms(config, 50 + below(dice, 500)));
    if (below(dice, 4) == 0) {
        SET(ws_config_set_ping_interval_ms(config, 5 + below(dice, 100)));
        SET(ws_config_set_ping_timeout_ms(config, well ? HANG_MS / 2 : 20 + below(dice, 500)));
        SET(ws_config_set_ping_liveness(config, below(dice, 2)));
    }
}

static void set_queues(chance *dice, ws_config *config, unsigned kind, uint32_t *outgoing)
{
    static const uint32_t policies[] = {WS_QUEUE_WAIT, WS_QUEUE_WAIT, WS_QUEUE_CLOSE, WS_QUEUE_DROP_OLDEST};
    uint32_t incoming = kind & KEEP_ALL ? WS_QUEUE_WAIT : policies[below(dice, 4)];
    *outgoing = kind & KEEP_ALL ? WS_QUEUE_WAIT : policies[below(dice, 4)];
    if (below(dice, 2) == 0)
        SET(ws_config_set_incoming_queue(config, 1 + below(dice, 64), below(dice, 2) * 65536, incoming));
    if (below(dice, 2) == 0)
        SET(ws_config_set_outgoing_queue(config, below(dice, 2) * 16, 1 + below(dice, 65536), *outgoing));
    else
        *outgoing = WS_QUEUE_WAIT;
    SET(ws_config_set_coalescing(config, (int32_t)below(dice, 2)));
    if (below(dice, 8) == 0)
        SET(ws_config_set_spin_us(config, below(dice, 50)));
    if (below(dice, 4) == 0)
        SET(ws_config_set_auto_fragment(config, 125 + below(dice, 4000)));
}

static void set_extensions(chance *dice, ws_config *config, record *owed, uint32_t outgoing)
{
    if (below(dice, 3) == 0) {
        ws_deflate_options options = {.struct_size = sizeof options,
                                      .level = below(dice, 4),
                                      .memory_level = below(dice, 3),
                                      .client_no_context_takeover = below(dice, 2),
                                      .min_size = below(dice, 100)};
        if (below(dice, 4) == 0) {
            options.filter = deflate_filter;
            options.filter_user_data = owed;
        }
        options.server_no_context_takeover = options.client_no_context_takeover;
        SET(ws_config_install_deflate(config, &options));
    }
    if (outgoing != WS_QUEUE_DROP_OLDEST && below(dice, 4) == 0)
        install_extension(config, owed);
}

/* How the server is reached, unless by the address in the URL. */
static void set_path(chance *dice, ws_config *config)
{
    char proxy[64];
    switch (below(dice, 8)) {
    case 0:
        SET(ws_config_set_unix_socket(config, server.unix_path));
        break;
    case 1: {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server.port)};
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            SET(ws_config_set_socket_fd(config, fd));
        close(fd);
        break;
    }
    case 2:
        snprintf(proxy, sizeof proxy, "http://user:password@127.0.0.1:%u", server.port);
        SET(ws_config_set_proxy(config, proxy));
        break;
    case 3:
        SET(ws_config_set_local_address(config, "127.0.0.1"));
        SET(ws_config_set_tcp_keepalive(config, 10, 5, 3));
        SET(ws_config_set_tcp_nodelay(config, (int32_t)below(dice, 2)));
        break;
    default:
        break;
    }
}

static void set_request(chance *dice, ws_config *config, record *owed)
{
    if (below(dice, 2) == 0)
        SET(ws_config_set_auth_callback(config, answer_question, owed));
    if (below(dice, 2) == 0)
        SET(ws_config_set_max_redirects(config, below(dice, 4)));
    if (below(dice, 4) == 0)
        SET(ws_config_set_basic_auth(config, "user", "password"));
    else if (below(dice, 4) == 0)
        SET(ws_config_set_bearer_token(config, "token"));
    if (below(dice, 3) == 0) {
        SET(ws_config_add_header(config, "X-Chaos", "1"));
        SET(ws_config_set_header(config, "X-Chaos", below(dice, 2) == 0 ? NULL : "2"));
        SET(ws_config_set_origin(config, "http://chaos.test"));
        SET(ws_config_set_user_agent(config, below(dice, 2) == 0 ? NULL : "chaos"));
    }
    if (below(dice, 3) == 0) {
        SET(ws_config_add_subprotocol(config, "one"));
        SET(ws_config_add_subprotocol(config, "two"));
    }
}

static void set_reconnect(chance *dice, ws_config *config, record *owed, uint32_t outgoing)
{
    ws_reconnect_options options = {.struct_size = sizeof options,
                                    .first_delay_ms = 1 + below(dice, 10),
                                    .max_delay_ms = 10 + below(dice, 20),
                                    .max_outage_ms = below(dice, 2) * 1000,
                                    .max_attempts = 2 + below(dice, 5)};
    if (outgoing != WS_QUEUE_DROP_OLDEST && below(dice, 2) == 0)
        options.flags = WS_RECONNECT_KEEP_UNSENT;
    options.user_data = owed;
    if (below(dice, 2) == 0)
        options.decide = decide;
    if (below(dice, 2) == 0)
        options.prepare = prepare;
    if (below(dice, 2) == 0)
        SET(ws_config_set_deliver_events(config, below(dice, 8)));
    SET(ws_config_set_reconnect(config, &options));
}

ws_config *random_config(chance *dice, record *owed, unsigned kind)
{
    ws_config *config = ws_config_new();
    EXPECT(config != NULL, "no configuration");
    atomic_store(&owed->dice, roll(dice));
    uint32_t outgoing;
    set_times(dice, config, owed, kind);
    set_queues(dice, config, kind, &outgoing);
    if (getenv("ECHO_CA_FILE") != NULL)
        SET(ws_config_add_tls_ca_file(config, getenv("ECHO_CA_FILE")));
    SET(ws_config_set_proxy_from_env(config, 0));
    SET(ws_config_add_resolve(config, "chaos.test", 0, "127.0.0.1"));
    bool raw = !(kind & OPEN_WELL) && below(dice, 10) == 0;
    if (raw)
        SET(ws_config_set_raw(config, 1));
    set_extensions(dice, config, owed, outgoing);
    if (!(kind & OPEN_WELL)) {
        set_path(dice, config);
        set_request(dice, config, owed);
        SET(ws_config_set_max_message_size(config, 1 + below(dice, 300000)));
        SET(ws_config_set_max_frame_size(config, 1 + below(dice, 300000)));
        SET(ws_config_set_deliver_control(config, below(dice, 8)));
        SET(ws_config_set_auto_pong(config, below(dice, 8) != 0));
        SET(ws_config_set_allow_unmasked(config, 1));
        SET(ws_config_set_masking(config, below(dice, 8) != 0));
    }
    if (kind & RECONNECTS_TOO && !raw)
        set_reconnect(dice, config, owed, outgoing);
    return config;
}

void random_url(chance *dice, char *url, size_t size, const char *path)
{
    /* The sequence is only known to the server that the relay does not lead to. */
    bool relayed = server.relay_port != 0 && strncmp(path, "seq", 3) != 0 && below(dice, 5) == 0;
    static const char *const hosts[] = {"127.0.0.1", "localhost", "chaos.test"};
    if (relayed)
        snprintf(url, size, "wss://localhost:%u/%s", server.relay_port,
                 strncmp(path, "any", 3) == 0 && below(dice, 2) == 0 ? "burst/50" : "");
    else
        snprintf(url, size, "ws://%s:%u/%s", hosts[below(dice, 3)], server.port, path);
}
