/* Threads that wait in a call of the library. */

#ifndef THREADS_H
#define THREADS_H

#include "check.h"
#include <dirent.h>
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

/* What all other threads of the process do, in `picture`. Returns whether all of them sleep. */
static inline int look_at_threads(char *picture, size_t room)
{
    size_t used = 0;
    int all_sleep = 1;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char path[300], line[128];
        if (task->d_name[0] == '.' || atoi(task->d_name) == (int)gettid())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *file = fopen(path, "r");
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            if (strncmp(line, "State:", 6) == 0)
                all_sleep &= strncmp(line, "State:\tS", 8) == 0;
            if (strncmp(line, "Pid:", 4) == 0 || strstr(line, "voluntary_ctxt_switches:") != NULL)
                used += (size_t)snprintf(picture + used, room - used, "%s", line);
            CHECK(used < room);
        }
        if (file != NULL)
            fclose(file);
    }
    closedir(tasks);
    return all_sleep;
}

/* Returns once the thread sleeps inside the one call it makes. No thread runs then, and none has since the look before:
 * so it does not just wait for a lock. */
static inline void wait_until_blocked(caller *self)
{
    char before[4096] = "", now[4096] = "";
    while (atomic_load(&self->thread_id) == 0)
        sched_yield();
    while (!look_at_threads(now, sizeof now) || strcmp(before, now) != 0) {
        strcpy(before, now);
        sched_yield();
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
