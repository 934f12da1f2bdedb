/* Sessions freed in callbacks and while they run, and user data that is dropped once, behind all else. With --small
 * only without TLS, for valgrind. */

#define _GNU_SOURCE
#include "recording.h"
#include "steered.h"

enum { POURED = 1000, SHARING = 6 };

static ws_session *connect_recorded(transport how, record *calls)
{
    ws_config *config = record_all(calls);
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    return session;
}

static void free_in_callback(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    if (what == (char)calls->number)
        ws_session_free(session);
    if (frame != NULL)
        CHECK_STR((const char *)frame->data, "0");
    if (what == 'c') {
        ws_close_info info = {.struct_size = sizeof info};
        CHECK_OK(ws_get_close_info(session, &info));
        CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
        CHECK((ws_session_error(session) == NULL) == (calls->status == WS_ERR_CLOSED));
    }
}

/* On_open may come before ws_connect has returned, which then may say that the session was aborted. */
static void in_on_open(transport how, int async)
{
    record *calls = new_record(free_in_callback);
    calls->number = 'o';
    ws_config *config = record_all(calls);
    CHECK_OK(ws_config_add_tls_ca_file(config, environment("STEERED_CA_FILE")));
    const char *url = environment(how == TLS ? "STEERED_WSS_URL" : "STEERED_WS_URL");
    ws_session *session = NULL;
    ws_status status = async ? ws_connect_async(url, config, &session) : ws_connect(url, config, &session, NULL);
    if (async || status != WS_ERR_ABORTED)
        CHECK_OK(status);
    ws_config_free(config);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_ABORTED);
    expect_calls(calls, "ocd");
}

/* Others wait behind the frame, and are never told. */
static void in_on_frame(transport how)
{
    record *calls = new_record(free_in_callback);
    calls->number = 'f';
    connect_recorded(how, calls);
    STEER("texts %d", POURED);
    wait_for_calls(calls, 'c', 1);
    CHECK_EQ(count_calls(calls, 'f'), 1);
    CHECK_STATUS(calls->status, WS_ERR_ABORTED);
    expect_calls(calls, "ofcd");
}

static void in_on_close(transport how)
{
    record *calls = new_record(free_in_callback);
    calls->number = 'c';
    connect_recorded(how, calls);
    STEER("texts 1 0 close");
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_CLOSED);
    expect_calls(calls, "ofcd");

    calls = new_record(free_in_callback);
    calls->number = 'c';
    connect_recorded(how, calls);
    STEER("reset");
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_IO);
    expect_calls(calls, "ocd");
}

/* With another handle left the session goes on. */
static void one_handle_of_two(transport how)
{
    record *calls = new_record(NULL);
    ws_session *session = connect_recorded(how, calls);
    CHECK(ws_session_ref(session) == session);
    calls->act = free_in_callback;
    calls->number = 'f';
    STEER("texts 1");
    wait_for_calls(calls, 'f', 1);
    calls->number = 0;
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    CHECK_OK(ws_send_text(session, "0", 1));
    CHECK_STR(server("message 0"), "0");
    close_and_free(session);
    expect_calls(calls, "ofcd");
}

/* In the first frame, of many. */
static void hold_up(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)frame;
    if (what != 'f')
        return;
    CHECK_EQ(calls->number++, 0);
    CHECK_EQ(sem_post(&calls->here), 0);
    wait_for(&calls->go_on);
    CHECK_STATUS(ws_send_text(session, "never", 5), WS_ERR_ABORTED);
    CHECK(ws_state(session) != WS_STATE_OPEN);
}

static void by_another_thread(transport how)
{
    record *calls = new_record(hold_up);
    ws_session *session = connect_recorded(how, calls);
    STEER("texts %d", POURED);
    wait_for(&calls->here);
    CHECK(ws_session_ref(session) == session);
    ws_session_free(session);
    ws_session_free(session);
    CHECK(strcmp(server("end"), "fin") == 0 || strcmp(server("end"), "rst") == 0);
    CHECK_EQ(count_calls(calls, 'c'), 0);
    CHECK_EQ(count_calls(calls, 'd'), 0);
    CHECK_EQ(sem_post(&calls->go_on), 0);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_ABORTED);
    CHECK_EQ(count_calls(calls, 'f'), 1);
    expect_calls(calls, "ofcd");
}

/* Aborted in the middle: what was received before can still be told, and on_close is the last all the same. */
static void aborted_by_another_thread(transport how)
{
    record *calls = new_record(NULL);
    ws_session *session = connect_recorded(how, calls);
    STEER("texts %d", POURED);
    wait_for_calls(calls, 'f', 1);
    CHECK_OK(ws_abort(session));
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_ABORTED);
    ws_session_free(session);
    expect_calls(calls, "ofcd");
}

/* Sessions of a configuration and its copy share the callbacks. */
static void shared_callbacks(transport how, int config_is_last)
{
    record *calls = new_record(NULL);
    calls->is_shared = 1;
    ws_session *sessions[SHARING];
    ws_config *config = record_all(calls), *copy = ws_config_clone(config);
    CHECK(copy != NULL);
    for (size_t i = 0; i < SHARING; i++)
        sessions[i] = connect_with(how, "hello", i % 2 == 0 ? config : copy);
    ws_config_free(copy);
    if (!config_is_last)
        ws_config_free(config);
    wait_for_calls(calls, 'f', SHARING);
    for (size_t i = 0; i < SHARING; i++) {
        wait_for_calls(calls, 'c', (unsigned)i);
        CHECK_EQ(count_calls(calls, 'd'), 0);
        close_and_free(sessions[i]);
    }
    wait_for_calls(calls, 'c', SHARING);
    if (config_is_last) {
        CHECK_EQ(count_calls(calls, 'd'), 0);
        ws_config_free(config);
    }
    wait_for_calls(calls, 'd', 1);
    CHECK_EQ(count_calls(calls, 'o'), SHARING);
    CHECK_EQ(count_calls(calls, 'f'), SHARING);
    CHECK_EQ(count_calls(calls, 'c'), SHARING);
    free(calls);
}

/* That the session has ended is enough: its handle may stay. */
static void before_the_handle_is_freed(transport how)
{
    record *calls = new_record(NULL);
    ws_session *session = connect_recorded(how, calls);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    expect_calls(calls, "ocd");
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    ws_session_free(session);
}

/* Calls of ws_connect that fail are told by what they return alone. */
static void without_a_session(void)
{
    record *calls = new_record(NULL);
    ws_config *config = record_all(calls);
    ws_session *session = NULL;
    CHECK_STATUS(ws_connect("ws://127.0.0.1:1/", config, &session, NULL), WS_ERR_CONNECT);
    CHECK_STATUS(ws_connect_async("ftp://127.0.0.1:1/", config, &session), WS_ERR_URL);
    CHECK(session == NULL);
    ws_config_free(config);
    expect_calls(calls, "d");
}

static void by_a_shutdown(transport how)
{
    record *calls = new_record(NULL);
    ws_session *session = connect_recorded(how, calls);
    STEER("texts 1");
    wait_for_calls(calls, 'f', 1);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK_EQ(count_calls(calls, 'd'), 1);
    CHECK_STATUS(calls->status, WS_ERR_ABORTED);
    expect_calls(calls, "ofcd");
    ws_session_free(session);
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    for (transport how = PLAIN; how <= (small ? PLAIN : TLS); how++) {
        in_on_open(how, 0);
        in_on_open(how, 1);
        in_on_frame(how);
        in_on_close(how);
        one_handle_of_two(how);
        by_another_thread(how);
        aborted_by_another_thread(how);
        shared_callbacks(how, 0);
        shared_callbacks(how, 1);
        before_the_handle_is_freed(how);
        without_a_session();
        by_a_shutdown(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
