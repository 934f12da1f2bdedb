/* Sessions under everything at once: threads that send and receive in every way, interrupt, go away for a while, close,
 * abort and free. What comes back must be whole, in each sender's order and complete, and every call must return.
 *
 *     stress [ROUNDS [SEED]]
 */

#define _GNU_SOURCE
#include "messages.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

enum { SENDERS = 4, RECEIVERS = 3, MESSAGES = 300, BATCH = 8, ROUNDS = 120, BURST = 2000 };

/* How a round ends. */
typedef enum ending { CLOSE_AFTER, CLOSE_AMIDST, ABORT, FREE, ENDINGS } ending;

typedef struct round {
    ws_session *session;
    ending how;
    bool interrupts;
    unsigned senders, receivers;
    /* The end has begun; from now on calls may say so. */
    atomic_bool ends;
    atomic_bool disturbs;
    atomic_uint accepted, received;
    atomic_bool seen[SENDERS][MESSAGES];
} round_state;

typedef struct worker {
    pthread_t thread;
    round_state *round;
    ws_session *session;
    unsigned number;
    chance dice;
} worker;

/* For the watcher: calls that have returned, of all threads. */
static atomic_uint returned;

/* Messages that came back, and how often a receiver was away: the library's driver then takes over. */
static unsigned messages_received;
static atomic_uint absences;

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    CHECK_EQ(pthread_create(thread, NULL, run, argument), 0);
}

static void join(pthread_t thread)
{
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static struct timespec after_ms(long ms)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Does something else for a while. */
static void be_away(long ms)
{
    atomic_fetch_add(&absences, 1);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    struct timespec until = after_ms(ms);
    pthread_mutex_lock(&mutex);
    while (pthread_cond_timedwait(&never, &mutex, &until) != ETIMEDOUT)
        continue;
    pthread_mutex_unlock(&mutex);
}

/* Ends the program when no call returns any more. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
} watch = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

static void *watch_calls(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&watch.mutex);
    while (!watch.done) {
        unsigned before = atomic_load(&returned);
        struct timespec until = after_ms(PATIENCE_MS);
        while (!watch.done && pthread_cond_timedwait(&watch.changed, &watch.mutex, &until) == 0)
            continue;
        if (!watch.done && atomic_load(&returned) == before) {
            fprintf(stderr, "stress: some call does not return\n");
            abort();
        }
    }
    pthread_mutex_unlock(&watch.mutex);
    return NULL;
}

/* Whether a status that every call can have was one: an interrupt, or the end. */
static bool is_common(round_state *round, ws_status status, bool *over)
{
    atomic_fetch_add(&returned, 1);
    if (status == WS_ERR_INTERRUPTED) {
        CHECK(round->interrupts);
        return true;
    }
    *over = status == WS_ERR_CLOSED || status == WS_ERR_ABORTED;
    if (*over) {
        CHECK(atomic_load(&round->ends));
        CHECK_STATUS(status, round->how == CLOSE_AFTER || round->how == CLOSE_AMIDST ? WS_ERR_CLOSED : WS_ERR_ABORTED);
    }
    return *over;
}

/* One of several, but for the round that has to end by itself. */
static int64_t some_timeout(worker *self)
{
    static const int64_t timeouts[] = {-1, 0, 1, 20};
    unsigned first = self->round->how == FREE ? 1 : 0;
    return timeouts[first + below(&self->dice, 4 - first)];
}

static void *send_all(void *argument)
{
    worker *self = argument;
    round_state *round = self->round;
    char *memory = malloc((size_t)BATCH * (LARGEST_MESSAGE + 1));
    CHECK(memory != NULL);
    unsigned next = 0;
    bool over = false;
    while (!over && next < MESSAGES && !(round->how == FREE && atomic_load(&round->ends))) {
        ws_message messages[BATCH];
        unsigned count = below(&self->dice, 4) == 0 ? 1 + below(&self->dice, BATCH) : 1;
        count = count < MESSAGES - next ? count : MESSAGES - next;
        char *at = memory;
        for (unsigned i = 0; i < count; i++) {
            size_t size = write_message(at, self->number, next + i, body_size(&self->dice));
            uint32_t flags = below(&self->dice, 3) == 0 ? WS_SEND_CORK : 0;
            messages[i] = (ws_message){.data = at, .size = size, .type = type_of(next + i), .flags = flags};
            at += size;
        }

        int64_t timeout = some_timeout(self);
        size_t accepted = 0;
        ws_status status;
        if (count > 1) {
            status = ws_send_batch(self->session, messages, count, &accepted, timeout);
            CHECK(status != WS_OK || accepted == count);
        } else {
            status = ws_send(self->session, messages->type, messages->data, messages->size, messages->flags, timeout);
            accepted = status == WS_OK;
        }
        next += (unsigned)accepted;
        atomic_fetch_add(&round->accepted, (unsigned)accepted);
        if (!is_common(round, status, &over) && status != WS_ERR_TIMEOUT)
            CHECK_OK(status);
        if (status == WS_ERR_TIMEOUT)
            CHECK(timeout >= 0);

        if (!over && below(&self->dice, 16) == 0) {
            status = ws_flush(self->session, timeout);
            CHECK(is_common(round, status, &over) || status == WS_OK || status == WS_ERR_TIMEOUT);
        }
    }
    free(memory);
    ws_session_free(self->session);
    return NULL;
}

/* What a receiver has seen: the next number of each sender, at least. */
static void note(round_state *round, unsigned *next, const void *message, size_t size, uint32_t type)
{
    unsigned sender = SENDERS, number = MESSAGES;
    read_message(message, size, type, &sender, &number);
    CHECK(sender < round->senders && number < MESSAGES);
    CHECK(number >= next[sender]);
    next[sender] = number + 1;
    CHECK(!atomic_exchange(&round->seen[sender][number], true));
    atomic_fetch_add(&round->received, 1);
}

static void *receive_all(void *argument)
{
    worker *self = argument;
    round_state *round = self->round;
    unsigned next[SENDERS] = {0};
    char *buffer = malloc(LARGEST_MESSAGE);
    CHECK(buffer != NULL);
    size_t needed = 0;
    bool over = false;
    while (!over && !(round->how == FREE && atomic_load(&round->ends))) {
        int64_t timeout = some_timeout(self);
        ws_frame *frames[BATCH];
        size_t count = 0, size = 0;
        uint32_t type = 0;
        ws_status status;
        switch (needed > 0 ? 2 : below(&self->dice, 4)) {
        case 0:
            status = ws_recv_batch(self->session, frames, BATCH, &count, timeout);
            CHECK(status != WS_OK || (count > 0 && count <= BATCH));
            break;
        case 1:
        case 2: {
            size_t capacity = needed > 0 ? needed : below(&self->dice, 2) == 0 ? 100 : LARGEST_MESSAGE;
            status = ws_recv_into(self->session, buffer, capacity, &size, &type, timeout);
            needed = 0;
            if (status == WS_OK)
                note(round, next, buffer, size, type);
            if (status == WS_ERR_BUFFER_TOO_SMALL) {
                CHECK(size > capacity && size <= LARGEST_MESSAGE);
                needed = size;
                atomic_fetch_add(&returned, 1);
                continue;
            }
            break;
        }
        default:
            status = ws_recv(self->session, frames, timeout);
            count = status == WS_OK;
            break;
        }
        for (size_t i = 0; i < count; i++) {
            note(round, next, frames[i]->data, frames[i]->size, frames[i]->type);
            ws_frame_free(frames[i]);
        }
        if (!is_common(round, status, &over) && status != WS_ERR_TIMEOUT)
            CHECK_OK(status);
        if (status == WS_ERR_TIMEOUT)
            CHECK(timeout >= 0);
        if (below(&self->dice, 64) == 0)
            be_away(1 + below(&self->dice, 12));
    }
    free(buffer);
    ws_session_free(self->session);
    return NULL;
}

static void *disturb(void *argument)
{
    worker *self = argument;
    round_state *round = self->round;
    while (atomic_load(&round->disturbs)) {
        be_away(1 + below(&self->dice, 4));
        if (round->interrupts)
            CHECK_OK(ws_interrupt(self->session));
        ws_session *other = ws_session_ref(self->session);
        CHECK(other != NULL);
        CHECK(ws_state(other) != WS_STATE_CONNECTING);
        CHECK(ws_buffered_amount(other) < SIZE_MAX);
        ws_session_free(other);
    }
    ws_session_free(self->session);
    return NULL;
}

static void start_worker(worker *self, round_state *round, unsigned number, void *(*run)(void *), chance *dice)
{
    *self = (worker){.round = round, .session = ws_session_ref(round->session), .number = number, .dice = {roll(dice)}};
    CHECK(self->session != NULL);
    start(&self->thread, run, self);
}

static ws_session *connect_somehow(chance *dice, const char *path)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_coalescing(config, (int32_t)below(dice, 2)));
    if (below(dice, 2) == 0)
        CHECK_OK(ws_config_set_incoming_queue(config, 1 + below(dice, 16), 0, WS_QUEUE_WAIT));
    if (below(dice, 2) == 0)
        CHECK_OK(ws_config_set_outgoing_queue(config, 0, 1 + below(dice, 64 * 1024), WS_QUEUE_WAIT));
    if (below(dice, 4) == 0)
        CHECK_OK(ws_config_set_auto_fragment(config, 1024 + below(dice, 4096)));
    if (below(dice, 4) == 0)
        CHECK_OK(ws_config_set_spin_us(config, 20));
    ws_session *session = connect_with(below(dice, 2) == 0 ? PLAIN : TLS, path, config);
    ws_config_free(config);
    return session;
}

static void wait_closed(round_state *round)
{
    ws_status status;
    while ((status = ws_wait_closed(round->session, -1)) == WS_ERR_INTERRUPTED)
        CHECK(round->interrupts);
    CHECK_OK(status);
    CHECK_EQ(ws_state(round->session), WS_STATE_CLOSED);
}

static void run_round(chance *dice, ending how)
{
    round_state *round = calloc(1, sizeof *round);
    CHECK(round != NULL);
    round->session = connect_somehow(dice, "");
    round->how = how;
    round->interrupts = below(dice, 2) == 0;
    round->senders = 1 + below(dice, SENDERS);
    round->receivers = 1 + below(dice, RECEIVERS);
    atomic_store(&round->disturbs, true);

    worker senders[SENDERS], receivers[RECEIVERS], disturber;
    for (unsigned i = 0; i < round->receivers; i++)
        start_worker(&receivers[i], round, i, receive_all, dice);
    for (unsigned i = 0; i < round->senders; i++)
        start_worker(&senders[i], round, i, send_all, dice);
    start_worker(&disturber, round, 0, disturb, dice);

    if (how != CLOSE_AFTER) {
        /* Somewhere in the middle, by what has come back. */
        unsigned enough = below(dice, round->senders * MESSAGES / 2);
        while (atomic_load(&round->received) < enough)
            be_away(1);
        atomic_store(&round->ends, true);
        if (how == CLOSE_AMIDST)
            CHECK_OK(ws_close(round->session, WS_CLOSE_NORMAL, NULL, 0));
        if (how == ABORT)
            CHECK_OK(ws_abort(round->session));
        if (how == FREE) {
            ws_session_free(round->session);
            round->session = NULL;
        }
    }
    for (unsigned i = 0; i < round->senders; i++)
        join(senders[i].thread);
    if (how == CLOSE_AFTER) {
        atomic_store(&round->ends, true);
        CHECK_OK(ws_close(round->session, WS_CLOSE_NORMAL, NULL, 0));
    }
    for (unsigned i = 0; i < round->receivers; i++)
        join(receivers[i].thread);
    if (how != FREE)
        wait_closed(round);
    atomic_store(&round->disturbs, false);
    join(disturber.thread);

    unsigned accepted = atomic_load(&round->accepted), received = atomic_load(&round->received);
    CHECK(received <= accepted);
    messages_received += received;
    /* The server echoes all that was sent before our Close, and then answers that. */
    if (how == CLOSE_AFTER || how == CLOSE_AMIDST)
        CHECK_EQ(received, accepted);
    if (how == CLOSE_AFTER)
        CHECK_EQ(accepted, round->senders * MESSAGES);
    ws_session_free(round->session);
    free(round);
}

static void *receive_burst(void *argument)
{
    worker *self = argument;
    ws_frame *frame = NULL;
    long last = -1;
    ws_status status;
    while ((status = ws_recv(self->session, &frame, -1)) == WS_OK) {
        long number = strtol((const char *)frame->data, NULL, 10);
        CHECK(number > last);
        last = number;
        ws_frame_free(frame);
        atomic_fetch_add(&self->round->received, 1);
        atomic_fetch_add(&returned, 1);
        if (below(&self->dice, 256) == 0)
            be_away(1 + below(&self->dice, 12));
    }
    CHECK_STATUS(status, WS_ERR_CLOSED);
    ws_session_free(self->session);
    return NULL;
}

/* The server sends all by itself, and closes. */
static void run_burst(chance *dice)
{
    char path[32];
    snprintf(path, sizeof path, "burst/%d", BURST);
    round_state *round = calloc(1, sizeof *round);
    CHECK(round != NULL);
    round->session = connect_somehow(dice, path);
    unsigned count = 1 + below(dice, RECEIVERS);
    worker receivers[RECEIVERS];
    for (unsigned i = 0; i < count; i++)
        start_worker(&receivers[i], round, i, receive_burst, dice);
    for (unsigned i = 0; i < count; i++)
        join(receivers[i].thread);
    CHECK_EQ(atomic_load(&round->received), BURST);
    wait_closed(round);
    ws_session_free(round->session);
    free(round);
}

int main(int count, char **arguments)
{
    unsigned rounds = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : ROUNDS;
    struct timespec now = after_ms(0);
    uint64_t seed = (uint64_t)now.tv_sec * 1000000007U + (uint64_t)now.tv_nsec;
    if (count > 2)
        seed = strtoull(arguments[2], NULL, 10);
    printf("stress: %u rounds, seed %llu\n", rounds, (unsigned long long)seed);
    fflush(stdout);

    make_letters();
    pthread_t watcher;
    start(&watcher, watch_calls, NULL);
    chance dice = {seed};
    for (unsigned i = 0; i < rounds; i++) {
        run_round(&dice, (ending)(i % ENDINGS));
        if (i % ENDINGS == 0)
            run_burst(&dice);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    printf("stress: %u messages came back, %u absences, %u calls\n", messages_received, atomic_load(&absences),
           atomic_load(&returned));

    pthread_mutex_lock(&watch.mutex);
    watch.done = true;
    pthread_cond_signal(&watch.changed);
    pthread_mutex_unlock(&watch.mutex);
    join(watcher);
    return 0;
}
