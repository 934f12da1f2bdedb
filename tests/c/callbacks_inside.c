/* What a callback may call: everything, but for what would wait for a later callback of its own session. */

#define _GNU_SOURCE
#include "recording.h"
#include "steered.h"
#include "threads.h"

enum { LARGE = 20 << 20 };

static char large[LARGE];

static ws_session *connect_echo(transport how, record *calls)
{
    ws_config *config = record_all(calls);
    ws_session *session = connect_with(how, "", config);
    ws_config_free(config);
    return session;
}

static ws_session *connect_recorded(transport how, record *calls)
{
    ws_config *config = record_all(calls);
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    return session;
}

static void ignore(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)session, (void)frame, (void)user_data;
    abort();
}

static void expect_refusals(ws_session *session, int64_t timeout_ms)
{
    ws_frame *frame = NULL;
    char buffer[8];
    size_t size = 77;
    CHECK_STATUS(ws_recv(session, &frame, timeout_ms), WS_ERR_STATE);
    CHECK_STATUS(ws_recv_batch(session, &frame, 1, &size, timeout_ms), WS_ERR_STATE);
    CHECK_STATUS(ws_recv_into(session, buffer, sizeof buffer, &size, NULL, timeout_ms), WS_ERR_STATE);
    CHECK(frame == NULL);
    CHECK_EQ(size, 0);
    CHECK_STATUS(ws_shutdown(timeout_ms), WS_ERR_STATE);
    CHECK_EQ(ws_event_fd(session), -1);
}

static void refuse(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)calls, (void)frame;
    expect_refusals(session, 0);
    expect_refusals(session, -1);
    if (what != 'c') {
        CHECK_STATUS(ws_wait_closed(session, 0), WS_ERR_TIMEOUT);
        CHECK_STATUS(ws_wait_closed(session, -1), WS_ERR_STATE);
        CHECK_STATUS(ws_recv_callback(session, ignore, NULL, NULL), WS_ERR_STATE);
    }
}

static void what_would_wait_is_refused(transport how)
{
    record *calls = new_record(refuse);
    ws_session *session = connect_recorded(how, calls);
    STEER("texts 3");
    wait_for_calls(calls, 'f', 3);
    STEER("close 1000");
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_CLOSED);
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

/* The server echoes what is sent in each callback: "0" from on_open, "1" to "4" from the frame "0". */
static void send_in_all_ways(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    const ws_message items[2] = {{.data = "3", .size = 1, .type = WS_FRAME_TEXT}, {.data = "4", .size = 1, .type = WS_FRAME_TEXT}};
    size_t accepted = 0;
    ws_stats stats = {.struct_size = sizeof stats};
    if (what == 'o')
        CHECK_OK(ws_send_text(session, "0", 1));
    if (what == 'c') {
        CHECK_STATUS(ws_send_text(session, "never", 5), WS_ERR_CLOSED);
        CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
        CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
        CHECK_OK(ws_abort(session));
    }
    if (what != 'f')
        return;
    CHECK_EQ(frame->data[0], '0' + (int)calls->number);
    CHECK_EQ(frame->size, 1);
    if (calls->number++ > 0)
        return;
    CHECK_OK(ws_wait_open(session, 0, NULL));
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    CHECK_OK(ws_send_text(session, "1", WS_NUL_TERMINATED));
    CHECK_OK(ws_send(session, WS_FRAME_PING, "ping", 4, 0, -1));
    CHECK_OK(ws_send(session, WS_FRAME_PONG, "pong", 4, 0, -1));
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, "2", 1, WS_SEND_CORK, -1));
    CHECK_OK(ws_send_batch(session, items, 2, &accepted, -1));
    CHECK_EQ(accepted, 2);
    CHECK_OK(ws_flush(session, -1));
    CHECK_EQ(ws_buffered_amount(session), 0);
    CHECK_OK(ws_get_stats(session, &stats));
    CHECK_EQ(stats.messages_sent, 5);
    CHECK(stats.messages_received >= 1);
    CHECK_OK(ws_set_max_frame_size(session, 1000));
    CHECK_OK(ws_set_max_message_size(session, 1000));
    CHECK_EQ(ws_get_max_message_size(session), 1000);
    CHECK_OK(ws_set_masking(session, 1));
    CHECK_OK(ws_set_ping_interval_ms(session, 50000));
    CHECK_OK(ws_set_ping_timeout_ms(session, 50000));
    CHECK_OK(ws_set_user_data(session, calls));
    CHECK(ws_get_user_data(session) == calls);
    CHECK(ws_session_error(session) == NULL);
    CHECK(ws_session_ref(session) == session);
    ws_session_free(session);
}

static void sending_and_asking(transport how)
{
    record *calls = new_record(send_in_all_ways);
    ws_session *session = connect_echo(how, calls);
    wait_for_calls(calls, 'f', 5);
    CHECK(ws_get_user_data(session) == calls);
    close_and_free(session);
    expect_calls(calls, "ofcd");
}

/* The kernel is full: who waits in a callback is served by another thread. */
static void flush_in_callback(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)frame;
    if (what != 'f' || calls->number++ > 0)
        return;
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, large, LARGE, 0, 0));
    CHECK_STATUS(ws_flush(session, 0), WS_ERR_TIMEOUT);
    CHECK_OK(ws_interrupt(session));
    CHECK_STATUS(ws_flush(session, -1), WS_ERR_INTERRUPTED);
    CHECK_EQ(sem_post(&calls->here), 0);
    CHECK_OK(ws_flush(session, -1));
    CHECK_EQ(ws_buffered_amount(session), 0);
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "after", 5, 0, -1));
}

static void flushing_to_a_full_kernel(transport how)
{
    record *calls = new_record(flush_in_callback);
    ws_session *session = connect_recorded(how, calls);
    STEER("read off");
    STEER("texts 2");
    wait_for(&calls->here);
    CHECK_EQ(count_calls(calls, 'f'), 0);
    STEER("read on");
    wait_for_calls(calls, 'f', 2);
    CHECK_STR(server("message 1"), "after");
    close_and_free(session);
    expect_calls(calls, "ofcd");
}

static void send_to_a_full_queue(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)frame;
    if (what != 'f')
        return;
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, large, LARGE, 0, 0));
    CHECK_STATUS(ws_send(session, WS_FRAME_TEXT, "never", 5, 0, 10), WS_ERR_TIMEOUT);
    CHECK_EQ(sem_post(&calls->here), 0);
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "after", 5, 0, -1));
}

static void sending_to_a_full_queue(transport how)
{
    record *calls = new_record(send_to_a_full_queue);
    ws_session *session = connect_recorded(how, calls);
    STEER("read off");
    STEER("texts 1");
    wait_for(&calls->here);
    STEER("read on");
    wait_for_calls(calls, 'f', 1);
    CHECK_STR(server("message 1"), "after");
    ws_abort(session);
    ws_session_free(session);
    wait_for_calls(calls, 'd', 1);
    CHECK_EQ(count_calls(calls, 'c'), 1);
    free(calls);
}

/* All that waits, on other sessions. */
static void use_others(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)frame;
    for (transport how = PLAIN; how <= TLS; how++) {
        ws_session *other = connect_with(how, "", NULL);
        CHECK(other != session);
        echo_text(other, "inside");
        CHECK_EQ(ws_send_text(other, "left behind", WS_NUL_TERMINATED), WS_OK);
        close_and_free(other);
    }
    ws_session *later = NULL;
    ws_frame *hello = NULL;
    CHECK_OK(ws_connect_async(environment("ECHO_WS_URL"), NULL, &later));
    CHECK_OK(ws_wait_open(later, PATIENCE_MS, NULL));
    echo_text(later, "opened inside");
    CHECK_STATUS(ws_recv(later, &hello, 1), WS_ERR_TIMEOUT);
    if (calls->other != NULL && what == 'f')
        CHECK_OK(ws_interrupt(calls->other));
    close_and_free(later);
}

static void other_sessions(transport how)
{
    record *calls = new_record(use_others);
    ws_session *awaited = connect_with(how, "", NULL);
    caller waiter;
    calls->other = awaited;
    ws_session *session = connect_recorded(how, calls);
    wait_for_calls(calls, 'o', 1);
    start_call(&waiter, receive, awaited);
    STEER("texts 1");
    expect_result(&waiter, WS_ERR_INTERRUPTED);
    wait_for_calls(calls, 'f', 1);
    close_and_free(session);
    expect_calls(calls, "ofcd");
    close_and_free(awaited);
}

static void close_in_callback(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)frame;
    if (what == (char)calls->number)
        CHECK_OK(ws_close(session, 4001, "inside", 6));
}

static void abort_in_callback(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)frame;
    if (what == (char)calls->number)
        CHECK_OK(ws_abort(session));
}

static void closing_and_aborting(transport how, char in)
{
    record *calls = new_record(close_in_callback);
    calls->number = (unsigned)in;
    ws_session *session = connect_recorded(how, calls);
    /* A session that ends in on_open takes none. */
    if (in != 'o')
        STEER("texts 1");
    CHECK_STR(server("close_code"), "4001");
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_CLOSED);
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.local_code, 4001);
    CHECK_EQ(info.clean, 1);
    ws_session_free(session);
    wait_for_calls(calls, 'd', 1);
    free(calls);

    calls = new_record(abort_in_callback);
    calls->number = (unsigned)in;
    session = connect_recorded(how, calls);
    if (in != 'o')
        STEER("texts 1");
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_ABORTED);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
    wait_for_calls(calls, 'd', 1);
    free(calls);
}

int main(void)
{
    for (uint32_t workers = 1; workers <= 2; workers++) {
        CHECK_OK(ws_set_worker_threads(workers));
        for (transport how = PLAIN; how <= TLS; how++) {
            what_would_wait_is_refused(how);
            sending_and_asking(how);
            flushing_to_a_full_kernel(how);
            sending_to_a_full_queue(how);
            other_sessions(how);
            closing_and_aborting(how, 'o');
            closing_and_aborting(how, 'f');
        }
        CHECK_OK(ws_shutdown(PATIENCE_MS));
    }
    return 0;
}
