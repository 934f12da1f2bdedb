/* Tells ThreadSanitizer what orders memory inside the standard library of Rust, which is not instrumented, and by the kernel.
 *
 * The script chaos.sh names functions of the standard library, and links with --wrap for each, so that calls of them
 * come here first. Without them a lock that was contended, and what runs once, look like races. */

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

/* The functions take at most six words and return at most one. */
#define WRAP(function, symbol)                                                                                         \
    uintptr_t real_##function(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t,                                   \
                              uintptr_t) __asm__("__real_" symbol);                                                    \
    uintptr_t function(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t) __asm__("__wrap_" symbol);    \
    uintptr_t function(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, uintptr_t f)

/* These take a lock: the first word is its address. */
#define WRAP_LOCK(function, symbol)                                                                                    \
    WRAP(function, symbol)                                                                                             \
    {                                                                                                                  \
        uintptr_t result = real_##function(a, b, c, d, e, f);                                                          \
        __tsan_acquire((void *)a);                                                                                     \
        return result;                                                                                                 \
    }

/* These release the lock that the second word is the address of, wait, and take it again. */
#define WRAP_WAIT(function, symbol)                                                                                    \
    WRAP(function, symbol)                                                                                             \
    {                                                                                                                  \
        __tsan_release((void *)b);                                                                                     \
        uintptr_t result = real_##function(a, b, c, d, e, f);                                                          \
        __tsan_acquire((void *)b);                                                                                     \
        return result;                                                                                                 \
    }

#ifdef MUTEX_LOCK
WRAP_LOCK(mutex_lock, MUTEX_LOCK)
#endif
#ifdef RWLOCK_READ
WRAP_LOCK(rwlock_read, RWLOCK_READ)
#endif
#ifdef RWLOCK_WRITE
WRAP_LOCK(rwlock_write, RWLOCK_WRITE)
#endif
#ifdef CONDVAR_WAIT
WRAP_WAIT(condvar_wait, CONDVAR_WAIT)
#endif
#ifdef CONDVAR_WAIT_TIMEOUT
WRAP_WAIT(condvar_wait_timeout, CONDVAR_WAIT_TIMEOUT)
#endif
#ifdef ONCE_CALL
/* What runs once is a closure: its memory, and the functions of its type, of which the fifth word is the call. It releases
 * before the standard library says that it has run: others that see this do not come here. */
typedef void call_function(uintptr_t closure, uintptr_t state);

typedef struct ordered_closure {
    uintptr_t once, closure, functions;
} ordered_closure;

enum { FUNCTIONS = 5, CALL = 4 };

static void call_and_release(uintptr_t ordered, uintptr_t state)
{
    const ordered_closure *self = (const ordered_closure *)ordered;
    ((call_function *)((const uintptr_t *)self->functions)[CALL])(self->closure, state);
    __tsan_release((void *)self->once);
}

WRAP(once_call, ONCE_CALL)
{
    ordered_closure ordered = {.once = a, .closure = c, .functions = d};
    uintptr_t functions[FUNCTIONS] = {0, sizeof ordered, sizeof(uintptr_t), 0, (uintptr_t)call_and_release};
    uintptr_t result = real_once_call(a, b, (uintptr_t)&ordered, (uintptr_t)functions, e, f);
    __tsan_acquire((void *)a);
    return result;
}
#endif

/* Arc counts down with a release, and has a fence before it frees, which ThreadSanitizer does not know: the count
 * itself acquires here. */
enum { RELEASE = 3, ACQUIRE_AND_RELEASE = 4 };

uint64_t __real___tsan_atomic64_fetch_sub(volatile uint64_t *value, uint64_t by, int order);
uint64_t __wrap___tsan_atomic64_fetch_sub(volatile uint64_t *value, uint64_t by, int order);

uint64_t __wrap___tsan_atomic64_fetch_sub(volatile uint64_t *value, uint64_t by, int order)
{
    return __real___tsan_atomic64_fetch_sub(value, by, order == RELEASE ? ACQUIRE_AND_RELEASE : order);
}

/* What registers a descriptor with an epoll instance happens before what the instance reports for it. ThreadSanitizer knows this by
 * the instance's number, and not always where numbers are used again. tokio registers each descriptor with the address of what
 * the registration is about; smaller numbers are no addresses. */
enum { FIRST_ADDRESS = 4096 };

int __real_epoll_ctl(int instance, int operation, int descriptor, struct epoll_event *event);
int __wrap_epoll_ctl(int instance, int operation, int descriptor, struct epoll_event *event);
int __real_epoll_wait(int instance, struct epoll_event *events, int room, int timeout);
int __wrap_epoll_wait(int instance, struct epoll_event *events, int room, int timeout);

int __wrap_epoll_ctl(int instance, int operation, int descriptor, struct epoll_event *event)
{
    if (event != NULL && event->data.u64 >= FIRST_ADDRESS)
        __tsan_release(event->data.ptr);
    return __real_epoll_ctl(instance, operation, descriptor, event);
}

int __wrap_epoll_wait(int instance, struct epoll_event *events, int room, int timeout)
{
    int count = __real_epoll_wait(instance, events, room, timeout);
    for (int i = 0; i < count; i++)
        if (events[i].data.u64 >= FIRST_ADDRESS)
            __tsan_acquire(events[i].data.ptr);
    return count;
}
