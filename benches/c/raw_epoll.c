/* The floor of clients that live in an event loop: non-blocking sockets and a level-triggered epoll, with the bytes of
 * WebSocket frames, but no work on them. */

#include "bench.h"
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* What one epoll_wait brings at most. */
enum { EVENTS = 1024 };

struct connection {
    int socket;
    size_t place;
    uint8_t *memory;
    size_t capacity;
    /* What was received and not yet taken: memory[start..end]. */
    size_t start;
    size_t end;
};

static int poller;
static uint8_t *frame;
static size_t frame_size;
static struct epoll_event events[EVENTS];
static size_t event_count;
static size_t next_event;

/* Of the works of many connections. */
static struct connection *connections;
static size_t connection_count;
static size_t capacity;
static struct connection *current;

static void start(const struct options *options)
{
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0)
        fail("epoll_create1: %s", strerror(errno));
    frame_size = client_frame_size(options->size);
    frame = allocate(frame_size);
    write_frame(frame, options->size);
}

static void connect_to(struct connection *connection, const char *url, size_t memory_size)
{
    connection->socket = connect_socket(url);
    connection->memory = allocate(memory_size);
    connection->capacity = memory_size;
    connection->start = connection->end = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (fcntl(connection->socket, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(poller, EPOLL_CTL_ADD, connection->socket, &event) != 0)
        fail("cannot watch a socket: %s", strerror(errno));
}

/* The connection that can be received from next. */
static struct connection *next_ready(void)
{
    if (next_event == event_count) {
        int count = epoll_wait(poller, events, EVENTS, -1);
        if (count < 0)
            fail("epoll_wait: %s", strerror(errno));
        event_count = (size_t)count;
        next_event = 0;
    }
    return event_count == 0 ? NULL : events[next_event++].data.ptr;
}

/* Returns 0 at the end. */
static size_t receive_once(struct connection *connection)
{
    if (connection->start == connection->end)
        connection->start = connection->end = 0;
    if (connection->start > 0) {
        memmove(connection->memory, connection->memory + connection->start, connection->end - connection->start);
        connection->end -= connection->start;
        connection->start = 0;
    }
    ssize_t size =
        recv(connection->socket, connection->memory + connection->end, connection->capacity - connection->end, 0);
    if (size < 0)
        fail("recv: %s", strerror(errno));
    connection->end += (size_t)size;
    return (size_t)size;
}

static int take_message(struct connection *connection, size_t size)
{
    size_t whole = server_frame_size(size);
    if (connection->end - connection->start < whole)
        return 0;
    check_message(connection->memory + connection->start + header_size(size), size, size);
    connection->start += whole;
    return 1;
}

static void *open_connection(const struct options *options, const char *url)
{
    struct connection *connection = allocate(sizeof *connection);
    size_t whole = server_frame_size(options->size);
    connect_to(connection, url, whole > RECEIVE_SIZE ? whole : RECEIVE_SIZE);
    return connection;
}

static void close_connection(void *opened)
{
    struct connection *connection = opened;
    send_close(connection->socket);
    close(connection->socket);
    free(connection->memory);
    free(connection);
}

static void send_frames(void *opened, const uint8_t *message, size_t size, size_t count)
{
    (void)message;
    (void)size;
    struct connection *connection = opened;
    for (; count > 0; count--)
        send_all(connection->socket, frame, frame_size);
}

static void receive_frames(void *opened, size_t size, size_t count)
{
    (void)opened;
    while (count > 0) {
        struct connection *connection = next_ready();
        if (connection == NULL)
            continue;
        if (receive_once(connection) == 0)
            fail("recv: the end");
        while (count > 0 && take_message(connection, size))
            count--;
    }
}

static void open_place(size_t place, const char *url)
{
    connections[place].place = place;
    connect_to(&connections[place], url, capacity);
}

static void open_all(const struct options *options)
{
    connection_count = options->connections;
    connections = allocate(connection_count * sizeof *connections);
    /* Some messages: a buffer for each is what such a client would have. */
    capacity = 4 * server_frame_size(options->size);
    current = NULL;
    event_count = next_event = 0;
    open_on_threads(options, open_place);
}

static void send_at(size_t place, const uint8_t *message, size_t size)
{
    send_frames(&connections[place], message, size, 1);
}

static size_t receive_any(size_t size)
{
    while (current == NULL || !take_message(current, size)) {
        current = next_ready();
        if (current != NULL && receive_once(current) == 0)
            fail("recv: the end");
    }
    return current->place;
}

static size_t close_all(void)
{
    for (size_t place = 0; place < connection_count; place++)
        send_close(connections[place].socket);
    size_t clean = 0;
    for (size_t open = connection_count; open > 0;) {
        struct connection *connection = next_ready();
        if (connection == NULL || receive_once(connection) > 0)
            continue;
        clean += connection->end == 2 && connection->memory[0] == 0x88;
        close(connection->socket);
        open--;
    }
    return clean;
}

static void release_all(void)
{
    for (size_t place = 0; place < connection_count; place++)
        free(connections[place].memory);
    free(connections);
}

static const struct many many = {
    .open = open_all,
    .send = send_at,
    .receive = receive_any,
    .close = close_all,
    .release = release_all,
};

static const struct client clients[] = {
    {
        .name = "raw-epoll",
        .works = CALLBACK_WORKS ",group,fair,scale",
        .settings =
            "non-blocking sockets, TCP_NODELAY, level-triggered epoll: epoll_wait, one recv for each readiness, "
            "send; of 256 KiB, or 4 frames a recv with many connections; no masking and no parsing",
        .start = start,
        .open = open_connection,
        .close = close_connection,
        .send = send_frames,
        .receive = receive_frames,
        .many = &many,
    },
    {.name = NULL},
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, clients);
}
