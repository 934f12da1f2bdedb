/* The descriptor of a group is one number, readable exactly while receiving from the group without waiting gives
 * something; sessions take turns, and ends come once, behind their messages: in random runs with several sessions that
 * come and go. groups_event_fd [SEED [RUNS]] */

#define _GNU_SOURCE
#include "watching.h"
#include <unistd.h>

enum { MEMBERS = 5, STEPS = 80 };

typedef struct member {
    scripted peer;
    /* The steered server's number of its connection. */
    unsigned connection;
    /* When it was last given, and since when it waits for that, in steps of the run's clock. */
    unsigned given, waits_since;
    int has_ended;
} member;

typedef struct run {
    transport how;
    generator random;
    ws_group *group;
    ws_config *config;
    int fd;
    unsigned clock, connections;
    member members[MEMBERS];
} run;

static void enter(run *self, member *who)
{
    memset(who, 0, sizeof *who);
    begin_script(&who->peer, connect_steered(self->how, self->config));
    who->connection = self->connections++;
    CHECK_OK(ws_set_user_data(who->peer.session, who));
}

static unsigned all_waiting(const run *self)
{
    unsigned sum = 0;
    for (int i = 0; i < MEMBERS; i++)
        sum += waiting(&self->members[i].peer);
    return sum;
}

static void compare(const run *self)
{
    if (all_waiting(self) > 0) {
        CHECK(is_readable(self->fd));
    } else {
        /* Parts of messages arrive a moment after the server has sent them. */
        for (int tries = 0; tries == 0 || is_readable(self->fd); tries++) {
            CHECK(tries < 1000);
            expect_nothing_in(self->group);
        }
    }
    CHECK_EQ(ws_group_size(self->group), MEMBERS);
}

/* The session has given a message: the others that had one before it gave its last have given one since. */
static void note_given(run *self, member *who)
{
    self->clock++;
    for (int i = 0; i < MEMBERS; i++) {
        const member *other = &self->members[i];
        if (other != who && waiting(&other->peer) > 0)
            CHECK(who->given == 0 || other->waits_since >= who->given);
    }
    who->given = who->waits_since = self->clock;
}

/* Receives once. Returns the member of which the end came, or NULL. */
static member *receive_one(run *self, int64_t timeout_ms, ws_status expected)
{
    ws_session *session = (ws_session *)self;
    ws_frame *frame = (ws_frame *)self;
    ws_status status = ws_group_recv(self->group, &session, &frame, timeout_ms);
    if (status == WS_OK) {
        member *who = ws_get_user_data(session);
        CHECK(who->peer.session == session);
        CHECK(!who->has_ended);
        expect_next_frame(&who->peer, frame);
        note_given(self, who);
        CHECK(expected != WS_ERR_TIMEOUT);
        return NULL;
    }
    CHECK(frame == NULL);
    /* The descriptor may be readable when there is no message. */
    if (status == WS_ERR_TIMEOUT && timeout_ms == 0 && all_waiting(self) == 0)
        return NULL;
    CHECK_STATUS(status, expected);
    if (status == WS_ERR_TIMEOUT) {
        CHECK(session == NULL);
        return NULL;
    }
    return ws_get_user_data(session);
}

/* All of a member's script is sent, and has been decoded. */
static void release_all(run *self, member *who)
{
    unsigned had = waiting(&who->peer);
    release(&who->peer, who->peer.bytes - who->peer.released);
    exchange_ping(&who->peer);
    if (had == 0)
        who->waits_since = ++self->clock;
}

/* A member's server sends something; what is complete of it has been decoded. */
static void server_acts(run *self, member *who)
{
    STEER("connection %u", who->connection);
    for (unsigned left = 1 + draw(&self->random, 4); left > 0 && has_room(&who->peer); left--) {
        unsigned fragments = 1 + draw(&self->random, 3);
        write_text(&who->peer, draw(&self->random, 2) * 200, fragments, fragments > 1 ? draw(&self->random, 2) : 0);
    }
    /* Up to somewhere in a message. */
    uint64_t count = draw(&self->random, (unsigned)(who->peer.bytes - who->peer.released) + 1);
    if (who->peer.sent < who->peer.written && who->peer.released + count < who->peer.ends[who->peer.sent])
        release(&who->peer, count);
    else
        release_all(self, who);
}

/* A member's session ends in some way, and another one takes its place. */
static void end_member(run *self, member *who)
{
    static const struct {
        const char *script;
        ws_status status;
    } ends[] = {{"close", WS_ERR_CLOSED}, {"utf8", WS_ERR_UTF8}, {"opcode", WS_ERR_PROTOCOL}, {NULL, WS_ERR_ABORTED}};
    unsigned how = draw(&self->random, sizeof ends / sizeof ends[0]);
    STEER("connection %u", who->connection);
    if (ends[how].script == NULL) {
        CHECK_OK(ws_abort(who->peer.session));
    } else {
        release_all(self, who);
        write_other(&who->peer, ends[how].script);
        release(&who->peer, who->peer.bytes - who->peer.released);
    }
    member *ended;
    do {
        wait_readable(self->fd);
        ended = receive_one(self, 0, ends[how].status);
    } while (ended == NULL);
    CHECK(ended == who);
    CHECK_EQ(waiting(&who->peer), 0);
    who->has_ended = 1;
    CHECK_EQ(ws_group_size(self->group), MEMBERS - 1);
    ws_session_free(who->peer.session);
    enter(self, who);
}

static void client_acts(run *self)
{
    ws_status expected = all_waiting(self) > 0 ? WS_OK : WS_ERR_TIMEOUT;
    switch (draw(&self->random, 6)) {
    case 0:
        CHECK_EQ(ws_group_event_fd(self->group), self->fd);
        break;
    case 1:
        if (expected == WS_OK)
            break;
        CHECK_OK(ws_group_interrupt(self->group));
        ws_session *session;
        ws_frame *frame;
        CHECK_STATUS(ws_group_recv(self->group, &session, &frame, -1), WS_ERR_INTERRUPTED);
        break;
    case 2:
        receive_one(self, expected == WS_OK ? -1 : 1, expected);
        break;
    default:
        receive_one(self, 0, expected);
    }
}

static void random_run(transport how, unsigned seed, unsigned *connections)
{
    static run self;
    memset(&self, 0, sizeof self);
    self.how = how;
    self.random.state = seed;
    self.connections = *connections;
    self.group = ws_group_new();
    self.config = ws_config_new();
    CHECK(self.group != NULL && self.config != NULL);
    CHECK_OK(ws_config_set_group(self.config, self.group));
    for (int i = 0; i < MEMBERS; i++)
        enter(&self, &self.members[i]);
    /* With or without messages that wait. */
    if (draw(&self.random, 2) == 0)
        server_acts(&self, &self.members[0]);
    self.fd = ws_group_event_fd(self.group);
    CHECK(self.fd >= 0);
    compare(&self);
    for (int step = 0; step < STEPS; step++) {
        member *who = &self.members[draw(&self.random, MEMBERS)];
        unsigned what = draw(&self.random, 20);
        if (what == 0)
            end_member(&self, who);
        else if (what < 8)
            server_acts(&self, who);
        compare(&self);
        client_acts(&self);
        compare(&self);
    }
    while (all_waiting(&self) > 0) {
        receive_one(&self, 0, WS_OK);
        compare(&self);
    }
    /* Its sessions end with it, and its descriptor is closed. */
    ws_config_free(self.config);
    int watching = watch_by_epoll(self.fd);
    ws_group_free(self.group);
    expect_gone(watching, self.fd);
    for (int i = 0; i < MEMBERS; i++) {
        CHECK_OK(ws_wait_closed(self.members[i].peer.session, PATIENCE_MS));
        CHECK_STATUS(ws_error_status(ws_session_error(self.members[i].peer.session)), WS_ERR_ABORTED);
        ws_session_free(self.members[i].peer.session);
    }
    *connections = self.connections;
}

/* While nobody receives, the library's threads read the sockets of the group. The descriptor is readable all the while. */
static void nobody_receives(transport how, unsigned *connections)
{
    ws_group *group = ws_group_new();
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_group(config, group));
    int fd = ws_group_event_fd(group);
    ws_session *first = connect_steered(how, config), *second = connect_steered(how, config);
    ws_config_free(config);
    unsigned of_first = (*connections)++, of_second = (*connections)++;
    STEER("connection %u", of_first);
    STEER("texts 1");
    wait_readable(fd);
    STEER("connection %u", of_second);
    for (int round = 0; round < 60; round++) {
        STEER("texts 1");
        for (int i = 0; i < 3000; i++)
            CHECK(is_readable(fd));
    }
    ws_group_free(group);
    ws_session_free(first);
    ws_session_free(second);
}

int main(int argc, char **argv)
{
    unsigned seed = seed_of(argc, argv), connections = 0;
    unsigned runs = argc > 2 ? (unsigned)atoi(argv[2]) : 20;
    for (unsigned i = 0; i < runs; i++)
        random_run(i % 2 == 0 ? PLAIN : TLS, seed + i, &connections);
    for (transport how = PLAIN; how <= TLS; how++)
        nobody_receives(how, &connections);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
