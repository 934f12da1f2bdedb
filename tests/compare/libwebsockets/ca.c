/* ca URL CA_FILE: sends a text over TLS and prints the answer. It trusts the authorities of CA_FILE and no others. */

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>

static int is_over, result = 1;
static char text[65536];
static size_t used;

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data, size_t size)
{
    (void)user;
    unsigned char message[LWS_PRE + 5];
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        fprintf(stderr, "cannot connect: %s\n", data != NULL ? (const char *)data : "no reason");
        is_over = 1;
        break;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        lws_set_timer_usecs(wsi, 5 * LWS_USEC_PER_SEC);
        lws_callback_on_writable(wsi);
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        memcpy(message + LWS_PRE, "hello", 5);
        if (lws_write(wsi, message + LWS_PRE, 5, LWS_WRITE_TEXT) < 5) {
            fprintf(stderr, "cannot send\n");
            return -1;
        }
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (used + size >= sizeof text) {
            fprintf(stderr, "the message is too long\n");
            return -1;
        }
        memcpy(text + used, data, size);
        used += size;
        if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
            break;
        printf("%.*s\n", (int)used, text);
        result = 0;
        lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
        return -1;
    case LWS_CALLBACK_TIMER:
        fprintf(stderr, "no answer\n");
        return -1;
    case LWS_CALLBACK_CLIENT_CLOSED:
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
    if (argc != 3)
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
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .client_ssl_ca_filepath = argv[2],
    };
    struct lws_context *context = lws_create_context(&info);
    if (context == NULL) {
        fprintf(stderr, "no context\n");
        return 1;
    }
    struct lws_client_connect_info connect = {
        .context = context,
        .address = address,
        .port = port,
        .path = full_path,
        .host = address,
        .local_protocol_name = "client",
        .ssl_connection = LCCSCF_USE_SSL,
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
