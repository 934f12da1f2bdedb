/* reconnect URL: subscribes and prints what arrives. It connects again, with growing random delays, when the connection
 * is lost or cannot be opened, until the server closes the session. */

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>

static int is_over, result = 1;
static struct lws_context *context;
static struct lws_client_connect_info connection;
static lws_sorted_usec_list_t timer;
static uint16_t attempts;
static const uint32_t delays_ms[] = {50, 100, 200, 400, 800, 1600, 3200, 5000};
static const lws_retry_bo_t retry = {
    .retry_ms_table = delays_ms,
    .retry_ms_table_count = LWS_ARRAY_SIZE(delays_ms),
    .conceal_count = LWS_RETRY_CONCEAL_ALWAYS,
    .jitter_percent = 100,
};

static void schedule(void);

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data, size_t size)
{
    (void)user;
    unsigned char message[LWS_PRE + 9];
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        fprintf(stderr, "cannot connect: %s\n", data != NULL ? (const char *)data : "no reason");
        schedule();
        break;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        attempts = 0;
        lws_callback_on_writable(wsi);
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        memcpy(message + LWS_PRE, "subscribe", 9);
        if (lws_write(wsi, message + LWS_PRE, 9, LWS_WRITE_TEXT) < 9)
            return -1;
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        fwrite(data, 1, size, stdout);
        if (lws_remaining_packet_payload(wsi) == 0 && lws_is_final_fragment(wsi))
            printf("\n");
        break;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        result = 0;
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (result == 0) {
            is_over = 1;
        } else {
            fprintf(stderr, "the connection is lost\n");
            schedule();
        }
        break;
    default:
        break;
    }
    return 0;
}

static void open_connection(lws_sorted_usec_list_t *unused)
{
    (void)unused;
    /* If it returns NULL, on_event has been called, unless there is no memory. */
    lws_client_connect_via_info(&connection);
}

static void schedule(void)
{
    lws_retry_sul_schedule(context, 0, &timer, &retry, open_connection, &attempts);
}

static struct lws_protocols protocols[] = {{.name = "client", .callback = on_event}, {.name = NULL}};

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    const char *scheme, *address, *path;
    int port;
    if (lws_parse_uri(argv[1], &scheme, &address, &port, &path) != 0) {
        fprintf(stderr, "not a URL\n");
        return 1;
    }
    char full_path[1024];
    snprintf(full_path, sizeof full_path, "/%s", path);
    lws_set_log_level(0, NULL);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
    };
    context = lws_create_context(&info);
    if (context == NULL) {
        fprintf(stderr, "no context\n");
        return 1;
    }
    connection = (struct lws_client_connect_info){
        .context = context,
        .address = address,
        .port = port,
        .path = full_path,
        .host = address,
        .local_protocol_name = "client",
    };
    open_connection(NULL);
    while (!is_over && lws_service(context, 0) >= 0)
        ;
    lws_context_destroy(context);
    return result;
}
