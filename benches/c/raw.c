/* The floor: blocking calls with the bytes of WebSocket frames, but no work on them. */

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RECEIVE_SIZE = 256 * 1024,
    PAGE = 4096,
    /* The kernel's copies are slow when source and destination are 1 to 24 bytes apart within their pages: where
     * malloc's large blocks start, and its own data. */
    PAGE_OFFSET = 512,
};

static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

/* The works have one connection open at a time; its buffers are made once. */
static struct connection {
    int socket;
    /* Times the same frame, masked once. */
    uint8_t *frames;
    size_t frame_size;
    size_t frames_per_send;
    /* What was received and not yet taken. */
    uint8_t *received;
    size_t received_size;
    size_t capacity;
    /* A send of one thread must not stand within a frame of another. */
    pthread_mutex_t sending;
} connection = {.sending = PTHREAD_MUTEX_INITIALIZER};

static size_t header_size(size_t size)
{
    return size < 126 ? 2 : size < 65536 ? 4 : 10;
}

static uint8_t *write_frame(uint8_t *at, size_t size)
{
    size_t length_size = header_size(size) - 2;
    *at++ = 0x82;
    *at++ = (uint8_t)(0x80 | (length_size == 0 ? size : length_size == 2 ? 126 : 127));
    for (size_t i = length_size; i > 0; i--)
        *at++ = (uint8_t)(size >> (8 * (i - 1)));
    memcpy(at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < size; i++)
        *at++ = pattern(i) ^ mask[i % 4];
    return at;
}

static void make_buffers(const struct options *options, uint8_t *received, size_t frames_per_send)
{
    connection.received = received;
    connection.frames_per_send = frames_per_send;
    connection.frame_size = header_size(options->size) + sizeof mask + options->size;
    connection.frames = allocate(frames_per_send * connection.frame_size);
    uint8_t *end = connection.frames;
    for (size_t i = 0; i < frames_per_send; i++)
        end = write_frame(end, options->size);
}

static size_t capacity(const struct options *options)
{
    size_t frame = header_size(options->size) + options->size;
    connection.capacity = frame > RECEIVE_SIZE ? frame : RECEIVE_SIZE;
    return connection.capacity;
}

static void start(const struct options *options)
{
    make_buffers(options, allocate(capacity(options)), 1);
}

static void start_batching(const struct options *options)
{
    make_buffers(options, allocate(capacity(options)), BURST);
}

static void start_aligned(const struct options *options)
{
    uint8_t *pages = aligned_alloc(PAGE, (capacity(options) + 2 * PAGE) / PAGE * PAGE);
    if (pages == NULL)
        fail("no memory");
    make_buffers(options, pages + PAGE_OFFSET, 1);
}

static void send_all(const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(connection.socket, data, size, MSG_NOSIGNAL);
        if (sent < 0)
            fail("send: %s", strerror(errno));
        data += sent;
        size -= (size_t)sent;
    }
}

static void receive_more(void)
{
    ssize_t size = recv(connection.socket, connection.received + connection.received_size,
                        connection.capacity - connection.received_size, 0);
    if (size <= 0)
        fail("recv: %s", size == 0 ? "the end" : strerror(errno));
    connection.received_size += (size_t)size;
}

static void take(size_t size)
{
    connection.received_size -= size;
    if (connection.received_size > 0)
        memmove(connection.received, connection.received + size, connection.received_size);
}

static void shake_hands(const char *host, const char *path)
{
    char request[512];
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        path, host);
    send_all((const uint8_t *)request, (size_t)size);
    const uint8_t *end;
    do {
        receive_more();
        end = memmem(connection.received, connection.received_size, "\r\n\r\n", 4);
    } while (end == NULL);
    if (memcmp(connection.received, "HTTP/1.1 101", 12) != 0)
        fail("the server answered %.12s", (const char *)connection.received);
    take((size_t)(end + 4 - connection.received));
}

static void *open_connection(const struct options *options, const char *url)
{
    (void)options;
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[64];
    unsigned short port;
    int path_at;
    if (sscanf(url, "ws://%63[0-9.]:%hu%n", host, &port, &path_at) != 2 || inet_aton(host, &address.sin_addr) == 0)
        fail("%s is not a ws URL with an address and a port", url);
    address.sin_port = htons(port);
    connection.socket = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection.socket, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connect to %s: %s", url, strerror(errno));
    int on = 1;
    setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    shake_hands(host, url + path_at);
    return &connection;
}

static void close_connection(void *opened)
{
    (void)opened;
    static const uint8_t close_frame[] = {0x88, 0x80, 0, 0, 0, 0};
    send_all(close_frame, sizeof close_frame);
    close(connection.socket);
}

static void send_frames(void *opened, const uint8_t *message, size_t size, size_t count)
{
    (void)opened;
    (void)message;
    (void)size;
    while (count > 0) {
        size_t frames = count < connection.frames_per_send ? count : connection.frames_per_send;
        pthread_mutex_lock(&connection.sending);
        send_all(connection.frames, frames * connection.frame_size);
        pthread_mutex_unlock(&connection.sending);
        count -= frames;
    }
}

static void receive_frames(void *opened, size_t size, size_t count)
{
    (void)opened;
    size_t frame = header_size(size) + size;
    while (count > 0) {
        while (connection.received_size < frame)
            receive_more();
        size_t taken = 0;
        for (; count > 0 && connection.received_size - taken >= frame; count--) {
            check_message(connection.received + taken + header_size(size), size, size);
            taken += frame;
        }
        take(taken);
    }
}

#define SETTINGS "send and recv on a blocking socket, TCP_NODELAY, 256 KiB a recv, no masking and no parsing"

static const struct client clients[] = {
    {
        .name = "raw",
        .works = "rtt-64,rtt-4k,burst-64,stream-64,duplex-64,threads-64,big-1m,connect",
        .settings = SETTINGS "; one send for each message",
        .start = start,
        .open = open_connection,
        .close = close_connection,
        .send = send_frames,
        .receive = receive_frames,
    },
    {
        .name = "raw+batch",
        .works = "burst-64,stream-64",
        .settings = SETTINGS "; one send for 256 messages",
        .start = start_batching,
        .open = open_connection,
        .close = close_connection,
        .send = send_frames,
        .receive = receive_frames,
    },
    {
        .name = "raw-aligned",
        .works = "big-1m",
        .settings = SETTINGS "; received to 512 bytes behind the start of a page",
        .start = start_aligned,
        .open = open_connection,
        .close = close_connection,
        .send = send_frames,
        .receive = receive_frames,
    },
    {.name = NULL},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, clients);
}
