/* Callbacks that write down what they are called for, and what a test has them do. */

#ifndef RECORDING_H
#define RECORDING_H

#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

/* What has been called: o for on_open, f for on_frame, w for on_writable, c for on_close, d for drop, and n for the
 * NULL frame of ws_recv_callback. */
typedef struct record {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* The letters in order, repeated ones once. */
    char calls[64];
    unsigned counts[128];
    /* Calls under way, which may be several only where sessions share the record. */
    unsigned inside;
    int is_shared;
    /* Of the last on_close. */
    ws_status status;
    pthread_t creator;
    /* What the callbacks do besides, the letter saying which one it is; may be NULL. */
    void (*act)(struct record *self, char what, ws_session *session, const ws_frame *frame);
    /* Whatever the test needs. */
    sem_t here, go_on;
    unsigned number;
    ws_session *session, *other;
    const char *text;
} record;

static inline record *new_record(void (*act)(record *, char, ws_session *, const ws_frame *))
{
    record *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    CHECK_EQ(pthread_mutex_init(&self->lock, NULL), 0);
    CHECK_EQ(pthread_cond_init(&self->changed, NULL), 0);
    CHECK_EQ(sem_init(&self->here, 0, 0), 0);
    CHECK_EQ(sem_init(&self->go_on, 0, 0), 0);
    self->creator = pthread_self();
    self->act = act;
    return self;
}

/* On a thread of the library, which has no signals to handle. */
static inline void check_thread(const record *self)
{
    char name[32];
    sigset_t blocked;
    CHECK(!pthread_equal(pthread_self(), self->creator));
    CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    CHECK_STR(name, "ktorws");
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
    CHECK_EQ(sigismember(&blocked, SIGUSR1), 1);
    CHECK_EQ(sigismember(&blocked, SIGTERM), 1);
}

static inline void begin_call(record *self)
{
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    CHECK_EQ(self->counts['d'], 0);
    self->inside++;
    CHECK(self->is_shared || self->inside == 1);
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
}

static inline void end_call(record *self, char what)
{
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    size_t length = strlen(self->calls);
    if (length == 0 || self->calls[length - 1] != what) {
        CHECK(length + 1 < sizeof self->calls);
        self->calls[length] = what;
    }
    self->counts[(unsigned char)what]++;
    self->inside--;
    CHECK_EQ(pthread_cond_broadcast(&self->changed), 0);
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
}

static inline void note_call(record *self, char what, ws_session *session, const ws_frame *frame)
{
    begin_call(self);
    check_thread(self);
    if (self->act != NULL)
        self->act(self, what, session, frame);
    end_call(self, what);
}

static inline void note_open(ws_session *session, void *self)
{
    note_call(self, 'o', session, NULL);
}

static inline void note_frame(ws_session *session, const ws_frame *frame, void *self)
{
    note_call(self, frame == NULL ? 'n' : 'f', session, frame);
}

static inline void note_writable(ws_session *session, void *self)
{
    note_call(self, 'w', session, NULL);
}

static inline void note_close(ws_session *session, ws_status status, void *self)
{
    ((record *)self)->status = status;
    note_call(self, 'c', session, NULL);
}

/* It may come on any thread: that of the last session's end, or whoever frees the last configuration. */
static inline void note_drop(void *self)
{
    begin_call(self);
    end_call(self, 'd');
}

/* A configuration with these callbacks: all of them, or all but on_frame. */
static inline ws_config *record_all(record *self)
{
    const ws_callbacks callbacks = {.struct_size = sizeof callbacks,
                                    .on_open = note_open,
                                    .on_frame = note_frame,
                                    .on_writable = note_writable,
                                    .on_close = note_close,
                                    .drop = note_drop};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, self));
    return config;
}

static inline ws_config *record_all_but_frames(record *self)
{
    const ws_callbacks callbacks = {.struct_size = sizeof callbacks,
                                    .on_open = note_open,
                                    .on_writable = note_writable,
                                    .on_close = note_close,
                                    .drop = note_drop};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, self));
    return config;
}

/* Returns once it has been called so often. */
static inline void wait_for_calls(record *self, char what, unsigned count)
{
    struct timespec limit;
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &limit), 0);
    limit.tv_sec += PATIENCE_MS / 1000;
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    while (self->counts[(unsigned char)what] < count) {
        if (pthread_cond_timedwait(&self->changed, &self->lock, &limit) == ETIMEDOUT) {
            fprintf(stderr, "%c was called %u times in place of %u: %s\n", what, self->counts[(unsigned char)what],
                    count, self->calls);
            abort();
        }
    }
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
}

static inline unsigned count_calls(record *self, char what)
{
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    unsigned count = self->counts[(unsigned char)what];
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
    return count;
}

/* Returns once the user data is dropped, which must have been the last of these calls, and frees the record: a call
 * that is still to come uses memory that is not there. */
static inline void expect_calls(record *self, const char *calls)
{
    wait_for_calls(self, 'd', 1);
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    CHECK_STR(self->calls, calls);
    CHECK(self->counts['o'] <= 1 || self->is_shared);
    CHECK(self->counts['c'] <= 1 || self->is_shared);
    CHECK_EQ(self->counts['d'], 1);
    CHECK_EQ(self->inside, 0);
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
    free(self);
}

static inline void wait_for(sem_t *semaphore)
{
    struct timespec limit;
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &limit), 0);
    limit.tv_sec += PATIENCE_MS / 1000;
    while (sem_timedwait(semaphore, &limit) != 0)
        CHECK_EQ(errno, EINTR);
}

#endif
