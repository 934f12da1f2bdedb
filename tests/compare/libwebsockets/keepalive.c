/* keepalive URL: prints what arrives, and pings the server every second. It ends if a pong takes a second. */

#include <libwebsockets.h>
#include <stdio.h>

static int is_over, result = 1;

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data, size_t size)
{
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        fprintf(stderr, "cannot connect: %s\n", data != NULL ? (const char *)data : "no reason");
        is_over = 1;
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
        if (result != 0)
            fprintf(stderr, "the connection is lost\n");
        is_over = 1;
        break;
    default:
        break;
    }
    return 0;
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
    struct lws_context *context = lws_create_context(&info);
    if (context == NULL) {
        fprintf(stderr, "no context\n");
        return 1;
    }
    const lws_retry_bo_t keepalive = {.secs_since_valid_ping = 1, .secs_since_valid_hangup = 2};
    struct lws_client_connect_info connect = {
        .context = context,
        .address = address,
        .port = port,
        .path = full_path,
        .host = address,
        .local_protocol_name = "client",
        .retry_and_idle_policy = &keepalive,
    };
    if (lws_client_connect_via_info(&connect) == NULL && !is_over) {
        fprintf(stderr, "cannot connect\n");
        is_over = 1;
    }
    while (!is_over && lws_service(context, 0) >= 0)
        ;
    lws_context_destroy(context);
    return result;
}
