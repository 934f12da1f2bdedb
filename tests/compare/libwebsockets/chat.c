/* chat URL: one thread sends the lines of standard input, another prints what arrives. Only the thread of the event
 * loop may use the connection, so the other hands each line over. */

#define _POSIX_C_SOURCE 200809L

#include <libwebsockets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lws_context *context;
static struct lws *connection;
static int is_over, result = 1;

/* The line that is handed over, with room in front; NULL when it is sent. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t is_taken = PTHREAD_COND_INITIALIZER;
static unsigned char *line;
static size_t line_size;
static int is_at_end;

/* Sends the line, or a Close at the end of the input. */
static int send_line(struct lws *wsi)
{
    int status = 0;
    pthread_mutex_lock(&mutex);
    if (line != NULL) {
        if (lws_write(wsi, line + LWS_PRE, line_size, LWS_WRITE_TEXT) < (int)line_size) {
            fprintf(stderr, "cannot send\n");
            status = -1;
        }
        free(line);
        line = NULL;
        pthread_cond_signal(&is_taken);
        lws_callback_on_writable(wsi);
    } else if (is_at_end) {
        result = 0;
        lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
        status = -1;
    }
    pthread_mutex_unlock(&mutex);
    return status;
}

static void *read_lines(void *unused)
{
    (void)unused;
    char *text = NULL;
    size_t capacity = 0;
    while (getline(&text, &capacity, stdin) > 0) {
        pthread_mutex_lock(&mutex);
        while (line != NULL)
            pthread_cond_wait(&is_taken, &mutex);
        line_size = strcspn(text, "\n");
        line = malloc(LWS_PRE + line_size);
        if (line == NULL)
            abort();
        memcpy(line + LWS_PRE, text, line_size);
        pthread_mutex_unlock(&mutex);
        lws_cancel_service(context);
    }
    free(text);
    pthread_mutex_lock(&mutex);
    is_at_end = 1;
    pthread_mutex_unlock(&mutex);
    lws_cancel_service(context);
    return NULL;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data, size_t size)
{
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        fprintf(stderr, "cannot connect: %s\n", data != NULL ? (const char *)data : "no reason");
        is_over = 1;
        break;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        connection = wsi;
        lws_callback_on_writable(wsi);
        break;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
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
        if (result != 0 && !is_at_end)
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
    context = lws_create_context(&info);
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
    pthread_t reader;
    if (pthread_create(&reader, NULL, read_lines, NULL) != 0) {
        fprintf(stderr, "cannot start a thread\n");
        return 1;
    }
    while (!is_over && lws_service(context, 0) >= 0)
        ;
    lws_context_destroy(context);
    return result;
}
