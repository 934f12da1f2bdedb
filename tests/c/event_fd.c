/* The contract of the event descriptor, in random runs: it is never missing (while receiving without waiting gives
 * something, it is readable) and never spins (when receiving has given nothing and the peer is silent, it is not). The
 * server sends what it has to say in random pieces, and the test knows at every moment which messages are complete.
 * event_fd [SEED [RUNS]] */

#define _GNU_SOURCE
#include "contract.h"

enum { STEPS = 60, STEPS_AT_THE_END = 12 };

static void take_into(watched *self, size_t capacity)
{
    static char buffer[LARGEST_TEXT];
    size_t size = 0;
    int said = is_readable(self->fd);
    ws_status status = ws_recv_into(self->peer.session, buffer, capacity, &size, NULL, 0);
    judge(self, said, status == WS_ERR_BUFFER_TOO_SMALL ? WS_OK : status);
    if (status == WS_ERR_BUFFER_TOO_SMALL)
        CHECK_EQ(size, text_size(&self->peer, self->peer.received));
    if (status == WS_OK)
        expect_next(&self->peer, buffer, size);
}

static void take_batch(watched *self)
{
    ws_frame *frames[4] = {NULL};
    size_t capacity = 1 + draw(&self->random, 4), count = 0;
    int said = is_readable(self->fd);
    ws_status status = ws_recv_batch(self->peer.session, frames, capacity, &count, 0);
    judge(self, said, status);
    CHECK((status == WS_OK) == (count > 0));
    CHECK(count <= capacity);
    for (size_t i = 0; i < count; i++)
        expect_next_frame(&self->peer, frames[i]);
}

/* It waits as ever, and does not where nothing is to be waited for. */
static void take_waiting(watched *self)
{
    ws_frame *frame = NULL;
    ws_status status = expected(self);
    int said = is_readable(self->fd);
    CHECK_STATUS(ws_recv(self->peer.session, &frame, status == WS_ERR_TIMEOUT ? 1 : -1), status);
    judge(self, said, status);
    if (status == WS_OK)
        expect_next_frame(&self->peer, frame);
}

/* An interrupt is for threads that wait; the descriptor does not tell of it. */
static void interrupt(watched *self)
{
    ws_frame *frame = NULL;
    if (expected(self) != WS_ERR_TIMEOUT)
        return;
    take_all(self);
    CHECK_OK(ws_interrupt(self->peer.session));
    self->has_lapsed |= is_readable(self->fd);
    CHECK_STATUS(ws_recv(self->peer.session, &frame, -1), WS_ERR_INTERRUPTED);
}

/* The application is away, and the library reads in its place. */
static void stay_away(watched *self)
{
    /* Fewer than any queue holds. */
    enum { QUEUED = 1 };
    if (self->end != WS_OK)
        return;
    release(&self->peer, self->peer.bytes - self->peer.released);
    while (waiting(&self->peer) > QUEUED) {
        ws_frame *frame = NULL;
        CHECK_OK(receive_watching(self->peer.session, self->fd, &frame));
        expect_next_frame(&self->peer, frame);
    }
    exchange_ping(&self->peer);
    self->drained = self->peer.released;
}

static void client_acts(watched *self)
{
    ws_status status;
    switch (draw(&self->random, 24) == 0 ? 9 : draw(&self->random, 9)) {
    case 0:
        take_into(self, 0);
        break;
    case 1:
        take_into(self, LARGEST_TEXT);
        break;
    case 2:
        take_batch(self);
        break;
    case 3:
        status = ws_send_text(self->peer.session, "does not matter", WS_NUL_TERMINATED);
        CHECK(self->end != WS_OK || status == WS_OK);
        break;
    case 4:
        take_waiting(self);
        break;
    case 5:
        interrupt(self);
        break;
    case 6:
        take_all(self);
        break;
    case 9:
        stay_away(self);
        break;
    default:
        take_one(self);
    }
    CHECK_EQ(ws_event_fd(self->peer.session), self->fd);
}

/* Ends the session in some way. Returns the status that stands for it. */
static ws_status end_session(watched *self)
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
        release(&self->peer, self->peer.bytes - self->peer.released);
        CHECK_OK(ws_close(self->peer.session, WS_CLOSE_NORMAL, NULL, 0));
        return WS_ERR_CLOSED;
    }
    if (how == SCRIPTS + 1) {
        STEER("finish");
        return WS_ERR_CLOSED_ABNORMALLY;
    }
    /* What has not been read may be lost then. */
    take_all(self);
    if (how == SCRIPTS + 2) {
        CHECK_OK(ws_abort(self->peer.session));
        return WS_ERR_ABORTED;
    }
    STEER("reset");
    return WS_ERR_IO;
}

/* What is left is received, then the end, and nothing changes any more. */
static void run_to_the_end(watched *self)
{
    ws_status end = end_session(self);
    ws_frame *frame = NULL;
    while (waiting(&self->peer) > 0) {
        CHECK_OK(receive_watching(self->peer.session, self->fd, &frame));
        expect_next_frame(&self->peer, frame);
    }
    CHECK_STATUS(receive_watching(self->peer.session, self->fd, &frame), end);
    self->end = end;
    for (int step = 0; step < STEPS_AT_THE_END; step++) {
        CHECK(is_readable(self->fd));
        client_acts(self);
    }
    CHECK(is_readable(self->fd));
}

/* Returns whether the descriptor was right at every moment. */
static int random_run(transport how, int compresses, uint32_t policy, unsigned seed)
{
    char url[256];
    snprintf(url, sizeof url, "%s%s", environment(how == TLS ? "STEERED_WSS_URL" : "STEERED_WS_URL"),
             compresses ? "deflate" : "");
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    if (compresses)
        CHECK_OK(ws_config_install_deflate(config, NULL));
    /* No more than it holds is lost or ends the session: a script is shorter. */
    CHECK_OK(ws_config_set_incoming_queue(config, policy == WS_QUEUE_WAIT ? 2 : SCRIPTED_MESSAGES, 0, policy));
    static watched self;
    memset(&self, 0, sizeof self);
    begin_script(&self.peer, connect_to(url, environment("STEERED_CA_FILE"), config));
    ws_config_free(config);
    CHECK_EQ(ws_extension_count(self.peer.session), compresses);
    self.random.state = seed;
    /* The descriptor is asked for now, or with messages in the library's buffers. */
    if (draw(&self.random, 2) == 0) {
        ws_frame *frame = NULL;
        for (int i = 0; i < 3; i++)
            write_text(&self.peer, 300, 1, 0);
        release_and_arrive(&self.peer, self.peer.bytes - draw(&self.random, 2) * 5);
        CHECK_OK(ws_recv(self.peer.session, &frame, PATIENCE_MS));
        expect_next_frame(&self.peer, frame);
    }
    self.fd = event_fd_of(self.peer.session);
    for (int step = 0; step < STEPS && !self.has_lapsed; step++) {
        if (draw(&self.random, 2) == 0)
            send_something(&self);
        client_acts(&self);
    }
    recover(&self);
    run_to_the_end(&self);
    free_watched(self.peer.session);
    return !self.has_lapsed;
}

int main(int argc, char **argv)
{
    static const uint32_t policies[] = {WS_QUEUE_WAIT, WS_QUEUE_CLOSE, WS_QUEUE_DROP_OLDEST};
    unsigned seed = seed_of(argc, argv);
    unsigned runs = argc > 2 ? (unsigned)atoi(argv[2]) : 48;
    for (unsigned i = 0; i < runs; i++)
        UNLESS_LAPSED(random_run(i % 2 == 0 ? PLAIN : TLS, i % 4 >= 2, policies[i / 4 % 3], seed + i));
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
