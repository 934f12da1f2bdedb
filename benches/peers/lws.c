/* libwebsockets: one context, whose event loop runs on the thread that waits for something. */

#include "../c/bench.h"

#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* LWS_LIBRARY_VERSION itself may end in a dash. */
#define TEXT(number) #number
#define NUMBER(macro) TEXT(macro)
#define VERSION                                                                                                        \
    NUMBER(LWS_LIBRARY_VERSION_MAJOR) "." NUMBER(LWS_LIBRARY_VERSION_MINOR) "." NUMBER(LWS_LIBRARY_VERSION_PATCH)

enum {
    BUFFER_SIZE = 64 * 1024,
    /* Messages of other threads that wait to be sent. */
    QUEUE_SIZE = 4096,
    /* Files that are no connections. */
    OTHER_FILES = 64,
};

struct connection {
    struct lws *wsi;
    int is_open;
    int is_closing;
    /* What the event loop is to send, of the same message. */
    const uint8_t *message;
    size_t to_send;
    /* What has come. */
    size_t messages;
    size_t expected_size;
    size_t received;
    uint8_t *incoming;
};

static const struct options *options;
static int has_window;
static int has_threads;
static struct lws_context *context;
/* For many sessions: the event loop that comes with lws asks poll about each. */
static uv_loop_t *loop;
static uint8_t *payload;
/* The message, behind the room for a frame's header; masking spoils it. */
static uint8_t *outgoing;
/* The connection that is being closed has sent its close frame. */
static int close_sent;

/* From the threads of threads-64 to the event loop. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t has_room;
    uint8_t *messages;
    size_t first;
    size_t count;
    struct connection *connection;
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER, .has_room = PTHREAD_COND_INITIALIZER};

static void write_outgoing(struct lws *wsi)
{
    enum lws_write_protocol type = options->texts_file != NULL ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;
    if (lws_write(wsi, outgoing + LWS_PRE, options->size, type) < (int)options->size)
        fail("lws_write");
}

/* Several messages, for as long as the socket takes them. */
static void write_messages(struct connection *connection)
{
    while (connection->to_send > 0) {
        memcpy(outgoing + LWS_PRE, connection->message, options->size);
        write_outgoing(connection->wsi);
        connection->to_send--;
        if (lws_send_pipe_choked(connection->wsi))
            break;
    }
    if (connection->to_send > 0)
        lws_callback_on_writable(connection->wsi);
}

static void write_queue(struct connection *connection)
{
    pthread_mutex_lock(&queue.mutex);
    while (queue.count > 0) {
        memcpy(outgoing + LWS_PRE, queue.messages + queue.first * options->size, options->size);
        queue.first = (queue.first + 1) % QUEUE_SIZE;
        /* Not for each message: a thread that is woken takes the core. */
        if (--queue.count == QUEUE_SIZE / 2)
            pthread_cond_broadcast(&queue.has_room);
        pthread_mutex_unlock(&queue.mutex);
        write_outgoing(connection->wsi);
        int is_choked = lws_send_pipe_choked(connection->wsi);
        pthread_mutex_lock(&queue.mutex);
        if (is_choked)
            break;
    }
    if (queue.count > 0)
        lws_callback_on_writable(connection->wsi);
    pthread_mutex_unlock(&queue.mutex);
}

static void take(struct connection *connection, const uint8_t *data, size_t size)
{
    if (connection->received + size > options->size)
        fail("a longer message than was expected came");
    memcpy(connection->incoming + connection->received, data, size);
    connection->received += size;
    if (lws_remaining_packet_payload(connection->wsi) > 0 || !lws_is_final_fragment(connection->wsi))
        return;
    if (lws_frame_is_binary(connection->wsi) == (options->texts_file != NULL))
        fail("a message of the other type came");
    /* The answer of a sink is one byte of any value. */
    if (connection->expected_size > 1)
        check_message(connection->incoming, connection->received, connection->expected_size);
    connection->received = 0;
    connection->messages++;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data, size_t size)
{
    struct connection *connection = user;
    (void)wsi;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        fail("connecting: %s", data != NULL ? (const char *)data : "no reason");
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        connection->is_open = 1;
        break;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        if (connection->is_closing) {
            close_sent = 1;
            lws_close_reason(connection->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
            return -1;
        }
        if (has_threads)
            write_queue(connection);
        else
            write_messages(connection);
        break;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        if (queue.connection != NULL)
            lws_callback_on_writable(queue.connection->wsi);
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        take(connection, data, size);
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (!connection->is_closing)
            fail("the session ended");
        break;
    case LWS_CALLBACK_WSI_DESTROY:
        if (connection != NULL && connection->is_closing) {
            free(connection->incoming);
            free(connection);
        }
        break;
    default:
        break;
    }
    return 0;
}

static struct lws_protocols protocols[] = {
    {.name = "bench", .callback = on_event, .rx_buffer_size = BUFFER_SIZE},
    {.name = NULL},
};

#define DEFLATE "permessage-deflate; client_max_window_bits"

static const struct lws_extension takeover[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate, DEFLATE},
    {NULL, NULL, NULL},
};

static const struct lws_extension no_takeover[] = {
    {"permessage-deflate", lws_extension_callback_pm_deflate,
     DEFLATE "; client_no_context_takeover; server_no_context_takeover"},
    {NULL, NULL, NULL},
};

static void start(const struct options *given)
{
    options = given;
    has_window = strcmp(options->work, "duplex-64") == 0;
    has_threads = strcmp(options->work, "threads-64") == 0;
    outgoing = allocate(LWS_PRE + options->size);
    payload = allocate(options->size);
    for (size_t i = 0; i < options->size; i++)
        payload[i] = pattern(i);
    if (has_threads)
        queue.messages = allocate(QUEUE_SIZE * options->size);

    lws_set_log_level(LLL_ERR, NULL);
    /* Else lws keeps what a send did not take, and sends it in pieces of that size. */
    protocols[0].tx_packet_size = LWS_PRE + options->size;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_VALIDATE_UTF8,
        .pt_serv_buf_size = BUFFER_SIZE,
        .fd_limit_per_thread = (unsigned)options->connections + OTHER_FILES,
    };
    if (options->deflate != DEFLATE_OFF)
        info.extensions = options->deflate == DEFLATE_ALONE ? no_takeover : takeover;
    void *loops[1] = {NULL};
    if (strstr(options->work, "idle") != NULL) {
        loop = uv_default_loop();
        loops[0] = loop;
        info.options |= LWS_SERVER_OPTION_LIBUV;
        info.foreign_loops = loops;
    }
    if (options->ca_file != NULL) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
        info.client_ssl_ca_filepath = options->ca_file;
        info.ssl_client_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2;
    }
    context = lws_create_context(&info);
    if (context == NULL)
        fail("no context");
}

static void serve(void)
{
    if (loop != NULL)
        uv_run(loop, UV_RUN_ONCE);
    else
        lws_service(context, 0);
}

static void serve_until(const int *done)
{
    while (!*done)
        serve();
}

static void *open_connection(const struct options *given, const char *url)
{
    (void)given;
    char address[64];
    int port;
    int path_at;
    if (sscanf(strstr(url, "://") + 3, "%63[^:]:%d%n", address, &port, &path_at) != 2)
        fail("%s has no port", url);
    struct connection *connection = allocate(sizeof *connection);
    *connection =
        (struct connection){.message = payload, .incoming = allocate(options->size), .expected_size = options->size};
    struct lws_client_connect_info info = {
        .context = context,
        .address = address,
        .port = port,
        .path = strstr(url, "://") + 3 + path_at,
        /* A certificate's name is compared with this; addresses are not understood. */
        .host = options->ca_file != NULL ? "localhost" : address,
        .ssl_connection = options->ca_file != NULL ? LCCSCF_USE_SSL : 0,
        .local_protocol_name = protocols[0].name,
        .userdata = connection,
        .pwsi = &connection->wsi,
    };
    if (lws_client_connect_via_info(&info) == NULL)
        fail("connecting to %s", url);
    serve_until(&connection->is_open);
    if (has_threads)
        queue.connection = connection;
    return connection;
}

/* The event loop sends the rest and frees the connection in later calls. */
static void close_connection(void *opened)
{
    struct connection *connection = opened;
    queue.connection = NULL;
    connection->is_closing = 1;
    close_sent = 0;
    lws_callback_on_writable(connection->wsi);
    serve_until(&close_sent);
}

static void send_from_thread(const uint8_t *message, size_t size, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pthread_mutex_lock(&queue.mutex);
        while (queue.count == QUEUE_SIZE)
            pthread_cond_wait(&queue.has_room, &queue.mutex);
        memcpy(queue.messages + (queue.first + queue.count) % QUEUE_SIZE * size, message, size);
        int was_empty = queue.count++ == 0;
        pthread_mutex_unlock(&queue.mutex);
        if (was_empty)
            lws_cancel_service(context);
    }
}

static void send_messages(void *opened, const uint8_t *message, size_t size, size_t count)
{
    struct connection *connection = opened;
    if (has_threads) {
        send_from_thread(message, size, count);
        return;
    }
    /* receive_messages() does it: only one thread may use a context. */
    if (has_window)
        return;
    connection->message = message;
    connection->to_send = count;
    lws_callback_on_writable(connection->wsi);
    while (connection->to_send > 0)
        serve();
}

static void receive_messages(void *opened, size_t size, size_t count)
{
    struct connection *connection = opened;
    connection->expected_size = size;
    size_t to_ask_for = has_window ? count : 0;
    while (connection->messages < count) {
        size_t on_the_way = has_window ? count - to_ask_for - connection->messages : 0;
        if (to_ask_for > 0 && on_the_way < BURST) {
            size_t more = BURST - on_the_way < to_ask_for ? BURST - on_the_way : to_ask_for;
            to_ask_for -= more;
            connection->to_send += more;
            lws_callback_on_writable(connection->wsi);
        }
        serve();
    }
    connection->messages -= count;
}

static const struct client clients[] = {
    {
        .name = "libwebsockets",
        .works = "rtt-64,rtt-4k,burst-64,stream-64,duplex-64,threads-64,big-1m,connect,idle,"
                 "tls-rtt-64,tls-rtt-4k,tls-burst-64,tls-stream-64,tls-big-1m,tls-connect,tls-idle,"
                 "tls-callback-rtt-64," CALLBACK_WORKS "," TEXT_WORKS,
        .settings =
            "libwebsockets " VERSION
            ": its poll event loop on one thread (libuv for idle sessions), receive and service buffers of 64 "
            "KiB, tx_packet_size of a message, UTF-8 validated; permessage-deflate only where it is measured, with "
            "its defaults: level 1, memory level 8, buffers of 1 KiB; several lws_write in a callback until "
            "lws_send_pipe_choked; threads: a queue, lws_cancel_service when it "
            "was empty; TLS: " OPENSSL_VERSION_TEXT,
        .codec = "zlib 1/8",
        .start = start,
        .open = open_connection,
        .close = close_connection,
        .send = send_messages,
        .receive = receive_messages,
    },
    {.name = NULL},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, clients);
}
