/* The contract of the event descriptor of a session that reconnects: one number, and right before, during and behind
 * each outage. event_fd_losses [SEED [RUNS]] */

#define _GNU_SOURCE
#include "contract.h"

enum { OUTAGES = 4, STEPS = 12 };

/* While the session is away, and its server silent. */
static void look_while_away(watched *self)
{
    CHECK_EQ(ws_event_fd(self->peer.session), self->fd);
    take_one(self);
}

/* The server goes, with or without an error, and there is another connection. */
static void lose(watched *self)
{
    int accepted = atoi(server("connections"));
    ws_frame *frame = NULL;
    int is_reset = draw(&self->random, 2) == 0;
    /* What has not been read may be lost with an error. */
    if (is_reset)
        take_all(self);
    STEER(is_reset ? "reset" : "finish");
    while (waiting(&self->peer) > 0) {
        CHECK_OK(receive_watching(self->peer.session, self->fd, &frame));
        expect_next_frame(&self->peer, frame);
    }
    /* The end of the connection is a false alarm. */
    while (atoi(server("connections")) == accepted || ws_state(self->peer.session) != WS_STATE_OPEN) {
        CHECK_STATUS(receive_now(self->peer.session), WS_ERR_TIMEOUT);
        CHECK_EQ(ws_event_fd(self->peer.session), self->fd);
    }
    begin_script(&self->peer, self->peer.session);
    self->drained = 0;
    arrive();
    look_while_away(self);
    take_all(self);
}

static int random_run(transport how, int compresses, unsigned seed)
{
    char url[256];
    snprintf(url, sizeof url, "%s%s", environment(how == TLS ? "STEERED_WSS_URL" : "STEERED_WS_URL"),
             compresses ? "deflate" : "");
    ws_reconnect_options options = {.struct_size = sizeof options, .first_delay_ms = 1, .max_delay_ms = 5};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_reconnect(config, &options));
    if (compresses)
        CHECK_OK(ws_config_install_deflate(config, NULL));
    static watched self;
    memset(&self, 0, sizeof self);
    begin_script(&self.peer, connect_to(url, environment("STEERED_CA_FILE"), config));
    ws_config_free(config);
    self.random.state = seed;
    self.fd = event_fd_of(self.peer.session);
    for (int outage = 0; outage < OUTAGES && !self.has_lapsed; outage++) {
        for (int step = 0; step < STEPS && !self.has_lapsed; step++) {
            if (draw(&self.random, 2) == 0)
                send_something(&self);
            if (draw(&self.random, 2) == 0)
                take_one(&self);
            else if (draw(&self.random, 3) == 0)
                take_all(&self);
        }
        lose(&self);
    }
    recover(&self);
    if (!self.has_lapsed) {
        take_all(&self);
        write_text(&self.peer, 20, 1, 0);
        release_and_arrive(&self.peer, self.peer.bytes - self.peer.released);
        take_all(&self);
    }
    free_watched(self.peer.session);
    return !self.has_lapsed;
}

/* Nothing is to be received while there is no connection, for as long as that takes, and the descriptor does not say
 * that there is. At the end it says so for ever. */
static void away_for_ever(transport how)
{
    enum { FOR_EVER_MS = 3600 * 1000, LOOKS = 1000 };
    ws_reconnect_options options = {
        .struct_size = sizeof options, .first_delay_ms = FOR_EVER_MS, .max_delay_ms = FOR_EVER_MS};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_reconnect(config, &options));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    int fd = event_fd_of(session);
    STEER("reset");
    while (ws_state(session) == WS_STATE_OPEN)
        CHECK_STATUS(receive_now(session), WS_ERR_TIMEOUT);
    CHECK_EQ(ws_state(session), WS_STATE_CONNECTING);
    expect_nothing_more(session, fd);
    for (int i = 0; i < LOOKS; i++) {
        CHECK(!is_readable(fd));
        CHECK_STATUS(receive_now(session), WS_ERR_TIMEOUT);
    }
    CHECK_OK(ws_abort(session));
    wait_readable(fd);
    CHECK(receive_now(session) != WS_ERR_TIMEOUT);
    CHECK(is_readable(fd));
    CHECK_EQ(ws_event_fd(session), fd);
    free_watched(session);
}

/* The messages that came in one piece with the server's answer: 1 if the descriptor was right. */
static int take_greeting(ws_session *session, int fd, unsigned count, size_t size)
{
    static char text[LARGEST_TEXT + 1];
    int is_right = 1;
    arrive();
    for (unsigned i = 0; i < count;) {
        ws_frame *frame = NULL;
        int said = is_readable(fd);
        ws_status status = ws_recv(session, &frame, 0);
        is_right &= said;
        if (status == WS_ERR_TIMEOUT)
            continue;
        CHECK_OK(status);
        memset(text, 'x', sizeof text);
        int length = snprintf(text, sizeof text, "%u", i++);
        text[length] = ' ';
        CHECK_EQ(frame->size, size < (size_t)length ? (size_t)length : size);
        CHECK(memcmp(frame->data, text, frame->size) == 0);
        ws_frame_free(frame);
    }
    expect_nothing_more(session, fd);
    return is_right;
}

static int greeted(transport how, unsigned count, size_t size)
{
    enum { CONNECTIONS = 3 };
    char url[256];
    snprintf(url, sizeof url, "%sgreeting/%u/%zu", environment(how == TLS ? "STEERED_WSS_URL" : "STEERED_WS_URL"),
             count, size);
    ws_reconnect_options options = {.struct_size = sizeof options, .first_delay_ms = 1, .max_delay_ms = 5};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_reconnect(config, &options));
    ws_session *session = connect_to(url, environment("STEERED_CA_FILE"), config);
    ws_config_free(config);
    int fd = event_fd_of(session);
    int is_right = take_greeting(session, fd, count, size);
    for (unsigned i = 1; i < CONNECTIONS; i++) {
        STEER("finish");
        while (statistics(session).reconnects < i || ws_state(session) != WS_STATE_OPEN)
            sched_yield();
        is_right &= take_greeting(session, fd, count, size);
    }
    free_watched(session);
    return is_right;
}

int main(int argc, char **argv)
{
    unsigned seed = seed_of(argc, argv);
    unsigned runs = argc > 2 ? (unsigned)atoi(argv[2]) : 24;
    for (unsigned i = 0; i < runs; i++)
        UNLESS_LAPSED(random_run(i % 2 == 0 ? PLAIN : TLS, i % 4 >= 2, seed + i));
    for (transport how = PLAIN; how <= TLS; how++)
        away_for_ever(how);
    for (transport how = PLAIN; how <= TLS; how++) {
        UNLESS_LAPSED(greeted(how, 1, 0));
        UNLESS_LAPSED(greeted(how, 5, 100));
        UNLESS_LAPSED(greeted(how, 3, 20000));
        UNLESS_LAPSED(greeted(how, 1, 60000));
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
