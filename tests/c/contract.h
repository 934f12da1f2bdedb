/* Holding an event descriptor to its contract. */

#ifndef CONTRACT_H
#define CONTRACT_H

#include "watching.h"

/* A session that one thread receives from, and its descriptor. */
typedef struct watched {
    scripted peer;
    generator random;
    int fd;
    /* The end that has been seen, or WS_OK. */
    ws_status end;
    /* The descriptor was wrong. */
    int has_lapsed;
    /* Of the script's bytes, those that the client's kernel had given to the library when it was last seen empty. */
    uint64_t drained;
} watched;

/* The library may be reading in the application's place just when the test looks at the descriptor: then the message is
 * no longer in the socket and not yet in the queue. Such a moment does not come again in the same place, whereas a
 * descriptor that is wrong is so in each of the runs. A run is 1 when the descriptor was right. */
#define UNLESS_LAPSED(run)                                                                                             \
    do {                                                                                                               \
        int tries_left = 3;                                                                                            \
        while (!(run)) {                                                                                               \
            fprintf(stderr, "%s:%d: the descriptor was wrong: %s\n", __FILE__, __LINE__, #run);                        \
            CHECK(--tries_left > 0);                                                                                   \
        }                                                                                                              \
    } while (0)

/* What a call must return that does not wait: a message, the end, or nothing. */
static inline ws_status expected(const watched *self)
{
    return waiting(&self->peer) > 0 ? WS_OK : self->end != WS_OK ? self->end : WS_ERR_TIMEOUT;
}

/* The descriptor was wrong. */
static inline void lapse(watched *self, const char *what)
{
    if (!self->has_lapsed)
        fprintf(stderr, "with %u messages waiting, %s\n", waiting(&self->peer), what);
    self->has_lapsed = 1;
}

/* A call has just returned `status`, which took no message off the script yet; `said`: the descriptor was readable
 * before. Nothing was under way. */
static inline void judge(watched *self, int said, ws_status status)
{
    if (status != WS_ERR_TIMEOUT) {
        CHECK_STATUS(status, expected(self));
        if (!said)
            lapse(self, "the descriptor was not readable");
        return;
    }
    CHECK_STATUS(self->end, WS_OK);
    int says = is_readable(self->fd);
    if (waiting(&self->peer) > 0) {
        /* It has read enough for one call. */
        if (!says)
            lapse(self, "the descriptor is not readable");
        return;
    }
    if (says) {
        /* A call that emptied the socket and gave a message leaves it to the next one to say that there is nothing, and
         * bytes may have come in between. The one behind that finds them. */
        CHECK_STATUS(receive_now(self->peer.session), WS_ERR_TIMEOUT);
        if (is_readable(self->fd))
            lapse(self, "the descriptor stays readable");
    }
    self->drained = self->peer.released;
}

static inline ws_status take_one(watched *self)
{
    ws_frame *frame = NULL;
    int said = is_readable(self->fd);
    ws_status status = ws_recv(self->peer.session, &frame, 0);
    judge(self, said, status);
    if (status == WS_OK)
        expect_next_frame(&self->peer, frame);
    return status;
}

/* Receives until there is nothing, as an event loop does. */
static inline void take_all(watched *self)
{
    while (take_one(self) == WS_OK || (waiting(&self->peer) > 0 && self->end == WS_OK))
        ;
}

/* Whatever the descriptor was, it goes on. */
static inline void recover(watched *self)
{
    if (!self->has_lapsed)
        return;
    while (waiting(&self->peer) > 0) {
        ws_frame *frame = NULL;
        CHECK_OK(receive_watching(self->peer.session, self->fd, &frame));
        expect_next_frame(&self->peer, frame);
    }
    expect_nothing_more(self->peer.session, self->fd);
    self->drained = self->peer.released;
}

/* Writes down what the server is to send next. */
static inline void write_something(watched *self)
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

/* How many bytes of what is written the server is to send now. */
static inline uint64_t some_bytes(watched *self)
{
    uint64_t left = self->peer.bytes - self->peer.released, count = left;
    switch (draw(&self->random, 4)) {
    case 0:
        return 1;
    case 1:
        return 1 + draw(&self->random, (unsigned)left);
    case 2:
        /* Up to the last byte of a message, or into the header of the one behind it. */
        if (self->peer.sent < self->peer.written)
            count = self->peer.ends[self->peer.sent] - self->peer.released + draw(&self->random, 3) - 1;
        return count == 0 || count > left ? left : count;
    default:
        return left;
    }
}

/* The server sends something, and nothing of that is on its way any more. */
static inline void send_something(watched *self)
{
    /* So much a socket holds that nobody reads. */
    enum { ROOM = 32768 };
    while (self->peer.bytes == self->peer.released || draw(&self->random, 3) == 0)
        write_something(self);
    release(&self->peer, some_bytes(self));
    while (self->peer.released - self->drained > ROOM && waiting(&self->peer) > 0) {
        ws_frame *frame = NULL;
        CHECK_OK(receive_watching(self->peer.session, self->fd, &frame));
        expect_next_frame(&self->peer, frame);
    }
    arrive();
}

#endif
