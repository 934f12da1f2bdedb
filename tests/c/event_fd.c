/* The event descriptor is readable exactly while receiving without waiting gives something: compared at every step of
 * random runs, with a server that does one thing at a time. event_fd [SEED] */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"
#include <fcntl.h>
#include <poll.h>
#include <time.h>

enum { RUNS = 25, STEPS = 60 };

/* What the test knows of a session. */
typedef struct run {
    ws_session *session;
    int fd;
    /* Texts that the server has sent completely, those of them that were received, and the bytes of all it has sent. */
    unsigned sent, received;
    uint64_t wire;
    /* The size of the text of which half was sent, else 0. */
    unsigned half;
    unsigned sizes[STEPS * 4];
    unsigned random;
} run;

static unsigned draw(run *self, unsigned below)
{
    self->random = self->random * 1103515245U + 12345U;
    return (self->random >> 16) % below;
}

static int is_readable(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    CHECK(poll(&entry, 1, 0) >= 0);
    CHECK((entry.revents & ~POLLIN) == 0);
    return entry.revents == POLLIN;
}

static ws_statistics statistics(ws_session *session)
{
    ws_statistics stats = {.struct_size = sizeof stats};
    CHECK_OK(ws_stats(session, &stats));
    return stats;
}

/* Waits until the library has read all that was sent, and has put what is complete into the queue. */
static void settle(run *self)
{
    ws_statistics stats;
    do {
        sched_yield();
        stats = statistics(self->session);
    } while (stats.wire_received != self->wire || stats.incoming_messages != self->sent - self->received);
}

static void compare(run *self)
{
    CHECK_EQ(is_readable(self->fd), self->sent > self->received);
}

static unsigned wire_size(unsigned payload)
{
    return payload + (payload < 126 ? 2 : 4);
}

/* The server's texts are no shorter than their numbers. */
static unsigned text_size(unsigned number, unsigned size)
{
    char digits[16];
    unsigned least = (unsigned)snprintf(digits, sizeof digits, "%u", number);
    return size < least ? least : size;
}

static unsigned draw_size(run *self)
{
    static const unsigned sizes[] = {0, 20, 125, 126, 5000};
    return sizes[draw(self, sizeof sizes / sizeof sizes[0])];
}

static void add_text(run *self, unsigned size)
{
    self->sizes[self->sent] = size;
    self->sent++;
}

static void server_acts(run *self)
{
    unsigned size = draw_size(self), count = 1 + draw(self, 3);
    if (self->half > 0) {
        STEER("rest");
        unsigned whole = wire_size(self->half);
        self->wire += whole - whole / 2;
        add_text(self, self->half);
        self->half = 0;
        return;
    }
    switch (draw(self, 3)) {
    case 0:
        STEER("texts %u %u", count, size);
        for (unsigned i = 0; i < count; i++) {
            self->wire += wire_size(text_size(self->sent, size));
            add_text(self, size);
        }
        break;
    case 1:
        STEER("half %u", size);
        self->half = text_size(self->sent, size);
        self->wire += wire_size(self->half) / 2;
        break;
    default:
        STEER("pings %u", count);
        self->wire += count * wire_size(1);
    }
}

static void expect_next(run *self, const char *data, size_t size)
{
    char expected[8192];
    CHECK(self->received < self->sent);
    unsigned wanted = text_size(self->received, self->sizes[self->received]);
    memset(expected, 'x', sizeof expected);
    int length = snprintf(expected, sizeof expected, "%u", self->received);
    expected[length] = wanted > (unsigned)length ? ' ' : '\0';
    CHECK_EQ(size, wanted);
    CHECK(memcmp(data, expected, size) == 0);
    self->received++;
}

static void client_acts(run *self)
{
    char buffer[8192];
    ws_frame *frame = NULL, *frames[4];
    size_t size = 0, count = 0;
    int has_some = self->sent > self->received;
    switch (draw(self, 6)) {
    case 0:
    case 1:
        CHECK_STATUS(ws_recv(self->session, &frame, 0), has_some ? WS_OK : WS_ERR_TIMEOUT);
        if (has_some)
            expect_next(self, (const char *)frame->data, frame->size);
        ws_frame_free(frame);
        break;
    case 2:
        CHECK_STATUS(ws_recv_into(self->session, buffer, 0, &size, NULL, 0),
                     has_some ? WS_ERR_BUFFER_TOO_SMALL : WS_ERR_TIMEOUT);
        break;
    case 3:
        CHECK_STATUS(ws_recv_into(self->session, buffer, sizeof buffer, &size, NULL, 0),
                     has_some ? WS_OK : WS_ERR_TIMEOUT);
        if (has_some)
            expect_next(self, buffer, size);
        break;
    case 4:
        CHECK_STATUS(ws_recv_batch(self->session, frames, 4, &count, 0), has_some ? WS_OK : WS_ERR_TIMEOUT);
        for (size_t i = 0; has_some && i < count; i++) {
            expect_next(self, (const char *)frames[i]->data, frames[i]->size);
            ws_frame_free(frames[i]);
        }
        break;
    default:
        CHECK_OK(ws_send_text(self->session, "does not matter", WS_NUL_TERMINATED));
        close(self->fd);
        self->fd = ws_event_fd(self->session);
        CHECK(self->fd >= 0);
    }
}

/* What is left, and then the end, which stays. */
static void drain(run *self, ws_status end)
{
    ws_frame *frame = NULL;
    while (self->received < self->sent) {
        CHECK(is_readable(self->fd));
        CHECK_OK(ws_recv(self->session, &frame, 0));
        expect_next(self, (const char *)frame->data, frame->size);
        ws_frame_free(frame);
    }
    struct pollfd entry = {.fd = self->fd, .events = POLLIN};
    CHECK_EQ(poll(&entry, 1, PATIENCE_MS), 1);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(ws_recv(self->session, &frame, 0), end);
        CHECK(is_readable(self->fd));
    }
}

static void random_run(transport how, unsigned seed)
{
    run self = {.session = connect_steered(how, NULL), .random = seed};
    self.wire = statistics(self.session).wire_received;
    self.fd = ws_event_fd(self.session);
    CHECK(self.fd >= 0);
    for (int step = 0; step < STEPS; step++) {
        if (draw(&self, 2) == 0)
            server_acts(&self);
        settle(&self);
        compare(&self);
        client_acts(&self);
        compare(&self);
    }
    if (self.half > 0) {
        STEER("finish");
        drain(&self, WS_ERR_CLOSED_ABNORMALLY);
    } else {
        STEER("close 1000");
        drain(&self, WS_ERR_CLOSED);
    }
    ws_session_free(self.session);
    CHECK(is_readable(self.fd));
    CHECK_EQ(close(self.fd), 0);
}

/* Messages that were read before anybody asked for a descriptor. */
static void already_read(void)
{
    run self = {.session = connect_steered(PLAIN, NULL)};
    self.wire = statistics(self.session).wire_received;
    STEER("texts 3");
    self.wire += 9;
    expect_numbered(self.session, self.received++, 0);
    self.sent = 3;
    self.fd = ws_event_fd(self.session);
    settle(&self);
    CHECK(is_readable(self.fd));
    int other = ws_event_fd(self.session);
    CHECK(other >= 0 && other != self.fd);
    CHECK(fcntl(other, F_GETFD) & FD_CLOEXEC);
    STEER("close 1000");
    drain(&self, WS_ERR_CLOSED);
    close(other);
    close(self.fd);
    ws_session_free(self.session);
}

static void a_receiver_goes_on(void)
{
    ws_session *session = connect_steered(PLAIN, NULL);
    caller waiting;
    start_blocked(&waiting, receive, session);
    int fd = ws_event_fd(session);
    CHECK(fd >= 0);
    STEER("texts 1");
    expect_result(&waiting, WS_OK);
    CHECK(!is_readable(fd));
    /* And one that comes later. */
    start_blocked(&waiting, receive, session);
    STEER("texts 1");
    expect_result(&waiting, WS_OK);
    CHECK(!is_readable(fd));
    start_blocked(&waiting, receive, session);
    CHECK_OK(ws_interrupt(session));
    expect_result(&waiting, WS_ERR_INTERRUPTED);
    close(fd);
    ws_session_free(session);
}

/* The server is held back, and nothing is lost. */
static void far_more_than_fits(void)
{
    enum { MESSAGES = 12000, SIZE = 2000 };
    ws_session *session = connect_steered(PLAIN, NULL);
    int fd = ws_event_fd(session);
    STEER("flood texts %d %d", MESSAGES, SIZE);
    CHECK_STR(server("held"), "yes");
    CHECK(statistics(session).incoming_bytes <= 5 * 1024 * 1024);
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        CHECK_EQ(poll(&entry, 1, PATIENCE_MS), 1);
        expect_numbered(session, i, SIZE);
    }
    CHECK(!is_readable(fd));
    close(fd);
    ws_session_free(session);
}

static void ignore(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)session, (void)frame, (void)user_data;
}

static void where_there_is_none(void)
{
    ws_session *session = connect_steered(PLAIN, NULL);
    CHECK_OK(ws_recv_callback(session, ignore, NULL, NULL));
    CHECK_EQ(ws_event_fd(session), -1);
    ws_session_free(session);
    CHECK_EQ(ws_event_fd(NULL), -1);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : (unsigned)time(NULL);
    printf("seed %u\n", seed);
    for (unsigned i = 0; i < RUNS; i++)
        random_run(i % 2 == 0 ? PLAIN : TLS, seed + i);
    already_read();
    a_receiver_goes_on();
    far_more_than_fits();
    where_there_is_none();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
