/* Threads that wait in a call of the library. */

#ifndef THREADS_H
#define THREADS_H

#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

static inline void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    CHECK_EQ(pthread_create(thread, NULL, run, argument), 0);
}

static inline void join(pthread_t thread)
{
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

/* A thread that makes one call on a session. */
typedef struct caller {
    pthread_t thread;
    ws_session *session;
    ws_status (*call)(ws_session *session);
    atomic_int thread_id;
    ws_status status;
} caller;

static inline void *make_the_call(void *argument)
{
    caller *self = argument;
    atomic_store(&self->thread_id, (int)gettid());
    self->status = self->call(self->session);
    return NULL;
}

/* Returns once the thread sleeps in the kernel: the only place it does so is inside the one call it makes. */
static inline void wait_until_blocked(caller *self)
{
    char state = '?';
    while (state != 'S') {
        sched_yield();
        int thread_id = atomic_load(&self->thread_id);
        if (thread_id == 0)
            continue;
        char path[64];
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread_id);
        FILE *file = fopen(path, "r");
        CHECK(file != NULL);
        CHECK_EQ(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
        fclose(file);
    }
}

static inline void start_call(caller *self, ws_status (*call)(ws_session *), ws_session *session)
{
    *self = (caller){.session = session, .call = call};
    start(&self->thread, make_the_call, self);
}

static inline void start_blocked(caller *self, ws_status (*call)(ws_session *), ws_session *session)
{
    start_call(self, call, session);
    wait_until_blocked(self);
}

static inline void expect_result(caller *self, ws_status expected)
{
    join(self->thread);
    CHECK_STATUS(self->status, expected);
}

/* The calls. */

static inline ws_status receive(ws_session *session)
{
    ws_frame *frame = NULL;
    ws_status status = ws_recv(session, &frame, -1);
    ws_frame_free(frame);
    return status;
}

static inline ws_status receive_into(ws_session *session)
{
    char buffer[64];
    size_t size;
    return ws_recv_into(session, buffer, sizeof buffer, &size, NULL, -1);
}

static inline ws_status receive_batch(ws_session *session)
{
    ws_frame *frames[8];
    size_t count = 0;
    ws_status status = ws_recv_batch(session, frames, 8, &count, -1);
    while (count > 0)
        ws_frame_free(frames[--count]);
    return status;
}

static inline ws_status flush(ws_session *session)
{
    return ws_flush(session, -1);
}

static inline ws_status wait_closed(ws_session *session)
{
    return ws_wait_closed(session, -1);
}

#endif
