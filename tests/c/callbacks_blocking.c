/* Callbacks that take long keep their own session's calls waiting, and nothing else. */

#define _GNU_SOURCE
#include "process.h"
#include "recording.h"
#include "steered.h"
#include "threads.h"

enum { WAITING = 50, CHAIN = 100 };

static size_t count_queued(ws_session *session)
{
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK_OK(ws_get_stats(session, &stats));
    return (size_t)stats.incoming_messages;
}

/* Each frame asks the echo server for the next one. */
static void ask_for_the_next(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    char text[16];
    if (what == 'f') {
        CHECK_EQ(atoi((const char *)frame->data), calls->number);
        calls->number++;
    }
    if (what == 'o' || (what == 'f' && calls->number < CHAIN)) {
        snprintf(text, sizeof text, "%u", calls->number);
        CHECK_OK(ws_send_text(session, text, WS_NUL_TERMINATED));
    }
}

/* Sessions that are told, one that is received from, and one that answers pings by itself. */
static void expect_others_to_flow(transport how)
{
    record *calls = new_record(ask_for_the_next);
    ws_config *config = record_all(calls);
    ws_session *told = connect_with(how, "", config), *received = connect_with(how, "", NULL);
    ws_config_free(config);
    wait_for_calls(calls, 'f', CHAIN);
    close_and_free(told);
    expect_calls(calls, "ofcd");
    for (unsigned i = 0; i < 10; i++)
        echo_text(received, "flows");
    close_and_free(received);

    calls = new_record(NULL);
    config = record_all(calls);
    ws_session *pinged = connect_steered(how, config);
    ws_config_free(config);
    STEER("pings 10");
    CHECK_STR(server("pongs 10"), "in order");
    close_and_free(pinged);
    expect_calls(calls, "ocd");
}

static void hold_up_once(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)session;
    if (what == 'f')
        CHECK_EQ(atoi((const char *)frame->data), calls->number);
    if (what == 'f' && calls->number++ == 0) {
        CHECK_EQ(sem_post(&calls->here), 0);
        wait_for(&calls->go_on);
    }
}

/* The session whose callback does not return: its pings and the server's Close are answered, its messages wait. */
static void the_session_itself(transport how)
{
    record *calls = new_record(hold_up_once);
    ws_config *config = record_all(calls);
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    STEER("texts 1");
    wait_for(&calls->here);
    STEER("pings 10");
    CHECK_STR(server("pongs 10"), "in order");
    STEER("texts %d", WAITING);
    while (count_queued(session) != WAITING)
        sched_yield();
    STEER("close 4321");
    CHECK_STR(server("close_code"), "4321");
    CHECK_STR(server("end"), "fin");
    while (ws_state(session) != WS_STATE_CLOSED)
        sched_yield();
    CHECK_STATUS(ws_wait_closed(session, 1), WS_ERR_TIMEOUT);
    expect_others_to_flow(how);
    CHECK_EQ(count_queued(session), WAITING);
    CHECK_STR(calls->calls, "o");
    CHECK_EQ(sem_post(&calls->go_on), 0);
    wait_for_calls(calls, 'c', 1);
    CHECK_EQ(count_calls(calls, 'f'), WAITING + 1);
    CHECK_STATUS(calls->status, WS_ERR_CLOSED);
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

/* A full queue holds the server, and nothing is lost when it goes on. */
static void a_full_queue(transport how)
{
    record *calls = new_record(hold_up_once);
    ws_config *config = record_all(calls);
    CHECK_OK(ws_config_set_incoming_queue(config, 10, 0, WS_QUEUE_WAIT));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    STEER("flood texts 20000 1000");
    wait_for(&calls->here);
    CHECK_STR(server("held"), "yes");
    CHECK(count_queued(session) <= 10);
    expect_others_to_flow(how);
    CHECK_EQ(sem_post(&calls->go_on), 0);
    wait_for_calls(calls, 'f', 20000);
    ws_abort(session);
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

static void hold_up_each(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)session, (void)frame;
    if (what != (char)calls->number)
        return;
    CHECK_EQ(sem_post(&calls->here), 0);
    wait_for(&calls->go_on);
}

/* So many callbacks that do not return, on threads of so many; the threads that come for them go again. */
static void many(transport how, uint32_t workers, unsigned count, char what)
{
    ws_session *sessions[32];
    CHECK_OK(ws_set_worker_threads(workers));
    close_and_free(connect_with(how, "", NULL));
    record *calls = new_record(hold_up_each);
    calls->is_shared = 1;
    calls->number = (unsigned)what;
    ws_config *config = record_all(calls);
    for (unsigned i = 0; i < count; i++)
        sessions[i] = connect_with(how, "hello", config);
    ws_config_free(config);
    for (unsigned i = 0; i < count; i++) {
        if (what == 'c')
            CHECK_OK(ws_close(sessions[i], WS_CLOSE_NORMAL, NULL, 0));
    }
    for (unsigned i = 0; i < count; i++)
        wait_for(&calls->here);
    CHECK_EQ(count_calls(calls, what), 0);
    CHECK(count_library_threads() >= (int)count);
    expect_others_to_flow(how);
    CHECK_EQ(count_calls(calls, what), 0);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(sem_post(&calls->go_on), 0);
    wait_for_calls(calls, what, count);
    for (unsigned i = 0; i < count; i++)
        close_and_free(sessions[i]);
    wait_for_calls(calls, 'd', 1);
    CHECK_EQ(calls->counts['o'], count);
    CHECK_EQ(calls->counts['c'], count);
    free(calls);
    expect_library_threads_at_most((int)workers);
    expect_others_to_flow(how);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_library_threads_at_most(0);
}

/* It does not wait for longer than it is told to. The thread ends when the callback returns, and the next call waits for
 * that. */
static void shutting_down(transport how)
{
    record *calls = new_record(hold_up_each);
    calls->number = 'f';
    ws_config *config = record_all(calls);
    ws_session *session = connect_with(how, "hello", config);
    ws_config_free(config);
    wait_for(&calls->here);
    CHECK_STATUS(ws_shutdown(20), WS_ERR_TIMEOUT);
    /* Nor is it done by then, also with the threads of another start beside it. */
    CHECK_STATUS(ws_shutdown(0), WS_ERR_TIMEOUT);
    close_and_free(connect_with(how, "", NULL));
    CHECK_STATUS(ws_shutdown(20), WS_ERR_TIMEOUT);
    CHECK_EQ(count_calls(calls, 'c'), 0);
    CHECK_EQ(sem_post(&calls->go_on), 0);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK_EQ(count_calls(calls, 'c'), 1);
    CHECK_STATUS(calls->status, WS_ERR_ABORTED);
    expect_calls(calls, "ofcd");
    ws_session_free(session);
    expect_library_threads_at_most(0);
    expect_others_to_flow(how);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        the_session_itself(how);
        a_full_queue(how);
        CHECK_OK(ws_shutdown(PATIENCE_MS));
        many(how, 1, 8, 'f');
        many(how, 2, 20, 'o');
        many(how, 2, 20, 'f');
        many(how, 1, 8, 'c');
        shutting_down(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
