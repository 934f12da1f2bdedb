/* Opening without waiting, giving it up, and interrupting ws_connect. */

#define _GNU_SOURCE
#include "threads.h"
#include "watching.h"
#include <semaphore.h>
#include <signal.h>

/* A server that takes connections and never says a word. */
typedef struct mute_server {
    int fd;
    char url[64];
} mute_server;

static mute_server start_mute_server(const char *scheme)
{
    mute_server server = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    CHECK(server.fd >= 0);
    CHECK_EQ(bind(server.fd, (struct sockaddr *)&address, size), 0);
    CHECK_EQ(listen(server.fd, 100), 0);
    CHECK_EQ(getsockname(server.fd, (struct sockaddr *)&address, &size), 0);
    snprintf(server.url, sizeof server.url, "%s://127.0.0.1:%d/", scheme, ntohs(address.sin_port));
    return server;
}

/* The connection that was made, with the first bytes of the client read. */
static int take_connection(const mute_server *server)
{
    char first;
    int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(read(fd, &first, 1), 1);
    return fd;
}

/* The client ends it. */
static void expect_end(int fd)
{
    char rest[4096];
    ssize_t count;
    do
        count = read(fd, rest, sizeof rest);
    while (count > 0);
    CHECK(count == 0 || errno == ECONNRESET);
    close(fd);
}

/* What the callbacks were called for. */
static sem_t closed, dropped;
static ws_status closed_with;
static int opened_count;

static void on_open(ws_session *session, void *user_data)
{
    (void)session, (void)user_data;
    opened_count++;
}

static void on_close(ws_session *session, ws_status status, void *user_data)
{
    (void)user_data;
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    closed_with = status;
    CHECK_EQ(sem_post(&closed), 0);
}

static void drop(void *user_data)
{
    (void)user_data;
    CHECK_EQ(sem_post(&dropped), 0);
}

static ws_session *start_opening(const char *url)
{
    ws_callbacks callbacks = {.struct_size = sizeof callbacks, .on_open = on_open, .on_close = on_close, .drop = drop};
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, NULL));
    ws_session *session = NULL;
    opened_count = 0;
    CHECK_OK(ws_connect_async(url, config, &session));
    CHECK(session != NULL);
    ws_config_free(config);
    return session;
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        CHECK_EQ(errno, EINTR);
}

static void expect_closed(ws_status status)
{
    wait_for(&closed);
    CHECK_STATUS(closed_with, status);
    CHECK_EQ(opened_count, 0);
    wait_for(&dropped);
}

static void opens(void)
{
    ws_session *session = start_opening(environment("ECHO_WS_URL"));
    CHECK_OK(ws_wait_open(session, PATIENCE_MS, NULL));
    CHECK_OK(ws_wait_open(session, 0, NULL));
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    CHECK_EQ(ws_response_status(session), 101);
    echo_text(session, "opened");
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    wait_for(&closed);
    CHECK_STATUS(closed_with, WS_ERR_CLOSED);
    CHECK_EQ(opened_count, 1);
    wait_for(&dropped);
    ws_session_free(session);
    /* Receiving waits for it as well. */
    CHECK_OK(ws_connect_async(environment("ECHO_WS_URL"), NULL, &session));
    ws_frame *frame;
    CHECK_STATUS(ws_recv(session, &frame, 300), WS_ERR_TIMEOUT);
    CHECK_OK(ws_wait_open(session, PATIENCE_MS, NULL));
    ws_session_free(session);
    session = connect_plain("");
    CHECK_OK(ws_wait_open(session, 0, NULL));
    close_and_free(session);
}

static void many_at_once(void)
{
    enum { MANY = 200 };
    ws_session *sessions[MANY];
    for (int i = 0; i < MANY; i++)
        CHECK_OK(ws_connect_async(environment("ECHO_WS_URL"), NULL, &sessions[i]));
    for (int i = 0; i < MANY; i++) {
        CHECK_OK(ws_wait_open(sessions[i], PATIENCE_MS, NULL));
        echo_text(sessions[i], "one of many");
    }
    for (int i = 0; i < MANY; i++)
        close_and_free(sessions[i]);
    /* Without the threads that it took. */
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

static ws_status wait_open(ws_session *session)
{
    return ws_wait_open(session, -1, NULL);
}

static void while_it_is_being_opened(void)
{
    mute_server server = start_mute_server("ws");
    ws_session *session = start_opening(server.url);
    int connection = take_connection(&server);
    ws_frame *frame = NULL;
    ws_stats stats = {.struct_size = sizeof stats};
    ws_close_info reason = {.struct_size = sizeof reason};
    CHECK_EQ(ws_state(session), WS_STATE_CONNECTING);
    CHECK_STATUS(ws_wait_open(session, 0, NULL), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_wait_open(session, 20, NULL), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_send_text(session, "too early", WS_NUL_TERMINATED), WS_ERR_STATE);
    CHECK_STATUS(ws_send(session, WS_FRAME_PING, NULL, 0, 0, -1), WS_ERR_STATE);
    CHECK_STATUS(ws_flush(session, 0), WS_ERR_STATE);
    CHECK_STATUS(ws_recv(session, &frame, 0), WS_ERR_TIMEOUT);
    CHECK_STATUS(ws_get_stats(session, &stats), WS_ERR_STATE);
    CHECK_STATUS(ws_get_close_info(session, &reason), WS_ERR_STATE);
    CHECK_STATUS(ws_wait_closed(session, 0), WS_ERR_TIMEOUT);
    int fd = event_fd_of(session);
    CHECK(!is_readable(fd));
    CHECK_EQ(ws_extension_count(session), 0);
    CHECK(ws_request_url(session) == NULL && ws_subprotocol(session) == NULL);
    CHECK(ws_session_error(session) == NULL);
    /* Waking who waits for it does it no harm. */
    caller waiting;
    start_blocked(&waiting, wait_open, session);
    CHECK_OK(ws_interrupt(session));
    expect_result(&waiting, WS_ERR_INTERRUPTED);
    CHECK_EQ(ws_state(session), WS_STATE_CONNECTING);

    start_blocked(&waiting, wait_open, session);
    CHECK_OK(ws_abort(session));
    expect_result(&waiting, WS_ERR_ABORTED);
    expect_end(connection);
    expect_closed(WS_ERR_ABORTED);
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    CHECK_OK(ws_wait_closed(session, 0));
    CHECK_OK(ws_get_close_info(session, &reason));
    CHECK_EQ(reason.remote_code, WS_CLOSE_ABNORMAL);
    CHECK_STATUS(ws_error_status(ws_session_error(session)), WS_ERR_ABORTED);
    CHECK_STATUS(ws_recv(session, &frame, -1), WS_ERR_ABORTED);
    CHECK_STATUS(ws_send_text(session, "too late", WS_NUL_TERMINATED), WS_ERR_ABORTED);
    CHECK(is_readable(fd));
    CHECK_EQ(ws_event_fd(session), fd);
    free_watched(session);
    close(server.fd);
}

/* Until there is a session, also where there never is one. */
static void has_the_settings_of_its_configuration(void)
{
    mute_server server = start_mute_server("ws");
    ws_config *config = ws_config_new();
    ws_session *session = NULL, *default_session = NULL;
    CHECK_OK(ws_config_set_max_frame_size(config, 1000));
    CHECK_OK(ws_config_set_max_message_size(config, 2000));
    CHECK_OK(ws_config_set_ping_interval_ms(config, 3000));
    CHECK_OK(ws_config_set_allow_unmasked(config, 1));
    CHECK_OK(ws_config_set_masking(config, 0));
    CHECK_OK(ws_connect_async(server.url, config, &session));
    ws_config_free(config);
    CHECK_OK(ws_connect_async(server.url, NULL, &default_session));
    for (int is_over = 0; is_over < 2; is_over++) {
        CHECK_EQ(ws_state(session), is_over ? WS_STATE_CLOSED : WS_STATE_CONNECTING);
        CHECK_EQ(ws_get_max_frame_size(session), 1000);
        CHECK_EQ(ws_get_max_message_size(session), 2000);
        CHECK_EQ(ws_get_ping_interval_ms(session), 3000);
        CHECK_EQ(ws_get_ping_timeout_ms(session), 6000);
        CHECK_EQ(ws_get_masking(session), 0);
        CHECK_EQ(ws_get_max_frame_size(default_session), 64 << 20);
        CHECK_EQ(ws_get_max_message_size(default_session), 64 << 20);
        CHECK_EQ(ws_get_ping_interval_ms(default_session), 0);
        CHECK_EQ(ws_get_ping_timeout_ms(default_session), 0);
        CHECK_EQ(ws_get_masking(default_session), 1);
        CHECK_OK(ws_abort(session));
        CHECK_STATUS(ws_wait_open(session, PATIENCE_MS, NULL), WS_ERR_ABORTED);
    }
    ws_session_free(session);
    ws_session_free(default_session);
    close(server.fd);
}

static void given_up(void)
{
    mute_server server = start_mute_server("ws");
    ws_session *session = start_opening(server.url);
    int connection = take_connection(&server);
    ws_session_free(session);
    expect_end(connection);
    expect_closed(WS_ERR_ABORTED);

    session = start_opening(server.url);
    connection = take_connection(&server);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    expect_end(connection);
    expect_closed(WS_ERR_ABORTED);
    ws_session_free(session);

    session = start_opening(server.url);
    connection = take_connection(&server);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_end(connection);
    expect_closed(WS_ERR_ABORTED);
    ws_session_free(session);
    close(server.fd);
}

static void fails(void)
{
    ws_error *error = NULL;
    ws_session *session = start_opening("ws://127.0.0.1:1/");
    CHECK_STATUS(ws_wait_open(session, PATIENCE_MS, &error), WS_ERR_CONNECT);
    CHECK_STATUS(ws_error_status(error), WS_ERR_CONNECT);
    CHECK_EQ(ws_error_phase(error), WS_PHASE_CONNECT);
    CHECK_EQ(ws_error_os_errno(ws_session_error(session)), ECONNREFUSED);
    ws_error_free(error);
    expect_closed(WS_ERR_CONNECT);
    ws_session_free(session);
    session = NULL;
    CHECK_STATUS(ws_connect_async("no URL", NULL, &session), WS_ERR_URL);
    CHECK_STATUS(ws_connect_async(NULL, NULL, &session), WS_ERR_INVALID_ARGUMENT);
    CHECK(session == NULL);
    CHECK_STATUS(ws_connect_async("ws://127.0.0.1:1/", NULL, NULL), WS_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(ws_wait_open(NULL, 0, &error), WS_ERR_INVALID_ARGUMENT);
    ws_error_free(error);
}

/* ws_connect with a configuration, as a call on a session. */
static ws_config *connecting;
static mute_server mute;

static ws_status connect_mute(ws_session *unused)
{
    ws_session *session = NULL;
    (void)unused;
    return ws_connect(mute.url, connecting, &session, NULL);
}

static void interrupt_in_handler(int signal)
{
    (void)signal;
    ws_config_interrupt(connecting);
}

static void interrupts_connecting(const char *scheme)
{
    enum { SEVERAL = 4 };
    mute = start_mute_server(scheme);
    connecting = ws_config_new();
    CHECK_OK(ws_config_set_handshake_timeout_ms(connecting, -1));
    caller callers[SEVERAL];
    int connections[SEVERAL];
    for (int i = 0; i < SEVERAL; i++) {
        start_call(&callers[i], connect_mute, NULL);
        connections[i] = take_connection(&mute);
    }
    wait_until_blocked(&callers[0]);
    CHECK_OK(ws_config_interrupt(connecting));
    for (int i = 0; i < SEVERAL; i++) {
        expect_result(&callers[i], WS_ERR_INTERRUPTED);
        expect_end(connections[i]);
    }
    /* With none under way, the next one; and only that. */
    CHECK_OK(ws_config_interrupt(connecting));
    CHECK_STATUS(connect_mute(NULL), WS_ERR_INTERRUPTED);
    start_call(&callers[0], connect_mute, NULL);
    connections[0] = take_connection(&mute);
    wait_until_blocked(&callers[0]);
    /* In a signal handler, on the thread itself. */
    struct sigaction action = {.sa_handler = interrupt_in_handler, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(pthread_kill(callers[0].thread, SIGUSR1), 0);
    expect_result(&callers[0], WS_ERR_INTERRUPTED);
    expect_end(connections[0]);
    ws_session *session = NULL;
    CHECK_OK(ws_connect(environment("ECHO_WS_URL"), connecting, &session, NULL));
    close_and_free(session);
    CHECK_STATUS(ws_config_interrupt(NULL), WS_ERR_INVALID_ARGUMENT);
    ws_config_free(connecting);
    close(mute.fd);
}

int main(void)
{
    CHECK_EQ(sem_init(&closed, 0, 0), 0);
    CHECK_EQ(sem_init(&dropped, 0, 0), 0);
    opens();
    many_at_once();
    while_it_is_being_opened();
    has_the_settings_of_its_configuration();
    given_up();
    fails();
    interrupts_connecting("ws");
    interrupts_connecting("wss");
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
