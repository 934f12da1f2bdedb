/* ws_interrupt wakes whoever waits, from threads and from signal handlers, and harms nothing. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <time.h>

enum { LARGE = 20 << 20, STORM_MESSAGES = 2000, STORM_INTERRUPTS = 20 };

typedef ws_status (*waiting_call)(ws_session *session);

static const waiting_call receiving_calls[] = {receive, receive_into, receive_batch};
enum { RECEIVING_CALLS = sizeof receiving_calls / sizeof receiving_calls[0] };

static ws_session *interrupted_by_handler;
static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    (void)number;
    handled++;
    ws_interrupt(interrupted_by_handler);
}

static void handle_signals(int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
}

static ws_status send_one(ws_session *session)
{
    return ws_send(session, WS_FRAME_TEXT, "never", 5, 0, -1);
}

/* Nothing more can be sent until the server reads. */
static void fill(ws_session *session)
{
    static const char large[LARGE];
    STEER("read off");
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, large, sizeof large, 0, 0));
    CHECK_STATUS(ws_send(session, WS_FRAME_TEXT, "never", 5, 0, 0), WS_ERR_TIMEOUT);
}

/* Everything that was accepted arrives, and nothing else. */
static void drain(ws_session *session)
{
    STEER("read on");
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "after", 5, 0, PATIENCE_MS));
    CHECK_STR(server("message 1"), "after");
    CHECK_STR(server("frames 2"), "B T");
}

static void expect_unharmed(ws_session *session)
{
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, 0), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_recv(session, &frame, 30), WS_ERR_TIMEOUT);
    STEER("echo");
    echo_text(session, "unharmed");
    close_and_free(session);
}

/* A receiver that waits for long sleeps in another way than at first. This only chooses which of the two is met. */
static void fall_fast_asleep(void)
{
    poll(NULL, 0, 120);
}

static void receivers(transport how, int fast_asleep)
{
    for (size_t i = 0; i < RECEIVING_CALLS; i++) {
        ws_session *session = connect_steered(how, NULL);
        for (unsigned round = 0; round < 2; round++) {
            caller waiter;
            start_blocked(&waiter, receiving_calls[i], session);
            if (fast_asleep)
                fall_fast_asleep();
            CHECK_OK(ws_interrupt(session));
            expect_result(&waiter, WS_ERR_INTERRUPTED);
            STEER("texts 1");
            expect_numbered(session, round, 0);
        }
        expect_unharmed(session);
    }
}

/* The one who reads, those who wait to follow it, and one who waits for the end. */
static void all_who_wait(transport how, int fast_asleep)
{
    enum { WAITERS = 6 };
    ws_session *session = connect_steered(how, NULL);
    caller waiters[WAITERS];
    for (size_t i = 0; i < WAITERS; i++)
        start_blocked(&waiters[i], i < WAITERS - 1 ? receiving_calls[i % RECEIVING_CALLS] : wait_closed, session);
    if (fast_asleep)
        fall_fast_asleep();
    CHECK_OK(ws_interrupt(session));
    for (size_t i = 0; i < WAITERS; i++)
        expect_result(&waiters[i], WS_ERR_INTERRUPTED);
    expect_unharmed(session);
}

static void senders_and_flushers(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    caller sender, flusher, both[2];
    fill(session);
    start_blocked(&sender, send_one, session);
    CHECK_OK(ws_interrupt(session));
    expect_result(&sender, WS_ERR_INTERRUPTED);
    start_blocked(&flusher, flush, session);
    CHECK_OK(ws_interrupt(session));
    expect_result(&flusher, WS_ERR_INTERRUPTED);
    start_blocked(&both[0], send_one, session);
    start_blocked(&both[1], send_one, session);
    CHECK_OK(ws_interrupt(session));
    expect_result(&both[0], WS_ERR_INTERRUPTED);
    expect_result(&both[1], WS_ERR_INTERRUPTED);
    drain(session);
    expect_unharmed(session);
}

/* Nobody waits: the next call that would returns it, once. */
static void kept_for_the_next(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    ws_frame *frame = NULL;
    static const int64_t timeouts_ms[] = {1, 30, 100, -1};
    for (size_t i = 0; i < sizeof timeouts_ms / sizeof timeouts_ms[0]; i++) {
        CHECK_OK(ws_interrupt(session));
        CHECK_OK(ws_interrupt(session));
        CHECK_STATUS(ws_recv(session, &frame, 0), WS_ERR_TIMEOUT);
        CHECK_STATUS(ws_recv(session, &frame, timeouts_ms[i]), WS_ERR_INTERRUPTED);
        CHECK_STATUS(ws_recv(session, &frame, 30), WS_ERR_TIMEOUT);
    }
    CHECK_OK(ws_interrupt(session));
    CHECK_STATUS(ws_wait_closed(session, -1), WS_ERR_INTERRUPTED);
    CHECK_STATUS(ws_wait_closed(session, 10), WS_ERR_TIMEOUT);

    fill(session);
    CHECK_OK(ws_interrupt(session));
    CHECK_STATUS(send_one(session), WS_ERR_INTERRUPTED);
    CHECK_OK(ws_interrupt(session));
    CHECK_STATUS(flush(session), WS_ERR_INTERRUPTED);
    CHECK_STATUS(ws_send(session, WS_FRAME_TEXT, "never", 5, 0, 10), WS_ERR_TIMEOUT);
    drain(session);
    expect_unharmed(session);
}

/* A handler on the thread that waits, and on another one; with and without restarting system calls. */
static void handlers(transport how)
{
    static const waiting_call calls[] = {receive, receive_into, receive_batch, wait_closed, send_one, flush};
    ws_session *session = interrupted_by_handler = connect_steered(how, NULL);
    fill(session);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (int restarts = 0; restarts <= 1; restarts++)
            for (int on_another = 0; on_another <= 1; on_another++) {
                handle_signals(restarts ? SA_RESTART : 0);
                caller waiter;
                start_blocked(&waiter, calls[i], session);
                if (i == 0)
                    fall_fast_asleep();
                CHECK_EQ(pthread_kill(on_another ? pthread_self() : waiter.thread, SIGUSR1), 0);
                expect_result(&waiter, WS_ERR_INTERRUPTED);
            }
    drain(session);
    expect_unharmed(session);
}

/* A handler interrupts the very calls that it comes in between, wherever they are. */
static void a_storm_of_interrupts(transport how)
{
    handle_signals(SA_RESTART);
    ws_session *session = interrupted_by_handler = connect_steered(how, NULL);
    STEER("echo");
    struct itimerval often = {.it_interval.tv_usec = 500, .it_value.tv_usec = 500}, never = {0};
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    unsigned interrupted = 0, messages = 0;
    while (messages < STORM_MESSAGES || interrupted < STORM_INTERRUPTS) {
        char text[16], echo[16];
        size_t size = 0;
        uint32_t type = 0;
        ws_status status;
        snprintf(text, sizeof text, "%u", messages++);
        while ((status = ws_send_text(session, text, WS_NUL_TERMINATED)) != WS_OK) {
            CHECK_STATUS(status, WS_ERR_INTERRUPTED);
            interrupted++;
        }
        while ((status = ws_recv_into(session, echo, sizeof echo, &size, &type, -1)) != WS_OK) {
            CHECK_STATUS(status, WS_ERR_INTERRUPTED);
            interrupted++;
        }
        CHECK_EQ(size, strlen(text));
        CHECK(memcmp(text, echo, size) == 0);
    }
    CHECK_EQ(setitimer(ITIMER_REAL, &never, NULL), 0);
    ws_frame *frame = NULL;
    while (ws_recv(session, &frame, 30) == WS_ERR_INTERRUPTED)
        ;
    CHECK_STR(server("in_order %u", messages), "yes");
    expect_unharmed(session);
}

static int64_t now_ns(void)
{
    struct timespec now;
    CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int compare_ns(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int wake_up;
static atomic_llong woken_ns;

static ws_status wait_in_poll(ws_session *session)
{
    (void)session;
    struct pollfd waited = {.fd = wake_up, .events = POLLIN};
    CHECK_EQ(poll(&waited, 1, -1), 1);
    atomic_store(&woken_ns, now_ns());
    uint64_t count;
    CHECK_EQ(read(wake_up, &count, sizeof count), (ssize_t)sizeof count);
    return WS_ERR_INTERRUPTED;
}

static ws_status wait_in_recv(ws_session *session)
{
    ws_status status = receive(session);
    atomic_store(&woken_ns, now_ns());
    return status;
}

/* A thread that has just gone to sleep in ws_recv wakes up as soon as one that sleeps in poll(2). The yard-stick is measured
 * in turns with it, since the machine may be busy. */
static void at_once(transport how)
{
    enum { ROUNDS = 41, FACTOR = 20 };
    static const uint64_t one = 1;
    int64_t floor_ns[ROUNDS], recv_ns[ROUNDS];
    CHECK((wake_up = eventfd(0, EFD_CLOEXEC)) >= 0);
    for (size_t i = 0; i < ROUNDS; i++) {
        ws_session *session = connect_steered(how, NULL);
        caller waiter;
        start_blocked(&waiter, wait_in_poll, session);
        int64_t start = now_ns();
        CHECK_EQ(write(wake_up, &one, sizeof one), (ssize_t)sizeof one);
        expect_result(&waiter, WS_ERR_INTERRUPTED);
        floor_ns[i] = atomic_load(&woken_ns) - start;
        start_blocked(&waiter, wait_in_recv, session);
        start = now_ns();
        CHECK_OK(ws_interrupt(session));
        expect_result(&waiter, WS_ERR_INTERRUPTED);
        recv_ns[i] = atomic_load(&woken_ns) - start;
        ws_session_free(session);
    }
    close(wake_up);
    qsort(floor_ns, ROUNDS, sizeof floor_ns[0], compare_ns);
    qsort(recv_ns, ROUNDS, sizeof recv_ns[0], compare_ns);
    CHECK(recv_ns[ROUNDS / 4] <= FACTOR * floor_ns[3 * ROUNDS / 4]);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        for (int fast_asleep = 0; fast_asleep <= 1; fast_asleep++) {
            receivers(how, fast_asleep);
            all_who_wait(how, fast_asleep);
        }
        senders_and_flushers(how);
        kept_for_the_next(how);
        handlers(how);
        at_once(how);
        a_storm_of_interrupts(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
