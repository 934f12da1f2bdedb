/* Looking at event descriptors, and the steered server's script: messages that it sends in whatever pieces the test
 * says, so that the test knows at every moment which of them are complete. */

#ifndef WATCHING_H
#define WATCHING_H

#include "steered.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { SCRIPTED_MESSAGES = 1024, LARGEST_TEXT = 70000 };

/* A generator that gives the same numbers everywhere. */
typedef struct generator {
    uint64_t state;
} generator;

static inline unsigned draw(generator *self, unsigned below)
{
    self->state = self->state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(self->state >> 33) % below;
}

/* The seed that the program was given, or another one each time. */
static inline unsigned seed_of(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : (unsigned)time(NULL);
    printf("seed %u\n", seed);
    fflush(stdout);
    return seed;
}

static inline int is_readable(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    CHECK(poll(&entry, 1, 0) >= 0);
    CHECK((entry.revents & ~POLLIN) == 0);
    return entry.revents == POLLIN;
}

static inline void wait_readable(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    CHECK_EQ(poll(&entry, 1, PATIENCE_MS), 1);
    CHECK_EQ(entry.revents, POLLIN);
}

static inline ws_status receive_now(ws_session *session)
{
    ws_frame *frame = NULL;
    ws_status status = ws_recv(session, &frame, 0);
    ws_frame_free(frame);
    return status;
}

/* Waits by a descriptor until a call that does not wait gives something; the descriptor may raise false alarms. */
static inline ws_status receive_watching(ws_session *session, int fd, ws_frame **frame)
{
    ws_status status;
    do {
        wait_readable(fd);
        status = ws_recv(session, frame, 0);
    } while (status == WS_ERR_TIMEOUT);
    return status;
}

/* Nothing is to be received, and the descriptor stops saying so. */
static inline void expect_nothing_more(ws_session *session, int fd)
{
    do
        CHECK_STATUS(receive_now(session), WS_ERR_TIMEOUT);
    while (is_readable(fd));
}

static inline int event_fd_of(ws_session *session)
{
    int fd = ws_event_fd(session);
    CHECK(fd >= 0);
    return fd;
}

/* An epoll set that holds a descriptor. */
static inline int watch_by_epoll(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    int set = epoll_create1(EPOLL_CLOEXEC);
    CHECK(set >= 0);
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
    return set;
}

/* The library has closed a descriptor, which took it out of the set: nothing is reported for its number, and another
 * descriptor that gets the number can be added. Closes the set. */
static inline void expect_gone(int set, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 0);
    CHECK_EQ(fcntl(fd, F_GETFD), -1);
    CHECK_EQ(errno, EBADF);
    int other = eventfd(1, EFD_CLOEXEC);
    CHECK(other >= 0);
    if (other != fd) {
        CHECK_EQ(dup3(other, fd, O_CLOEXEC), fd);
        CHECK_EQ(close(other), 0);
    }
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
    CHECK_EQ(epoll_wait(set, &event, 1, 0), 1);
    CHECK_EQ(event.data.fd, fd);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(close(set), 0);
}

/* Frees a session that has one handle and an event descriptor. */
static inline void free_watched(ws_session *session)
{
    int fd = event_fd_of(session);
    int set = watch_by_epoll(fd);
    ws_session_free(session);
    expect_gone(set, fd);
}

static inline ws_stats statistics(ws_session *session)
{
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK_OK(ws_get_stats(session, &stats));
    return stats;
}

/* A server that takes connections and says nothing. */
static inline int listen_silently(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0);
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(listen(listener, 16), 0);
    return listener;
}

/* It is valid until the next call. */
static inline const char *silent_url(int listener)
{
    static char url[64];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/", ntohs(address.sin_port));
    return url;
}

/* A configuration that has sessions belong to a group. */
static inline ws_config *config_of(ws_group *group)
{
    ws_config *config = ws_config_new();
    CHECK(group != NULL && config != NULL);
    CHECK_OK(ws_config_set_group(config, group));
    return config;
}

static inline int event_fd_of_group(ws_group *group)
{
    int fd = ws_group_event_fd(group);
    CHECK(fd >= 0);
    return fd;
}

/* Receives a message from a group, which must be of this session; it is the caller's. */
static inline ws_frame *receive_from(ws_group *group, ws_session *expected)
{
    ws_session *session = NULL;
    ws_frame *frame = NULL;
    CHECK_OK(ws_group_recv(group, &session, &frame, PATIENCE_MS));
    CHECK(session == expected);
    CHECK(frame != NULL);
    return frame;
}

/* Receives the end of a session of a group. */
static inline ws_session *receive_end(ws_group *group, ws_status expected)
{
    ws_session *session = NULL;
    ws_frame *frame = (ws_frame *)&session;
    CHECK_STATUS(ws_group_recv(group, &session, &frame, PATIENCE_MS), expected);
    CHECK(session != NULL);
    CHECK(frame == NULL);
    return session;
}

static inline void expect_nothing_in(ws_group *group)
{
    ws_session *session = (ws_session *)&group;
    ws_frame *frame = (ws_frame *)&group;
    CHECK_STATUS(ws_group_recv(group, &session, &frame, 0), WS_ERR_TIMEOUT);
    CHECK(session == NULL && frame == NULL);
}

/* What a session at the steered server was sent and has received, by what the test did. */
typedef struct scripted {
    ws_session *session;
    /* Texts of the script, and for each its size and the script's bytes up to its end. */
    unsigned written;
    unsigned sizes[SCRIPTED_MESSAGES];
    uint64_t ends[SCRIPTED_MESSAGES];
    /* Bytes of the script, and those of them that the server was told to send. */
    uint64_t bytes, released;
    /* Texts that are released to their end, and that were received. */
    unsigned sent, received;
} scripted;

static inline void begin_script(scripted *self, ws_session *session)
{
    memset(self, 0, sizeof *self);
    self->session = session;
}

static inline void add_bytes(scripted *self, const char *count)
{
    CHECK(atoi(count) > 0);
    self->bytes += (uint64_t)atoi(count);
}

static inline int has_room(const scripted *self)
{
    return self->written < SCRIPTED_MESSAGES;
}

static inline void write_text(scripted *self, unsigned size, unsigned fragments, unsigned pings)
{
    CHECK(has_room(self));
    add_bytes(self, server("message_for_later %u %u %u", size, fragments, pings));
    self->sizes[self->written] = size;
    self->ends[self->written++] = self->bytes;
}

static inline void write_other(scripted *self, const char *what)
{
    add_bytes(self, server("later %s", what));
}

static inline void release(scripted *self, uint64_t count)
{
    CHECK(count <= self->bytes - self->released);
    STEER("release %llu", (unsigned long long)count);
    self->released += count;
    while (self->sent < self->written && self->ends[self->sent] <= self->released)
        self->sent++;
}

static inline int port_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int is_named = name(fd, (struct sockaddr *)&address, &size) == 0 && address.sin_family == AF_INET;
    return is_named ? ntohs(address.sin_port) : -1;
}

/* The socket of this process with these ports, or -1. Connections to different ports may have the same port here. */
static inline int find_socket(int port, int peers_port)
{
    enum { LAST = 1024 };
    for (int fd = 0; fd < LAST; fd++)
        if (port_of(fd, getsockname) == port && port_of(fd, getpeername) == peers_port)
            return fd;
    return -1;
}

/* Nothing of what the server was to send is on its way any more: this process's kernel has it, or the library. To wait
 * until it is acknowledged would take the time of a delayed acknowledgement, and make the application one that is away.
 */
static inline void arrive(void)
{
    int port = 0, peers_port = 0;
    unsigned long long sent = 0;
    CHECK_EQ(sscanf(server("sent"), "%d %d %llu", &port, &peers_port, &sent), 3);
    struct tcp_info info;
    int socket = find_socket(port, peers_port);
    do {
        socklen_t size = sizeof info;
        memset(&info, 0, sizeof info);
        CHECK_EQ(getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    } while (info.tcpi_bytes_received < sent && sched_yield() == 0);
    CHECK_EQ(info.tcpi_bytes_received, sent);
}

static inline void release_and_arrive(scripted *self, uint64_t count)
{
    release(self, count);
    arrive();
}

/* Returns once the library has decoded all bytes that were sent, and has queued the messages among them. */
static inline void exchange_ping(scripted *self)
{
    CHECK_EQ(self->bytes, self->released);
    write_other(self, "ping");
    release(self, self->bytes - self->released);
    CHECK_STR(server("answered"), "yes");
}

static inline unsigned waiting(const scripted *self)
{
    return self->sent - self->received;
}

static inline size_t text_size(const scripted *self, unsigned number)
{
    char digits[16];
    size_t least = (size_t)snprintf(digits, sizeof digits, "%u", number);
    return self->sizes[number] < least ? least : self->sizes[number];
}

/* These must be the bytes of the next text. */
static inline void expect_next(scripted *self, const void *data, size_t size)
{
    static char expected[LARGEST_TEXT + 1];
    CHECK(self->received < self->sent);
    size_t wanted = text_size(self, self->received);
    memset(expected, 'x', sizeof expected);
    int length = snprintf(expected, sizeof expected, "%u", self->received);
    expected[length] = ' ';
    CHECK_EQ(size, wanted);
    CHECK(memcmp(data, expected, size) == 0);
    self->received++;
}

static inline void expect_next_frame(scripted *self, ws_frame *frame)
{
    CHECK_EQ(frame->type, WS_FRAME_TEXT);
    CHECK_EQ(frame->data[frame->size], 0);
    expect_next(self, frame->data, frame->size);
    ws_frame_free(frame);
}

#endif
