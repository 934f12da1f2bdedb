/* ws_config_interrupt, ws_interrupt of a session that is being opened, and ws_group_interrupt: each call is ended by
 * its own interrupt and by its own time limit, whatever others do. No interrupt is lost, and nothing spins. */

#define _GNU_SOURCE
#include "check.h"
#include "process.h"
#include "threads.h"
#include <arpa/inet.h>
#include <sys/resource.h>
#include <time.h>

enum { CALLS = 4, LIMIT_MS = 300, RACES = 2000, GROUP_INTERRUPTS = 300000 };

/* Takes connections, and never answers. */
static char silent_url[64];
static ws_config *config;

static void listen_silently(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, size), 0);
    CHECK_EQ(listen(listener, 1000), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(silent_url, sizeof silent_url, "ws://127.0.0.1:%d/", ntohs(address.sin_port));
}

static ws_status connect_silently(ws_session *nothing)
{
    ws_session *session = NULL;
    (void)nothing;
    return ws_connect(silent_url, config, &session, NULL);
}

static long long clock_ms(clockid_t which)
{
    struct timespec now;
    CHECK_EQ(clock_gettime(which, &now), 0);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void start_all_blocked(caller *calls)
{
    for (int i = 0; i < CALLS; i++)
        start_blocked(&calls[i], connect_silently, NULL);
}

/* All that wait are interrupted; those that begin later are not, and their limits hold. */
static void many_calls_with_one_configuration(void)
{
    caller calls[CALLS];
    for (int round = 0; round < 5; round++) {
        CHECK_OK(ws_config_set_handshake_timeout_ms(config, -1));
        start_all_blocked(calls);
        CHECK_OK(ws_config_interrupt(config));
        for (int i = 0; i < CALLS; i++)
            expect_result(&calls[i], WS_ERR_INTERRUPTED);
        CHECK_OK(ws_config_set_handshake_timeout_ms(config, LIMIT_MS));
        long long began = clock_ms(CLOCK_MONOTONIC), used = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
        for (int i = 0; i < CALLS; i++)
            start_call(&calls[i], connect_silently, NULL);
        for (int i = 0; i < CALLS; i++)
            expect_result(&calls[i], WS_ERR_TIMEOUT);
        long long took = clock_ms(CLOCK_MONOTONIC) - began;
        used = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - used;
        CHECK(took >= LIMIT_MS);
        if (used > took / 2) {
            fprintf(stderr, "%d calls that waited %lld ms took %lld ms of CPU\n", CALLS, took, used);
            exit(1);
        }
    }
}

/* One that was interrupted leaves no trace for one that waits on. */
static void one_begins_while_others_are_interrupted(void)
{
    caller calls[CALLS], later;
    CHECK_OK(ws_config_set_handshake_timeout_ms(config, -1));
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < CALLS; i++)
            start_call(&calls[i], connect_silently, NULL);
        start_call(&later, connect_silently, NULL);
        /* Each call began before it or finds it kept: it takes at most one for each. */
        for (int i = 0; i < CALLS; i++) {
            CHECK_OK(ws_config_interrupt(config));
            poll(NULL, 0, round % 3);
        }
        for (int i = 0; i < CALLS; i++) {
            while (pthread_tryjoin_np(calls[i].thread, NULL) != 0) {
                CHECK_OK(ws_config_interrupt(config));
                sched_yield();
            }
            CHECK_STATUS(calls[i].status, WS_ERR_INTERRUPTED);
        }
        while (pthread_tryjoin_np(later.thread, NULL) != 0) {
            CHECK_OK(ws_config_interrupt(config));
            sched_yield();
        }
        CHECK_STATUS(later.status, WS_ERR_INTERRUPTED);
    }
    CHECK_OK(ws_config_set_handshake_timeout_ms(config, 1));
    while (connect_silently(NULL) == WS_ERR_INTERRUPTED)
        ;
}

/* Kept for the next call, once. */
static void before_a_call(void)
{
    ws_config *fresh = ws_config_new();
    ws_session *session = NULL;
    for (int round = 0; round < 3; round++) {
        CHECK_OK(ws_config_interrupt(fresh));
        CHECK_OK(ws_config_interrupt(fresh));
        CHECK_STATUS(ws_connect(environment("ECHO_WS_URL"), fresh, &session, NULL), WS_ERR_INTERRUPTED);
        CHECK_OK(ws_connect(environment("ECHO_WS_URL"), fresh, &session, NULL));
        close_and_free(session);
    }
    ws_config_free(fresh);
}

/* Wherever opening is when the interrupt comes, the call that then waits for a message returns it. */
static void while_opening(void)
{
    for (int round = 0; round < RACES; round++) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        CHECK_OK(ws_connect_async(environment("ECHO_WS_URL"), NULL, &session));
        if (round % 4 == 0)
            CHECK_OK(ws_wait_open(session, PATIENCE_MS, NULL));
        for (volatile int i = 0; i < round * 37 % 60000; i++)
            ;
        CHECK_OK(ws_interrupt(session));
        while (round % 2 == 0 && ws_state(session) == WS_STATE_CONNECTING)
            sched_yield();
        CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_INTERRUPTED);
        CHECK_OK(ws_wait_open(session, PATIENCE_MS, NULL));
        echo_text(session, "once");
        ws_abort(session);
        ws_session_free(session);
    }
}

static ws_status receive_or_be_interrupted(ws_session *session)
{
    ws_frame *frame = NULL;
    return ws_recv(session, &frame, PATIENCE_MS);
}

/* The same with the call there already. */
static void while_a_call_waits_for_opening(void)
{
    for (int round = 0; round < RACES / 10; round++) {
        ws_session *session = NULL;
        caller receiver;
        CHECK_OK(ws_connect_async(environment("ECHO_WS_URL"), NULL, &session));
        start_call(&receiver, receive_or_be_interrupted, session);
        while (atomic_load(&receiver.thread_id) == 0)
            sched_yield();
        for (volatile int i = 0; i < round * 997 % 60000; i++)
            ;
        CHECK_OK(ws_interrupt(session));
        expect_result(&receiver, WS_ERR_INTERRUPTED);
        ws_abort(session);
        ws_session_free(session);
    }
}

/* Each interrupt of a group ends a call: the one that waits, or the next one. */

static ws_group *group;
static atomic_uint interrupted;

static void *receive_interrupts(void *nothing)
{
    ws_session *from;
    ws_frame *frame;
    for (unsigned i = 0; i < GROUP_INTERRUPTS; i++) {
        CHECK_STATUS(ws_group_recv(group, &from, &frame, PATIENCE_MS), WS_ERR_INTERRUPTED);
        atomic_fetch_add(&interrupted, 1);
    }
    return nothing;
}

static void of_a_group(void)
{
    pthread_t receiver;
    group = ws_group_new();
    start(&receiver, receive_interrupts, NULL);
    for (unsigned i = 0; i < GROUP_INTERRUPTS; i++) {
        /* Where the receiver is then is a matter of nanoseconds. */
        for (volatile unsigned j = 0; j < i % 64; j++)
            ;
        CHECK_OK(ws_group_interrupt(group));
        for (unsigned looks = 0; atomic_load(&interrupted) <= i; looks++)
            if (looks > 1000)
                sched_yield();
    }
    join(receiver);
    ws_group_free(group);
}

static ws_status receive_of_the_group(ws_session *nothing)
{
    ws_session *from;
    ws_frame *frame;
    (void)nothing;
    return ws_group_recv(group, &from, &frame, -1);
}

static void all_waiting_calls_of_a_group(void)
{
    caller calls[CALLS];
    group = ws_group_new();
    for (int i = 0; i < CALLS; i++)
        start_blocked(&calls[i], receive_of_the_group, NULL);
    CHECK_OK(ws_group_interrupt(group));
    for (int i = 0; i < CALLS; i++)
        expect_result(&calls[i], WS_ERR_INTERRUPTED);
    ws_group_free(group);
}

int main(void)
{
    listen_silently();
    config = ws_config_new();
    many_calls_with_one_configuration();
    one_begins_while_others_are_interrupted();
    before_a_call();
    while_opening();
    while_a_call_waits_for_opening();
    of_a_group();
    all_waiting_calls_of_a_group();
    ws_config_free(config);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
