/* The event descriptor is readable exactly while receiving without waiting gives something: compared at every step of
 * random runs, with a server that sends what it has to say in random pieces. event_fd [SEED [RUNS]] */

#define _GNU_SOURCE
#include "watching.h"
#include <unistd.h>

enum { STEPS = 60, STEPS_AT_THE_END = 12, DESCRIPTORS = 3 };

typedef struct run {
    scripted peer;
    generator random;
    /* Descriptors of the session, or -1; the first is always there. */
    int fds[DESCRIPTORS];
    /* The end has been seen. */
    int has_ended;
} run;

/* What all of its descriptors say. */
static int says_readable(const run *self)
{
    int first = is_readable(self->fds[0]);
    for (int i = 1; i < DESCRIPTORS; i++) {
        if (self->fds[i] >= 0)
            CHECK_EQ(is_readable(self->fds[i]), first);
    }
    return first;
}

/* While nothing is on its way. */
static void compare(const run *self)
{
    settle(&self->peer);
    CHECK_EQ(says_readable(self), waiting(&self->peer) > 0);
}

/* While something may be: what can be said is that a descriptor that is readable does not lie. */
static void compare_in_passing(run *self)
{
    ws_frame *frame = NULL;
    int readable = is_readable(self->fds[draw(&self->random, DESCRIPTORS) == 0 && self->fds[1] >= 0]);
    ws_status status = ws_recv(self->peer.session, &frame, 0);
    if (status == WS_OK)
        expect_next_frame(&self->peer, frame);
    else
        CHECK_STATUS(status, readable ? WS_OK : WS_ERR_TIMEOUT);
}

static void server_writes(run *self)
{
    static const unsigned sizes[] = {0, 20, 125, 126, 5000, LARGEST_TEXT};
    unsigned size = sizes[draw(&self->random, sizeof sizes / sizeof sizes[0])];
    switch (draw(&self->random, 5)) {
    case 0:
        write_other(&self->peer, "ping");
        break;
    case 1:
        write_other(&self->peer, "pong");
        break;
    case 2:
        if (has_room(&self->peer))
            write_text(&self->peer, size, 2 + draw(&self->random, 3), draw(&self->random, 3));
        break;
    default:
        if (has_room(&self->peer))
            write_text(&self->peer, size, 1, 0);
    }
}

static void server_acts(run *self)
{
    while (self->peer.bytes == self->peer.released || draw(&self->random, 3) == 0)
        server_writes(self);
    uint64_t left = self->peer.bytes - self->peer.released, count = left;
    switch (draw(&self->random, 4)) {
    case 0:
        count = 1;
        break;
    case 1:
        count = 1 + draw(&self->random, (unsigned)left);
        break;
    case 2:
        /* Up to the last byte of a message, or into the header of the one behind it. */
        if (self->peer.sent < self->peer.written)
            count = self->peer.ends[self->peer.sent] - self->peer.released + draw(&self->random, 3) - 1;
        count = count == 0 || count > left ? left : count;
    }
    release(&self->peer, count);
}

/* What a call of the session must return that does not wait: a message, nothing, or the end. */
static ws_status expected(const run *self, ws_status end)
{
    return waiting(&self->peer) > 0 ? WS_OK : self->has_ended ? end : WS_ERR_TIMEOUT;
}

static void take_batch(run *self, ws_status end)
{
    ws_frame *frames[4] = {NULL};
    size_t capacity = 1 + draw(&self->random, 4), count = 0;
    unsigned there = waiting(&self->peer);
    CHECK_STATUS(ws_recv_batch(self->peer.session, frames, capacity, &count, 0), expected(self, end));
    CHECK_EQ(count, there < capacity ? there : capacity);
    for (size_t i = 0; i < count; i++)
        expect_next_frame(&self->peer, frames[i]);
}

static void change_descriptors(run *self)
{
    unsigned which = draw(&self->random, DESCRIPTORS);
    if (self->fds[which] >= 0)
        CHECK_EQ(close(self->fds[which]), 0);
    self->fds[which] = -1;
    if (which == 0 || draw(&self->random, 2) == 0) {
        self->fds[which] = ws_event_fd(self->peer.session);
        CHECK(self->fds[which] >= 0);
    }
}

static void client_acts(run *self, ws_status end)
{
    static char buffer[LARGEST_TEXT];
    ws_session *session = self->peer.session;
    ws_frame *frame = NULL;
    size_t size = 0;
    ws_status status = expected(self, end);
    switch (draw(&self->random, 8)) {
    case 0:
        CHECK_STATUS(ws_recv_into(session, buffer, 0, &size, NULL, 0),
                     status == WS_OK ? WS_ERR_BUFFER_TOO_SMALL : status);
        if (status == WS_OK)
            CHECK_EQ(size, text_size(&self->peer, self->peer.received));
        break;
    case 1:
        CHECK_STATUS(ws_recv_into(session, buffer, sizeof buffer, &size, NULL, 0), status);
        if (status == WS_OK)
            expect_next(&self->peer, buffer, size);
        break;
    case 2:
        take_batch(self, end);
        break;
    case 3:
        status = ws_send_text(session, "does not matter", WS_NUL_TERMINATED);
        CHECK(self->has_ended || status == WS_OK);
        break;
    case 4:
        change_descriptors(self);
        break;
    case 5:
        /* It waits as ever, and does not where nothing is to be waited for. */
        CHECK_STATUS(ws_recv(session, &frame, status == WS_ERR_TIMEOUT ? 1 : -1), status);
        if (status == WS_OK)
            expect_next_frame(&self->peer, frame);
        break;
    case 6:
        if (status != WS_ERR_TIMEOUT)
            break;
        CHECK_OK(ws_interrupt(session));
        CHECK(!says_readable(self));
        CHECK_STATUS(ws_recv(session, &frame, -1), WS_ERR_INTERRUPTED);
        break;
    default:
        CHECK_STATUS(ws_recv(session, &frame, 0), status);
        if (status == WS_OK)
            expect_next_frame(&self->peer, frame);
    }
}

/* Ends the session in some way. Returns the status that stands for it. */
static ws_status end_session(run *self)
{
    static const struct {
        const char *script;
        ws_status status;
    } scripts[] = {
        {"close", WS_ERR_CLOSED}, {"opcode", WS_ERR_PROTOCOL}, {"utf8", WS_ERR_UTF8}, {"size", WS_ERR_FRAME_TOO_BIG}};
    enum { SCRIPTS = sizeof scripts / sizeof scripts[0] };
    unsigned how = draw(&self->random, SCRIPTS + 4);
    if (how < SCRIPTS) {
        /* Behind messages that may wait unread. */
        write_other(&self->peer, scripts[how].script);
        release(&self->peer, self->peer.bytes - self->peer.released);
        return scripts[how].status;
    }
    if (how == SCRIPTS) {
        CHECK_OK(ws_abort(self->peer.session));
        return WS_ERR_ABORTED;
    }
    if (how == SCRIPTS + 1) {
        release(&self->peer, self->peer.bytes - self->peer.released);
        settle(&self->peer);
        CHECK_OK(ws_close(self->peer.session, WS_CLOSE_NORMAL, NULL, 0));
        return WS_ERR_CLOSED;
    }
    STEER("taken");
    STEER(how == SCRIPTS + 2 ? "finish" : "reset");
    return how == SCRIPTS + 2 ? WS_ERR_CLOSED_ABNORMALLY : WS_ERR_IO;
}

/* What is left is received, then the end, and nothing changes any more. */
static void run_to_the_end(run *self)
{
    settle(&self->peer);
    ws_status end = end_session(self);
    while (waiting(&self->peer) > 0) {
        ws_frame *frame = NULL;
        wait_readable(self->fds[0]);
        CHECK_OK(ws_recv(self->peer.session, &frame, 0));
        expect_next_frame(&self->peer, frame);
    }
    wait_readable(self->fds[0]);
    self->has_ended = 1;
    for (int step = 0; step < STEPS_AT_THE_END; step++) {
        CHECK(says_readable(self));
        client_acts(self, end);
    }
    CHECK(says_readable(self));
}

static void random_run(transport how, int compresses, unsigned seed)
{
    char url[256];
    snprintf(url, sizeof url, "%s%s", environment(how == TLS ? "STEERED_WSS_URL" : "STEERED_WS_URL"),
             compresses ? "deflate" : "");
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    if (compresses)
        CHECK_OK(ws_config_install_deflate(config, NULL));
    static run self;
    memset(&self, 0, sizeof self);
    begin_script(&self.peer, connect_to(url, environment("STEERED_CA_FILE"), config));
    ws_config_free(config);
    CHECK_EQ(ws_extension_count(self.peer.session), compresses);
    self.random.state = seed;
    for (int i = 0; i < DESCRIPTORS; i++)
        self.fds[i] = -1;
    /* The first descriptor is asked for now, or with messages in the library's buffers. */
    if (draw(&self.random, 2) == 0) {
        server_acts(&self);
        compare_in_passing(&self);
    }
    self.fds[0] = ws_event_fd(self.peer.session);
    CHECK(self.fds[0] >= 0);
    for (int step = 0; step < STEPS; step++) {
        if (draw(&self.random, 2) == 0)
            server_acts(&self);
        if (draw(&self.random, 3) == 0)
            compare_in_passing(&self);
        compare(&self);
        client_acts(&self, WS_OK);
        compare(&self);
    }
    run_to_the_end(&self);
    ws_session_free(self.peer.session);
    for (int i = 0; i < DESCRIPTORS; i++) {
        if (self.fds[i] >= 0) {
            CHECK(is_readable(self.fds[i]));
            CHECK_EQ(close(self.fds[i]), 0);
        }
    }
}

int main(int argc, char **argv)
{
    unsigned seed = seed_of(argc, argv);
    unsigned runs = argc > 2 ? (unsigned)atoi(argv[2]) : 32;
    for (unsigned i = 0; i < runs; i++)
        random_run(i % 2 == 0 ? PLAIN : TLS, i % 4 >= 2, seed + i);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
