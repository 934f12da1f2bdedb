/* What whoever waits for a session that is being opened is told, and what is known of one that could not be opened. */

#define _GNU_SOURCE
#include "recording.h"
#include "threads.h"
#include "watching.h"
#include <sys/wait.h>

static char url[64];

static int start_listening(const char *scheme)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(listener >= 0);
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, size), 0);
    CHECK_EQ(listen(listener, 10), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(url, sizeof url, "%s://127.0.0.1:%d/", scheme, ntohs(address.sin_port));
    return listener;
}

/* The connection of a client that has sent its first bytes. */
static int take_connection(int listener)
{
    char first;
    int connection = accept(listener, NULL, NULL);
    CHECK(connection >= 0);
    CHECK_EQ(read(connection, &first, 1), 1);
    return connection;
}

static void expect_end(int connection)
{
    char rest[4096];
    while (read(connection, rest, sizeof rest) > 0)
        ;
    CHECK_EQ(close(connection), 0);
}

static ws_session *start_opening(record *calls)
{
    ws_session *session = NULL;
    ws_config *config = record_all_but_frames(calls);
    CHECK_OK(ws_config_set_handshake_timeout_ms(config, -1));
    CHECK_OK(ws_connect_async(url, config, &session));
    ws_config_free(config);
    return session;
}

static void look_at_the_failure(record *calls, char what, ws_session *session, const ws_frame *frame)
{
    (void)frame;
    ws_close_info info = {.struct_size = sizeof info};
    const ws_error *error = ws_session_error(session);
    CHECK_EQ(what, 'c');
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    CHECK_STATUS(ws_error_status(error), calls->status);
    CHECK_STATUS(ws_wait_open(session, -1, NULL), calls->status);
    CHECK_STATUS(ws_shutdown(-1), WS_ERR_STATE);
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.clean, 0);
    CHECK_EQ(info.local_code, 0);
    CHECK_STR(info.reason, "");
    calls->number = ws_error_http_status(error);
}

static void answered_with(const char *answer, ws_status status, uint32_t http_status)
{
    int listener = start_listening("ws");
    record *calls = new_record(look_at_the_failure);
    ws_session *session = start_opening(calls);
    int connection = take_connection(listener);
    int fd = event_fd_of(session);
    CHECK(!is_readable(fd));
    CHECK_EQ(write(connection, answer, strlen(answer)), strlen(answer));
    CHECK_EQ(shutdown(connection, SHUT_WR), 0);
    ws_error *error = NULL;
    ws_frame *frame = NULL;
    wait_readable(fd);
    CHECK_STATUS(ws_recv(session, &frame, 0), status);
    CHECK_STATUS(ws_wait_open(session, 0, &error), status);
    CHECK_STATUS(ws_error_status(error), status);
    CHECK_EQ(ws_error_phase(error), WS_PHASE_HANDSHAKE);
    CHECK_EQ(ws_error_http_status(error), http_status);
    ws_error_free(error);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, status);
    CHECK_EQ(calls->number, http_status);
    CHECK_OK(ws_wait_closed(session, -1));
    CHECK_STATUS(ws_recv(session, &frame, -1), status);
    CHECK_STATUS(ws_send_text(session, "never", 5), status);
    CHECK_STATUS(ws_recv_callback(session, note_frame, NULL, NULL), status);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_abort(session));
    CHECK(is_readable(fd));
    CHECK_EQ(ws_event_fd(session), fd);
    free_watched(session);
    expect_calls(calls, "cd");
    expect_end(connection);
    CHECK_EQ(close(listener), 0);
}

static void an_untrusted_server(void)
{
    record *calls = new_record(look_at_the_failure);
    snprintf(url, sizeof url, "%s", environment("ECHO_WSS_URL"));
    ws_session *session = start_opening(calls);
    ws_error *error = NULL;
    CHECK_STATUS(ws_wait_open(session, PATIENCE_MS, &error), WS_ERR_TLS_CERTIFICATE);
    CHECK_EQ(ws_error_phase(error), WS_PHASE_TLS);
    ws_error_free(error);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_TLS_CERTIFICATE);
    ws_session_free(session);
    expect_calls(calls, "cd");
}

static ws_status wait_open(ws_session *session)
{
    return ws_wait_open(session, -1, NULL);
}

/* In the TLS handshake and in the opening handshake. */
static void all_who_wait_are_told(const char *scheme, int by_freeing)
{
    int listener = start_listening(scheme);
    record *calls = new_record(NULL);
    ws_session *session = start_opening(calls);
    int connection = take_connection(listener);
    caller waiters[5];
    start_blocked(&waiters[0], wait_open, session);
    start_blocked(&waiters[1], receive, session);
    start_blocked(&waiters[2], receive_batch, session);
    start_blocked(&waiters[3], receive_into, session);
    start_blocked(&waiters[4], wait_closed, session);
    CHECK_OK(ws_interrupt(session));
    for (size_t i = 0; i < 5; i++)
        expect_result(&waiters[i], WS_ERR_INTERRUPTED);
    CHECK_EQ(ws_state(session), WS_STATE_CONNECTING);
    CHECK_OK(ws_interrupt(session));
    CHECK_STATUS(ws_wait_open(session, 0, NULL), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_wait_open(session, -1, NULL), WS_ERR_INTERRUPTED);

    start_blocked(&waiters[0], wait_open, session);
    start_blocked(&waiters[1], receive, session);
    start_blocked(&waiters[4], wait_closed, session);
    CHECK_EQ(count_calls(calls, 'c'), 0);
    if (by_freeing)
        ws_session_free(session);
    else
        CHECK_OK(ws_abort(session));
    expect_result(&waiters[0], WS_ERR_ABORTED);
    expect_result(&waiters[1], WS_ERR_ABORTED);
    expect_result(&waiters[4], WS_OK);
    expect_end(connection);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, WS_ERR_ABORTED);
    expect_calls(calls, "cd");
    if (!by_freeing)
        ws_session_free(session);
    CHECK_EQ(close(listener), 0);
}

typedef enum ending { BY_ABORT, BY_CLOSE, BY_GROUP_CLOSE, BY_SHUTDOWN, BY_TIMEOUT, BY_SERVER } ending;

/* Who began the end of a session that was being opened. */
static void the_initiator_is_known(ending how)
{
    int listener = start_listening("ws");
    record *calls = new_record(NULL);
    ws_session *session = NULL;
    ws_config *config = record_all_but_frames(calls);
    ws_group *group = ws_group_new();
    CHECK_OK(ws_config_set_group(config, group));
    CHECK_OK(ws_config_set_handshake_timeout_ms(config, how == BY_TIMEOUT ? 1 : -1));
    CHECK_OK(ws_connect_async(url, config, &session));
    ws_config_free(config);
    int connection = take_connection(listener);
    ws_close_info info = {.struct_size = sizeof info};
    if (how != BY_TIMEOUT)
        CHECK_STATUS(ws_get_close_info(session, &info), WS_ERR_STATE);
    switch (how) {
    case BY_ABORT:
        CHECK_OK(ws_abort(session));
        break;
    case BY_CLOSE:
        CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
        break;
    case BY_GROUP_CLOSE:
        CHECK_OK(ws_group_close(group, WS_CLOSE_NORMAL, NULL, 0, PATIENCE_MS));
        break;
    case BY_SHUTDOWN:
        CHECK_OK(ws_shutdown(PATIENCE_MS));
        break;
    case BY_TIMEOUT:
        break;
    case BY_SERVER:
        CHECK_EQ(shutdown(connection, SHUT_WR), 0);
        break;
    }
    ws_status status = ws_wait_open(session, PATIENCE_MS, NULL);
    CHECK_STATUS(status, how == BY_SERVER    ? WS_ERR_HANDSHAKE_INVALID
                         : how == BY_TIMEOUT ? WS_ERR_TIMEOUT
                                             : WS_ERR_ABORTED);
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.initiator, how == BY_SERVER ? WS_CLOSED_BY_TRANSPORT : WS_CLOSED_BY_LOCAL);
    CHECK_EQ(info.clean, 0);
    CHECK_EQ(info.local_code, 0);
    CHECK_EQ(info.remote_code, WS_CLOSE_ABNORMAL);
    wait_for_calls(calls, 'c', 1);
    CHECK_STATUS(calls->status, status);
    ws_session_free(session);
    expect_calls(calls, "cd");
    ws_group_free(group);
    expect_end(connection);
    CHECK_EQ(close(listener), 0);
}

/* A call that receives goes on by itself once the session is open. */
static void receiving_waits_for_opening(void)
{
    ws_session *session = NULL;
    char hello[256];
    snprintf(hello, sizeof hello, "%shello", environment("ECHO_WS_URL"));
    CHECK_OK(ws_connect_async(hello, NULL, &session));
    expect_text(session, "hello");
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    close_and_free(session);
}

static void a_forked_child(void)
{
    int listener = start_listening("ws");
    record *calls = new_record(NULL);
    ws_session *session = start_opening(calls);
    int connection = take_connection(listener);
    int fd = event_fd_of(session);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        ws_error *error = NULL;
        ws_frame *frame = NULL;
        CHECK_STATUS(ws_wait_open(session, -1, &error), WS_ERR_FORKED);
        CHECK_STATUS(ws_error_status(error), WS_ERR_FORKED);
        ws_error_free(error);
        CHECK_STATUS(ws_recv(session, &frame, -1), WS_ERR_FORKED);
        CHECK_STATUS(ws_recv_callback(session, note_frame, NULL, NULL), WS_ERR_FORKED);
        CHECK_STATUS(ws_abort(session), WS_ERR_FORKED);
        CHECK_STATUS(ws_interrupt(session), WS_ERR_FORKED);
        CHECK_EQ(ws_event_fd(session), -1);
        CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
        ws_session_free(session);
        CHECK_EQ(fcntl(fd, F_GETFD), -1);
        close_and_free(connect_plain(""));
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK_EQ(ws_state(session), WS_STATE_CONNECTING);
    CHECK_EQ(count_calls(calls, 'c'), 0);
    CHECK_EQ(ws_event_fd(session), fd);
    CHECK(!is_readable(fd));
    free_watched(session);
    expect_end(connection);
    expect_calls(calls, "cd");
    CHECK_EQ(close(listener), 0);
}

int main(void)
{
    answered_with("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", WS_ERR_HANDSHAKE_STATUS, 404);
    answered_with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", WS_ERR_HANDSHAKE_STATUS, 200);
    answered_with("nonsense\r\n\r\n", WS_ERR_HANDSHAKE_INVALID, 0);
    an_untrusted_server();
    all_who_wait_are_told("ws", 0);
    all_who_wait_are_told("ws", 1);
    all_who_wait_are_told("wss", 0);
    for (int how = BY_ABORT; how <= BY_SERVER; how++)
        the_initiator_is_known((ending)how);
    receiving_waits_for_opening();
    a_forked_child();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
