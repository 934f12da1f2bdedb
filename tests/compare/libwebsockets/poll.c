/* poll URL: sends the lines of standard input and prints what arrives, in one loop: that of the library, to which
 * standard input is added. */

#define _POSIX_C_SOURCE 200809L

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct lws *connection;
static int is_over, is_at_end, result = 1;
/* What was read and is not sent yet, with room in front. */
static unsigned char *input;
static size_t used;

/* Sends the first line, or a Close at the end of the input. */
static int send_line(struct lws *wsi)
{
    unsigned char *end = used > 0 ? memchr(input + LWS_PRE, '\n', used) : NULL;
    if (end != NULL) {
        size_t size = (size_t)(end - input) - LWS_PRE;
        /* lws_write spoils what is in front of the line, and the line. */
        if (lws_write(wsi, input + LWS_PRE, size, LWS_WRITE_TEXT) < (int)size) {
            fprintf(stderr, "cannot send\n");
            return -1;
        }
        used -= size + 1;
        memmove(input + LWS_PRE, end + 1, used);
        lws_callback_on_writable(wsi);
    } else if (is_at_end) {
        result = 0;
        lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
        return -1;
    }
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data, size_t size)
{
    (void)user;
    ssize_t count;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        fprintf(stderr, "cannot connect: %s\n", data != NULL ? (const char *)data : "no reason");
        is_over = 1;
        break;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        connection = wsi;
        lws_callback_on_writable(wsi);
        break;
    case LWS_CALLBACK_RAW_RX_FILE:
        input = realloc(input, LWS_PRE + used + 4096);
        if (input == NULL)
            abort();
        count = read(STDIN_FILENO, input + LWS_PRE + used, 4096);
        if (count <= 0)
            return -1;
        used += (size_t)count;
        if (connection != NULL)
            lws_callback_on_writable(connection);
        break;
    case LWS_CALLBACK_RAW_CLOSE_FILE:
        is_at_end = 1;
        if (connection != NULL)
            lws_callback_on_writable(connection);
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return send_line(wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        fwrite(data, 1, size, stdout);
        if (lws_remaining_packet_payload(wsi) == 0 && lws_is_final_fragment(wsi))
            printf("\n");
        fflush(stdout);
        break;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        result = 0;
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (result != 0)
            fprintf(stderr, "the connection is lost\n");
        connection = NULL;
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
    struct lws_client_connect_info connect = {
        .context = context,
        .address = address,
        .port = port,
        .path = full_path,
        .host = address,
        .local_protocol_name = "client",
    };
    if (lws_client_connect_via_info(&connect) == NULL && !is_over) {
        fprintf(stderr, "cannot connect\n");
        is_over = 1;
    }
    lws_sock_file_fd_type standard_input = {.filefd = STDIN_FILENO};
    if (lws_adopt_descriptor_vhost(lws_get_vhost_by_name(context, "default"), LWS_ADOPT_RAW_FILE_DESC, standard_input,
                                   "client", NULL) == NULL) {
        fprintf(stderr, "cannot wait for standard input\n");
        return 1;
    }
    while (!is_over && lws_service(context, 0) >= 0)
        ;
    lws_context_destroy(context);
    free(input);
    return result;
}
