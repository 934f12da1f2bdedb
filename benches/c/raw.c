/* The floor: blocking calls with the bytes of WebSocket frames, but no work on them. */

#include "bench.h"
#include "floor.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    /* The kernel's copies are slow when source and destination are 1 to 24 bytes apart within their pages: where
     * malloc's large blocks start, and its own data. */
    PAGE_OFFSET = 512,
};

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

static void make_buffers(const struct options *options, uint8_t *received, size_t frames_per_send)
{
    connection.received = received;
    connection.frames_per_send = frames_per_send;
    connection.frame_size = client_frame_size(options->size);
    connection.frames = allocate(frames_per_send * connection.frame_size);
    uint8_t *end = connection.frames;
    for (size_t i = 0; i < frames_per_send; i++)
        end = write_frame(end, options->size);
}

static size_t capacity(const struct options *options)
{
    size_t frame = server_frame_size(options->size);
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

static void *open_connection(const struct options *options, const char *url)
{
    (void)options;
    connection.socket = connect_socket(url);
    return &connection;
}

static void close_connection(void *opened)
{
    (void)opened;
    send_close(connection.socket);
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
        send_all(connection.socket, connection.frames, frames * connection.frame_size);
        pthread_mutex_unlock(&connection.sending);
        count -= frames;
    }
}

static void receive_frames(void *opened, size_t size, size_t count)
{
    (void)opened;
    size_t frame = server_frame_size(size);
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
        .works = "rtt-64,rtt-4k,burst-64,stream-64,duplex-64,threads-64,big-1m,connect," CALLBACK_WORKS,
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
