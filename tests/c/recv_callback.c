/* ws_recv_callback: a live session gives its messages to a function from now on. With --small only without TLS, for
 * valgrind. */

#define _GNU_SOURCE
#include "recording.h"
#include "steered.h"
#include "threads.h"
#include <poll.h>

enum { BEFORE = 20, AFTER = 200 };

static void expect_the_next(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    CHECK(calls->session == session);
    if (what == 'f') {
        CHECK_EQ(atoi((const char *)frame->data), calls->number);
        calls->number++;
    }
    if (what == 'n') {
        CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
        ws_close_info info = {.struct_size = sizeof info};
        CHECK_OK(ws_get_close_info(session, &info));
    }
}

static record *record_of(ws_session *session)
{
    record *calls = new_record(expect_the_next);
    calls->session = session;
    return calls;
}

static void wait_for_queued(ws_session *session, size_t count)
{
    ws_stats stats = {.struct_size = sizeof stats};
    do {
        sched_yield();
        CHECK_OK(ws_get_stats(session, &stats));
    } while (stats.incoming_messages != count);
}

static void expect_nothing_received(ws_session *session)
{
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, -1), WS_ERR_STATE);
    CHECK_STATUS(receive_into(session), WS_ERR_STATE);
    CHECK_STATUS(receive_batch(session), WS_ERR_STATE);
    CHECK_EQ(ws_event_fd(session), -1);
}

/* Those that wait already, whether or not somebody has received before, and those to come. */
static void waiting_messages_come_first(transport how, int has_received)
{
    ws_session *session = connect_steered(how, NULL);
    record *calls = record_of(session);
    if (has_received) {
        STEER("texts 1");
        expect_numbered(session, 0, 0);
        calls->number = 1;
    }
    STEER("texts %d", BEFORE);
    wait_for_queued(session, BEFORE);
    CHECK_OK(ws_recv_callback(session, note_frame, calls, note_drop));
    STEER("texts %d", AFTER);
    wait_for_calls(calls, 'f', BEFORE + AFTER);
    expect_nothing_received(session);
    CHECK_OK(ws_send_text(session, "0", 1));
    CHECK_STR(server("message 0"), "0");
    STEER("texts 1 0 close");
    wait_for_calls(calls, 'n', 1);
    CHECK_EQ(count_calls(calls, 'f'), BEFORE + AFTER + 1);
    expect_calls(calls, "fnd");
    expect_nothing_received(session);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK(ws_session_error(session) == NULL);
    ws_session_free(session);
}

/* What a thread has in its buffer that reads for itself goes to the function as well. */
static void in_the_middle_of_a_stream(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    record *calls = record_of(session);
    STEER("segments 777");
    STEER("flood texts 5000 40");
    for (calls->number = 0; calls->number < 1000; calls->number++)
        expect_numbered(session, calls->number, 40);
    CHECK_OK(ws_recv_callback(session, note_frame, calls, note_drop));
    wait_for_calls(calls, 'f', 4000);
    close_and_free(session);
    expect_calls(calls, "fnd");
}

/* Half of a message has come when the function takes over. */
static void in_the_middle_of_a_message(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    record *calls = record_of(session);
    ws_frame *frame = NULL;
    STEER("half 5000");
    STEER("taken");
    CHECK_STATUS(ws_recv(session, &frame, 1), WS_ERR_TIMEOUT);
    CHECK_OK(ws_recv_callback(session, note_frame, calls, note_drop));
    STEER("rest");
    wait_for_calls(calls, 'f', 1);
    close_and_free(session);
    expect_calls(calls, "fnd");
}

/* Threads that wait: a reader, and those that would follow it. They sleep in another way after a while. */
static void waiting_calls_return(transport how, int fast_asleep)
{
    ws_session *session = connect_steered(how, NULL);
    record *calls = record_of(session);
    caller waiters[3], leaver;
    start_blocked(&waiters[0], receive, session);
    start_blocked(&waiters[1], receive_into, session);
    start_blocked(&waiters[2], receive_batch, session);
    start_blocked(&leaver, wait_closed, session);
    if (fast_asleep)
        poll(NULL, 0, 50);
    CHECK_OK(ws_recv_callback(session, note_frame, calls, note_drop));
    for (size_t i = 0; i < 3; i++)
        expect_result(&waiters[i], WS_ERR_STATE);
    STEER("texts 3");
    wait_for_calls(calls, 'f', 3);
    STEER("close 1000");
    expect_result(&leaver, WS_OK);
    expect_calls(calls, "fnd");
    ws_session_free(session);
}

/* A call that has just begun returns as well, or has got the message that came before. */
static void *receive_until_refused(void *session)
{
    for (;;) {
        ws_frame *frame = NULL;
        ws_status status = ws_recv(session, &frame, -1);
        ws_frame_free(frame);
        if (status != WS_OK) {
            CHECK_STATUS(status, WS_ERR_STATE);
            return NULL;
        }
    }
}

static void beginning_calls_return(transport how)
{
    for (unsigned i = 0; i < 100; i++) {
        ws_session *session = connect_with(how, i % 2 == 0 ? "" : "hello", NULL);
        record *calls = new_record(NULL);
        pthread_t thread;
        start(&thread, receive_until_refused, session);
        for (unsigned j = 0; j < i; j++)
            sched_yield();
        CHECK_OK(ws_recv_callback(session, note_frame, calls, note_drop));
        join(thread);
        CHECK_OK(ws_send_text(session, "again", 5));
        wait_for_calls(calls, 'f', 1);
        close_and_free(session);
        expect_calls(calls, "fnd");
    }
}

static void never_called(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)session, (void)frame, (void)user_data;
    abort();
}

static void never_dropped(void *user_data)
{
    (void)user_data;
    abort();
}

/* Where messages go elsewhere already they go on doing so. */
static void refused(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    record *calls = record_of(session);
    CHECK_STATUS(ws_recv_callback(session, NULL, NULL, never_dropped), WS_ERR_INVALID_ARGUMENT);
    CHECK_OK(ws_recv_callback(session, note_frame, calls, note_drop));
    CHECK_STATUS(ws_recv_callback(session, never_called, NULL, never_dropped), WS_ERR_STATE);
    STEER("texts 2");
    wait_for_calls(calls, 'f', 2);
    close_and_free(session);
    expect_calls(calls, "fnd");

    session = connect_steered(how, NULL);
    CHECK(ws_event_fd(session) >= 0);
    CHECK_STATUS(ws_recv_callback(session, never_called, NULL, never_dropped), WS_ERR_STATE);
    STEER("texts 1");
    expect_numbered(session, 0, 0);
    close_and_free(session);

    ws_group *group = ws_group_new();
    ws_config *config = ws_config_new();
    CHECK(group != NULL && config != NULL);
    CHECK_OK(ws_config_set_group(config, group));
    session = connect_steered(how, config);
    CHECK_STATUS(ws_recv_callback(session, never_called, NULL, never_dropped), WS_ERR_STATE);
    STEER("texts 1");
    ws_session *source = NULL;
    ws_frame *frame = NULL;
    CHECK_OK(ws_group_recv(group, &source, &frame, PATIENCE_MS));
    CHECK(source == session);
    ws_frame_free(frame);
    CHECK_OK(ws_abort(session));
    ws_config_free(config);
    ws_group_free(group);
    ws_session_free(session);
}

typedef struct intruder {
    ws_session *session;
    atomic_int is_over;
} intruder;

static void *intrude(void *argument)
{
    intruder *self = argument;
    while (!atomic_load(&self->is_over))
        CHECK_STATUS(ws_recv_callback(self->session, never_called, NULL, never_dropped), WS_ERR_STATE);
    return NULL;
}

/* A refused function is never called, however the refusals fall between the frames. */
static void refused_amid_frames(transport how)
{
    record *calls = new_record(NULL);
    ws_config *config = record_all(calls);
    intruder intruders[2] = {0};
    pthread_t threads[2];
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    for (size_t i = 0; i < 2; i++) {
        intruders[i].session = ws_session_ref(session);
        start(&threads[i], intrude, &intruders[i]);
    }
    for (unsigned sent = 0; sent < 5 * AFTER; sent += AFTER) {
        STEER("texts %d", AFTER);
        wait_for_calls(calls, 'f', sent + AFTER);
    }
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    wait_for_calls(calls, 'c', 1);
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&intruders[i].is_over, 1);
        join(threads[i]);
        ws_session_free(session);
    }
    ws_session_free(session);
    CHECK_EQ(count_calls(calls, 'f'), 5 * AFTER);
    expect_calls(calls, "ofcd");
}

static void try_in_on_close(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)calls, (void)frame;
    if (what == 'c')
        CHECK_STATUS(ws_recv_callback(session, never_called, NULL, never_dropped), WS_ERR_STATE);
}

/* Nothing is called after on_close, so that nothing can be taken any more. */
static void after_on_close(transport how)
{
    record *calls = new_record(try_in_on_close);
    ws_config *config = record_all_but_frames(calls);
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    STEER("texts %d 0 close", BEFORE);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    expect_calls(calls, "ocd");
    CHECK_STATUS(ws_recv_callback(session, never_called, NULL, never_dropped), WS_ERR_STATE);
    /* The messages are still there for ws_recv. */
    for (unsigned i = 0; i < BEFORE; i++)
        expect_numbered(session, i, 0);
    CHECK_STATUS(receive_into(session), WS_ERR_CLOSED);
    ws_session_free(session);
}

/* At any moment of the end: taken, and then told all of it, or refused. */
static void about_when_the_session_ends(transport how)
{
    for (unsigned i = 0; i < 50; i++) {
        record *others = new_record(NULL), *calls = new_record(NULL);
        ws_config *config = record_all_but_frames(others);
        ws_session *session = connect_steered(how, config);
        ws_config_free(config);
        STEER("texts %d 0 close", BEFORE);
        for (unsigned j = 0; j < i * 20; j++)
            sched_yield();
        ws_status status = ws_recv_callback(session, note_frame, calls, note_drop);
        if (status != WS_OK)
            CHECK_STATUS(status, WS_ERR_STATE);
        expect_calls(others, "ocd");
        CHECK_EQ(count_calls(calls, 'f'), status == WS_OK ? BEFORE : 0);
        CHECK_EQ(count_calls(calls, 'n'), status == WS_OK);
        CHECK_EQ(count_calls(calls, 'd'), status == WS_OK);
        free(calls);
        ws_session_free(session);
    }
}

/* With callbacks of its configuration that take no frames. */
static void beside_other_callbacks(transport how)
{
    record *others = new_record(NULL);
    ws_config *config = record_all_but_frames(others);
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    record *calls = record_of(session);
    CHECK_OK(ws_recv_callback(session, note_frame, calls, note_drop));
    STEER("texts 3 0 close");
    expect_calls(calls, "fnd");
    wait_for_calls(others, 'c', 1);
    CHECK_STATUS(others->status, WS_ERR_CLOSED);
    ws_session_free(session);
    expect_calls(others, "ocd");
}

/* The leftovers, the end, and that is it. */
static void on_a_session_that_has_ended(transport how, int is_clean)
{
    ws_session *session = connect_steered(how, NULL);
    record *calls = record_of(session);
    STEER("texts %d", BEFORE);
    wait_for_queued(session, BEFORE);
    STEER(is_clean ? "close 1000" : "reset");
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_OK(ws_recv_callback(session, note_frame, calls, note_drop));
    wait_for_calls(calls, 'n', 1);
    CHECK_EQ(count_calls(calls, 'f'), BEFORE);
    expect_calls(calls, "fnd");
    CHECK((ws_session_error(session) == NULL) == is_clean);
    CHECK_STATUS(ws_error_status(ws_session_error(session)), is_clean ? WS_OK : WS_ERR_IO);
    ws_session_free(session);

    session = connect_steered(how, NULL);
    CHECK_OK(ws_abort(session));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    calls = record_of(session);
    CHECK_OK(ws_recv_callback(session, note_frame, calls, NULL));
    wait_for_calls(calls, 'n', 1);
    CHECK_STR(calls->calls, "n");
    ws_session_free(session);
    free(calls);
}

static void after_a_shutdown(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK_STATUS(ws_recv_callback(session, never_called, NULL, never_dropped), WS_ERR_ABORTED);
    ws_session_free(session);
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    for (transport how = PLAIN; how <= (small ? PLAIN : TLS); how++) {
        waiting_messages_come_first(how, 0);
        waiting_messages_come_first(how, 1);
        in_the_middle_of_a_stream(how);
        in_the_middle_of_a_message(how);
        waiting_calls_return(how, 0);
        waiting_calls_return(how, 1);
        beginning_calls_return(how);
        refused(how);
        refused_amid_frames(how);
        after_on_close(how);
        about_when_the_session_ends(how);
        beside_other_callbacks(how);
        on_a_session_that_has_ended(how, 0);
        on_a_session_that_has_ended(how, 1);
        after_a_shutdown(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
