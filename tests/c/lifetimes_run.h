/* A run of lifetimes.c: the functions of the application, one of which does something, and the objects. */

#ifndef LIFETIMES_RUN_H
#define LIFETIMES_RUN_H

#include "steered.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* The application's functions. */
typedef enum place {
    AUTH,
    OFFER,
    NEGOTIATE,
    ON_OPEN,
    FILTER,
    ENCODE,
    DECODE,
    ON_FRAME,
    ON_WRITABLE,
    DECIDE,
    PREPARE,
    ON_CLOSE,
    RECV_CALLBACK_END,
    RECEIVER_DROP,
    INSTANCE_DROP,
    RELEASE,
    DROP,
    LOG,
    PLACES
} place;

static const char *const place_names[PLACES] = {"auth",
                                                "offer",
                                                "negotiate",
                                                "on_open",
                                                "filter",
                                                "encode",
                                                "decode",
                                                "on_frame",
                                                "on_writable",
                                                "decide",
                                                "prepare",
                                                "on_close",
                                                "the last call of ws_recv_callback's function",
                                                "drop of ws_recv_callback",
                                                "drop of an instance",
                                                "release",
                                                "drop",
                                                "log"};

typedef struct run {
    place place;
    const struct action *action;
    int takes_recv_callback;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* How often each function was called. */
    unsigned counts[PLACES];
    int has_acted;
    /* The handle was freed, or the end begun, by what was done. */
    atomic_int is_freed, is_ending;
    /* Another handle. */
    ws_session *kept;
    /* The objects; NULL once they are freed. */
    ws_config *config;
    ws_group *group;
    ws_cookie_jar *jar;
    ws_error *error;
    ws_frame *frame;
} run;

typedef enum subject { SESSION, OBJECT, LIBRARY } subject;

typedef struct action {
    const char *name;
    void (*act)(run *self, ws_session *session);
    /* One on a session is for functions that are given one. */
    subject subject;
} action;

static run *current;
/* Where frames come from that are freed elsewhere. */
static ws_session *frame_source;

static inline void act_in(run *self, place where, ws_session *session)
{
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    int acts = self->place == where && !self->has_acted;
    self->has_acted |= acts;
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
    if (acts)
        self->action->act(self, session);
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    self->counts[where]++;
    CHECK_EQ(pthread_cond_broadcast(&self->changed), 0);
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
}

static inline unsigned count_of(run *self, place where)
{
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    unsigned count = self->counts[where];
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
    return count;
}

/* Returns once the function was called, or the session has ended where `or_end` is set. */
static inline void wait_for_call(run *self, place where, int or_end)
{
    struct timespec limit;
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &limit), 0);
    limit.tv_sec += PATIENCE_MS / 1000;
    CHECK_EQ(pthread_mutex_lock(&self->lock), 0);
    while (self->counts[where] == 0 &&
           !(or_end && (self->counts[ON_CLOSE] > 0 || atomic_load(&self->is_freed) || atomic_load(&self->is_ending))))
        if (pthread_cond_timedwait(&self->changed, &self->lock, &limit) != 0) {
            fprintf(stderr, "%s was not called\n", place_names[where]);
            abort();
        }
    CHECK_EQ(pthread_mutex_unlock(&self->lock), 0);
}

/* Whether the session is the run's to go on with. */
static inline int goes_on(run *self)
{
    return !atomic_load(&self->is_freed) && !atomic_load(&self->is_ending) && count_of(self, ON_CLOSE) == 0;
}

#endif
