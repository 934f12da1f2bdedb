/* Waiting in ws_group_recv: with many sessions and threads, woken by what comes, by interrupts and by the end; and what
 * happens while nobody waits. */

#define _GNU_SOURCE
#include "threads.h"
#include "watching.h"
#include <signal.h>

static ws_group *shared;

/* Thousands of messages of many sessions, received by several threads: each comes once. */
enum { SESSIONS = 200, MESSAGES = 20, THREADS = 4 };
static atomic_int seen[SESSIONS][MESSAGES];
static atomic_int messages, ends;

static void *receive_all(void *unused)
{
    (void)unused;
    while (1) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        ws_status status = ws_group_recv(shared, &session, &frame, -1);
        if (session == NULL) {
            CHECK_STATUS(status, WS_ERR_ABORTED);
            return NULL;
        }
        atomic_int *numbers = ws_get_user_data(session);
        if (status == WS_OK) {
            int number = atoi((const char *)frame->data);
            CHECK(number >= 0 && number < MESSAGES);
            CHECK_EQ(atomic_fetch_add(&numbers[number], 1), 0);
            atomic_fetch_add(&messages, 1);
            ws_frame_free(frame);
            continue;
        }
        CHECK_STATUS(status, WS_ERR_CLOSED);
        atomic_fetch_add(&ends, 1);
    }
}

/* They are opened while the threads wait. */
static void many_sessions_and_threads(transport how)
{
    memset(seen, 0, sizeof seen);
    atomic_store(&messages, 0);
    atomic_store(&ends, 0);
    shared = ws_group_new();
    ws_config *config = config_of(shared);
    CHECK_OK(ws_config_add_tls_ca_file(config, environment("ECHO_CA_FILE")));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        start(&threads[i], receive_all, NULL);
    ws_session *sessions[SESSIONS];
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = connect_with(how, "", config);
        CHECK_OK(ws_set_user_data(sessions[i], seen[i]));
        for (int k = 0; k < MESSAGES; k++) {
            char text[16];
            snprintf(text, sizeof text, "%d", k);
            CHECK_OK(ws_send_text(sessions[i], text, WS_NUL_TERMINATED));
        }
        CHECK_OK(ws_close(sessions[i], WS_CLOSE_NORMAL, NULL, 0));
    }
    ws_config_free(config);
    while (atomic_load(&ends) < SESSIONS)
        sched_yield();
    CHECK_EQ(ws_group_size(shared), 0);
    ws_group_free(shared);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    CHECK_EQ(atomic_load(&ends), SESSIONS);
    CHECK_EQ(atomic_load(&messages), SESSIONS * MESSAGES);
    /* Not before: another thread may still look at what it has received. */
    for (int i = 0; i < SESSIONS; i++)
        ws_session_free(sessions[i]);
}

/* All are opened at once; those that cannot be are told of as well. */
static void sessions_that_are_opened_without_waiting(void)
{
    enum { OPENINGS = 60 };
    static const struct {
        const char *path;
        ws_status end;
    } kinds[] = {{"burst/3", WS_ERR_CLOSED}, {NULL, WS_ERR_CONNECT}, {"drop", WS_ERR_CLOSED_ABNORMALLY}};
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    int next[OPENINGS] = {0}, ended = 0;
    for (int i = 0; i < OPENINGS; i++) {
        char url[256] = "ws://127.0.0.1:1/";
        ws_session *session = NULL;
        if (kinds[i % 3].path != NULL)
            snprintf(url, sizeof url, "%s%s", environment("ECHO_WS_URL"), kinds[i % 3].path);
        CHECK_OK(ws_connect_async(url, config, &session));
        CHECK_OK(ws_set_user_data(session, &next[i]));
    }
    ws_config_free(config);
    CHECK_EQ(ws_group_size(group), OPENINGS);
    while (ws_group_size(group) > 0) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        ws_status status = ws_group_recv(group, &session, &frame, PATIENCE_MS);
        CHECK(session != NULL);
        int *number = ws_get_user_data(session), kind = (int)(number - next) % 3;
        if (status == WS_OK) {
            CHECK_EQ(atoi((const char *)frame->data), *number);
            CHECK(kind == 0);
            ++*number;
            ws_frame_free(frame);
            continue;
        }
        CHECK(frame == NULL);
        CHECK_EQ(*number, kind == 0 ? 3 : 0);
        if (kind == 2)
            CHECK(status == WS_ERR_CLOSED_ABNORMALLY || status == WS_ERR_IO);
        else
            CHECK_STATUS(status, kinds[kind].end);
        CHECK_EQ(ws_error_phase(ws_session_error(session)), kind == 0   ? WS_PHASE_NONE
                                                            : kind == 1 ? WS_PHASE_CONNECT
                                                                        : WS_PHASE_OPEN);
        CHECK_EQ(ws_group_size(group), OPENINGS - ++ended);
        ws_session_free(session);
    }
    CHECK_EQ(ended, OPENINGS);
    ws_group_free(group);
}

static ws_status receive_in_group(ws_session *unused)
{
    (void)unused;
    ws_session *session = NULL;
    ws_frame *frame = NULL;
    ws_status status = ws_group_recv(shared, &session, &frame, -1);
    ws_frame_free(frame);
    return status;
}

static void interrupt_the_group(int signal)
{
    (void)signal;
    ws_group_interrupt(shared);
}

/* A signal handler that runs in the waiting thread or in another one wakes it. A signal alone does not. */
static void interrupts(void)
{
    shared = ws_group_new();
    struct sigaction action = {.sa_handler = interrupt_the_group}, before;
    CHECK_EQ(sigaction(SIGUSR1, &action, &before), 0);
    caller first, second;
    for (int round = 0; round < 20; round++) {
        start_blocked(&first, receive_in_group, NULL);
        CHECK_EQ(pthread_kill(round % 2 == 0 ? first.thread : pthread_self(), SIGUSR1), 0);
        expect_result(&first, WS_ERR_INTERRUPTED);
    }
    /* All that wait are woken, and none later. */
    start_blocked(&first, receive_in_group, NULL);
    start_blocked(&second, receive_in_group, NULL);
    CHECK_OK(ws_group_interrupt(shared));
    expect_result(&first, WS_ERR_INTERRUPTED);
    expect_result(&second, WS_ERR_INTERRUPTED);
    ws_config *config = config_of(shared);
    ws_session *session = connect_steered(PLAIN, config);
    start_blocked(&first, receive_in_group, NULL);
    STEER("texts 1");
    expect_result(&first, WS_OK);
    /* With nobody waiting, the next that would is woken; one that need not wait is not. */
    CHECK_OK(ws_group_interrupt(shared));
    STEER("texts 1");
    int fd = event_fd_of_group(shared);
    wait_readable(fd);
    CHECK_OK(receive_in_group(NULL));
    expect_nothing_in(shared);
    CHECK_STATUS(receive_in_group(NULL), WS_ERR_INTERRUPTED);
    /* The interrupts of a session are not the group's. */
    start_blocked(&first, receive_in_group, NULL);
    CHECK_OK(ws_interrupt(session));
    STEER("texts 1");
    expect_result(&first, WS_OK);
    CHECK_EQ(sigaction(SIGUSR1, &before, NULL), 0);
    ws_config_free(config);
    ws_session_free(session);
    ws_group_free(shared);
}

/* Servers that send without end are held back, each by its own queue; what came is received, in order. */
static void nobody_receives(transport how)
{
    enum { FLOODS = 3, BOUND = 10, TEXTS = 3000, SIZE = 2000 };
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    CHECK_OK(ws_config_set_incoming_queue(config, BOUND, 0, WS_QUEUE_WAIT));
    ws_session *sessions[FLOODS];
    int next[FLOODS] = {0};
    for (int i = 0; i < FLOODS; i++) {
        sessions[i] = connect_steered(how, config);
        CHECK_OK(ws_set_user_data(sessions[i], &next[i]));
        STEER("flood texts %d %d", TEXTS, SIZE);
        CHECK_STR(server("held"), "yes");
        CHECK_EQ(statistics(sessions[i]).incoming_messages, BOUND);
    }
    /* One without a flood answers pings, and its message comes in its turn. */
    ws_session *quiet = connect_steered(how, config);
    ws_config_free(config);
    STEER("texts 1");
    STEER("pings 1");
    CHECK_STR(server("pongs 1"), "in order");
    for (int i = 0; i < FLOODS * TEXTS + 1; i++) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        CHECK_OK(ws_group_recv(group, &session, &frame, PATIENCE_MS));
        if (session == quiet) {
            CHECK(i <= FLOODS);
        } else {
            int *number = ws_get_user_data(session);
            CHECK_EQ(frame->size, SIZE);
            CHECK_EQ(atoi((const char *)frame->data), (*number)++);
        }
        ws_frame_free(frame);
    }
    for (int i = 0; i < FLOODS; i++) {
        CHECK_EQ(next[i], TEXTS);
        ws_session_free(sessions[i]);
    }
    ws_session_free(quiet);
    ws_group_free(group);
}

int main(void)
{
    interrupts();
    sessions_that_are_opened_without_waiting();
    for (transport how = PLAIN; how <= TLS; how++) {
        many_sessions_and_threads(how);
        nobody_receives(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
