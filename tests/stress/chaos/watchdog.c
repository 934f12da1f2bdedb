/* Whether calls return, and in time.
 *
 * A yard-stick measures what the machine makes of a short sleep and a piece of work. What a call may be late by is a
 * multiple of the worst that the yard-stick has measured during the call, so that a loaded machine fails nothing. A
 * call that does not return at all ends the program, which says where all threads are. */

#define _GNU_SOURCE
#include "chaos.h"
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MEASURE_US = 2000,
    MEASURE_WORK = 100000,
    /* How many times what the yard-stick measured a call may be late by. */
    LATENESS = 200,
    /* For how many measures the yard-stick remembers. */
    MEASURES = 1024,
    WATCHED = 256,
    DEPTH = 4,
};

extern char **environ;

static uint64_t seed_of_run;
static atomic_bool done;
static pthread_t yardstick_thread, watchdog_thread;

/* When a measure ended, and how long it took. */
static struct {
    atomic_ullong end_ns, took_ns;
} measures[MEASURES];
static atomic_uint measured;
/* The worst ratio of lateness and yard-stick, in percent of what is allowed. */
static atomic_uint worst_percent;

typedef struct frame {
    const char *name;
    int64_t timeout_ms;
    uint64_t since_ns;
} frame;

/* The calls that a thread is in: a callback calls the library again. */
typedef struct thread_calls {
    atomic_bool used;
    frame frames[DEPTH];
    atomic_int depth;
    /* For the watchdog: since when the outermost call runs, 0 for none. */
    atomic_ullong since_ns;
} thread_calls;

static thread_calls all_calls[WATCHED];
static __thread thread_calls *own_calls;
static pthread_key_t key;

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void pause_us(unsigned us)
{
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        continue;
}

void start_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
    int failed = pthread_create(thread, NULL, run, argument);
    EXPECT(failed == 0, "no thread: %s", strerror(failed));
}

void join_thread(pthread_t thread)
{
    int failed = pthread_join(thread, NULL);
    EXPECT(failed == 0, "cannot join: %s", strerror(failed));
}

/* posix_spawn runs none of the handlers of fork, which may wait for a lock that is never released. */
static void print_stacks(long process)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%ld", process);
    char *arguments[] = {
        "gdb", "-p", pid, "-batch", "-nx", "-ex", "set pagination off", "-ex", "thread apply all bt 24", NULL};
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    pid_t child;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (posix_spawnp(&child, "gdb", &actions, NULL, arguments, environ) != 0) {
        fprintf(stderr, "chaos: no stacks without gdb\n");
        return;
    }
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
}

void fail(const char *file, int line, const char *condition, const char *format, ...)
{
    static atomic_flag failed = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&failed))
        for (;;)
            pause();
    fprintf(stderr, "%s:%d: failed: %s: ", file, line, condition);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nchaos: process %ld, seed %llu; threads in calls:", (long)getpid(),
            (unsigned long long)seed_of_run);
    uint64_t now = now_ns();
    for (unsigned i = 0; i < WATCHED; i++)
        for (int j = 0; j < atomic_load(&all_calls[i].depth) && j < DEPTH; j++)
            fprintf(stderr, "%s%s for %llu ms", j == 0 ? "\n    " : ", in it ", all_calls[i].frames[j].name,
                    (unsigned long long)(now - all_calls[i].frames[j].since_ns) / 1000000);
    fprintf(stderr, "\n");
    if (getenv("CHAOS_STACKS") == NULL || strcmp(getenv("CHAOS_STACKS"), "0") != 0)
        print_stacks((long)getpid());
    _exit(1);
}

void fail_of_child(long child, const char *what)
{
    print_stacks(child);
    fail(__FILE__, __LINE__, "a child ends", "a child that %s hangs", what);
}

static void leave_thread(void *calls)
{
    thread_calls *self = calls;
    atomic_store(&self->used, false);
}

static thread_calls *calls_of_thread(void)
{
    for (unsigned i = 0; own_calls == NULL && i < WATCHED; i++) {
        bool unused = false;
        if (atomic_compare_exchange_strong(&all_calls[i].used, &unused, true))
            own_calls = &all_calls[i];
    }
    EXPECT(own_calls != NULL, "more threads than are watched");
    pthread_setspecific(key, own_calls);
    return own_calls;
}

void enter_call(const char *name, int64_t timeout_ms)
{
    thread_calls *self = own_calls == NULL ? calls_of_thread() : own_calls;
    int depth = atomic_load_explicit(&self->depth, memory_order_relaxed);
    EXPECT(depth < DEPTH, "calls within calls: %s", name);
    uint64_t now = now_ns();
    self->frames[depth] = (frame){.name = name, .timeout_ms = timeout_ms, .since_ns = now};
    if (depth == 0)
        atomic_store(&self->since_ns, now);
    atomic_store(&self->depth, depth + 1);
}

/* The worst measure that was under way in a time. */
static uint64_t worst_since(uint64_t start)
{
    uint64_t worst = 0;
    unsigned last = atomic_load(&measured);
    for (unsigned i = 0; i < MEASURES && i < last; i++) {
        uint64_t took = atomic_load(&measures[(last - 1 - i) % MEASURES].took_ns);
        if (atomic_load(&measures[(last - 1 - i) % MEASURES].end_ns) < start)
            break;
        worst = took > worst ? took : worst;
    }
    return worst;
}

static void check_time(const frame *self, uint64_t now)
{
    uint64_t took = now - self->since_ns, timeout = (uint64_t)self->timeout_ms * 1000000;
    /* Less than a piece of the yard-stick is not late anywhere. */
    if (took <= timeout + MEASURE_US * UINT64_C(1000))
        return;
    uint64_t late = took - timeout;
    /* A measure that is under way may be the one that shows how busy the machine is. */
    unsigned before = atomic_load(&measured);
    uint64_t worst = worst_since(self->since_ns);
    while (late > LATENESS * worst && !atomic_load(&done) && atomic_load(&measured) < before + 2) {
        pause_us(MEASURE_US);
        worst = worst_since(self->since_ns);
    }
    if (worst == 0)
        return;
    EXPECT(late <= LATENESS * worst || atomic_load(&done),
           "%s took %.3f ms with a timeout of %lld ms; the yard-stick %.3f ms", self->name, (double)took / 1e6,
           (long long)self->timeout_ms, (double)worst / 1e6);
    unsigned percent = (unsigned)(late * 100 / (LATENESS * worst)), known = atomic_load(&worst_percent);
    while (percent > known && !atomic_compare_exchange_weak(&worst_percent, &known, percent))
        continue;
}

ws_status leave_call(ws_status status)
{
    uint64_t now = now_ns();
    thread_calls *self = own_calls;
    int depth = atomic_load_explicit(&self->depth, memory_order_relaxed) - 1;
    frame call = self->frames[depth];
    atomic_store(&self->depth, depth);
    if (depth == 0)
        atomic_store(&self->since_ns, 0);
    count(CALLS, 1);
    switch (status) {
    case WS_ERR_INVALID_ARGUMENT:
    case WS_ERR_UNSUPPORTED:
    case WS_ERR_FORKED:
    case WS_ERR_NO_MEMORY:
    case WS_ERR_INTERNAL:
    case WS_ERR_URL:
        EXPECT(false, "%s returned %s", call.name, ws_status_name(status));
    default:
        EXPECT(strcmp(ws_status_name(status), "WS_ERR_UNKNOWN") != 0, "%s returned %d", call.name, (int)status);
    }
    if (call.timeout_ms >= 0)
        check_time(&call, now);
    return status;
}

/* Sleeps a little and works a little, over and over. */
static void *measure(void *unused)
{
    (void)unused;
    static atomic_ullong result;
    chance work = {1};
    while (!atomic_load(&done)) {
        uint64_t start = now_ns();
        pause_us(MEASURE_US);
        for (unsigned i = 0; i < MEASURE_WORK; i++)
            roll(&work);
        atomic_store(&result, work.state);
        uint64_t end = now_ns();
        unsigned at = atomic_load(&measured);
        atomic_store(&measures[at % MEASURES].took_ns, end - start);
        atomic_store(&measures[at % MEASURES].end_ns, end);
        atomic_store(&measured, at + 1);
    }
    return NULL;
}

static void *watch(void *unused)
{
    (void)unused;
    while (!atomic_load(&done)) {
        pause_us(100000);
        uint64_t now = now_ns();
        for (unsigned i = 0; i < WATCHED; i++) {
            uint64_t since = atomic_load(&all_calls[i].since_ns);
            EXPECT(since == 0 || now < since + HANG_MS * UINT64_C(1000000), "a call does not return");
        }
    }
    return NULL;
}

void start_watchdog(uint64_t seed)
{
    seed_of_run = seed;
    EXPECT(pthread_key_create(&key, leave_thread) == 0, "no key");
    start_thread(&yardstick_thread, measure, NULL);
    start_thread(&watchdog_thread, watch, NULL);
}

void stop_watchdog(void)
{
    atomic_store(&done, true);
    join_thread(yardstick_thread);
    join_thread(watchdog_thread);
    printf("chaos: the latest call took %u %% of what it may\n", atomic_load(&worst_percent));
}

void watch_child(void)
{
    /* Its only thread is the one that has forked. Its parent says where it hangs; SIGALRM ends it in any case. */
    atomic_store(&done, true);
    alarm(HANG_MS / 1000);
}
