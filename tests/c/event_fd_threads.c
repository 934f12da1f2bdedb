/* Several threads watch one event descriptor, or wait in ws_recv beside it: every message comes to one of them, and
 * when all have come the descriptor says nothing. event_fd_threads [SEED [RUNS]] */

#define _GNU_SOURCE
#include "contract.h"
#include "threads.h"

enum { THREADS = 3, ROUNDS = 12 };

typedef struct receiver {
    pthread_t thread;
    ws_session *session;
    int fd;
    /* It waits in ws_recv. */
    int waits;
    ws_status end;
} receiver;

static atomic_uint received;
static pthread_mutex_t received_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t received_more = PTHREAD_COND_INITIALIZER;

static void *receive_to_the_end(void *argument)
{
    receiver *self = argument;
    do {
        ws_frame *frame = NULL;
        self->end =
            self->waits ? ws_recv(self->session, &frame, -1) : receive_watching(self->session, self->fd, &frame);
        if (self->end == WS_OK) {
            CHECK_EQ(frame->type, WS_FRAME_TEXT);
            CHECK_EQ(pthread_mutex_lock(&received_lock), 0);
            received++;
            CHECK_EQ(pthread_cond_signal(&received_more), 0);
            CHECK_EQ(pthread_mutex_unlock(&received_lock), 0);
        }
        ws_frame_free(frame);
    } while (self->end == WS_OK);
    return NULL;
}

static void wait_for_received(unsigned count)
{
    struct timespec until;
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &until), 0);
    until.tv_sec += PATIENCE_MS / 1000;
    CHECK_EQ(pthread_mutex_lock(&received_lock), 0);
    while (received < count)
        CHECK_EQ(pthread_cond_timedwait(&received_more, &received_lock, &until), 0);
    CHECK_EQ(received, count);
    CHECK_EQ(pthread_mutex_unlock(&received_lock), 0);
}

static void random_run(transport how, unsigned waiting_threads, unsigned seed)
{
    static watched self;
    memset(&self, 0, sizeof self);
    begin_script(&self.peer, connect_steered(how, NULL));
    self.random.state = seed;
    self.fd = event_fd_of(self.peer.session);
    received = 0;
    receiver receivers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        receivers[i] = (receiver){.session = self.peer.session, .fd = self.fd, .waits = i < waiting_threads};
        start(&receivers[i].thread, receive_to_the_end, &receivers[i]);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 1 + draw(&self.random, 6); i > 0; i--)
            write_something(&self);
        while (self.peer.bytes > self.peer.released)
            release(&self.peer, some_bytes(&self));
        wait_for_received(self.peer.sent);
        /* What it says now is false at most once more. */
        exchange_ping(&self.peer);
        while (is_readable(self.fd))
            sched_yield();
    }
    STEER("close 1000");
    for (unsigned i = 0; i < THREADS; i++) {
        join(receivers[i].thread);
        CHECK_STATUS(receivers[i].end, WS_ERR_CLOSED);
    }
    CHECK(is_readable(self.fd));
    CHECK_EQ(received, self.peer.sent);
    free_watched(self.peer.session);
}

int main(int argc, char **argv)
{
    unsigned seed = seed_of(argc, argv);
    unsigned runs = argc > 2 ? (unsigned)atoi(argv[2]) : 16;
    for (unsigned i = 0; i < runs; i++)
        random_run(i % 2 == 0 ? PLAIN : TLS, i / 2 % THREADS, seed + i);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
