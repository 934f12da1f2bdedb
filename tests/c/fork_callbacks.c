/* Forks in functions that the library calls, and where a thread ends. The child may exit, become another program, use
 * the library, or return from the callback. The parent's sessions are as they were. */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"
#include <arpa/inet.h>

typedef enum ending { EXITS, EXECS, CONNECTS, RETURNS, ENDINGS } ending;

static atomic_int forked, told_open, told_closed, dropped;
static atomic_uint frames;
static atomic_int how; /* An ending. */

static void *const no_data = NULL;

static void use_the_library(void)
{
    for (transport way = PLAIN; way <= TLS; way++) {
        ws_session *own = connect_with(way, "", NULL);
        echo_text(own, "the child's own");
        close_and_free(own);
    }
}

/* Returns in the child if it is to. */
static pid_t fork_here(void)
{
    static char *const arguments[] = {"true", NULL};
    pid_t child = fork();
    CHECK(child >= 0);
    if (child != 0)
        return child;
    limit_child();
    switch (atomic_load(&how)) {
    case EXITS:
        _exit(0);
    case EXECS:
        execvp(arguments[0], arguments);
        _exit(1);
    case CONNECTS:
        use_the_library();
        _exit(0);
    default:
        return 0;
    }
}

static void fork_and_wait(void)
{
    pid_t child = fork_here();
    if (child > 0) {
        expect_success(child);
        atomic_fetch_add(&forked, 1);
    }
}

static void on_open(ws_session *session, void *user_data)
{
    (void)session, (void)user_data;
    fork_and_wait();
    atomic_fetch_add(&told_open, 1);
}

static void on_frame(ws_session *session, const ws_frame *frame, void *user_data)
{
    unsigned number = atomic_load(&frames);
    (void)session, (void)user_data;
    CHECK_EQ(frame->size, sizeof number);
    CHECK(memcmp(frame->data, &number, sizeof number) == 0);
    if (number % 8 == 0)
        fork_and_wait();
    atomic_fetch_add(&frames, 1);
}

static void on_close(ws_session *session, ws_status status, void *user_data)
{
    (void)session, (void)user_data;
    CHECK_STATUS(status, WS_ERR_CLOSED);
    fork_and_wait();
    atomic_fetch_add(&told_closed, 1);
}

static void on_drop(void *user_data)
{
    (void)user_data;
    fork_and_wait();
    atomic_fetch_add(&dropped, 1);
}

static void wait_for(atomic_int *count)
{
    while (atomic_load(count) == 0)
        poll(NULL, 0, 1);
}

static void in_the_callbacks_of_a_session(transport way)
{
    enum { FRAMES = 32 };
    ws_callbacks callbacks = {.struct_size = sizeof callbacks};
    callbacks.on_open = on_open, callbacks.on_frame = on_frame, callbacks.on_close = on_close, callbacks.drop = on_drop;
    atomic_store(&told_open, 0), atomic_store(&told_closed, 0), atomic_store(&dropped, 0);
    atomic_store(&forked, 0), atomic_store(&frames, 0);
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, no_data));
    ws_session *session = connect_with(way, "", config);
    /* Then the thread of the library that calls on_close calls `drop`. */
    ws_config_free(config);
    for (unsigned number = 0; number < FRAMES; number++)
        CHECK_OK(ws_send_binary(session, &number, sizeof number));
    while (atomic_load(&frames) < FRAMES)
        poll(NULL, 0, 1);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    wait_for(&told_closed);
    CHECK_EQ(atomic_load(&told_open), 1);
    wait_for(&dropped);
    CHECK_EQ(atomic_load(&forked), 3 + FRAMES / 8);
    ws_session_free(session);
}

/* The line comes on the thread that connects, before it does; the library waits for it. */
static void on_line(uint32_t level, uint64_t id, const char *line, void *user_data)
{
    (void)level, (void)id, (void)user_data;
    if (strncmp(line, "connecting to", 13) == 0 && atomic_exchange(&forked, 1) == 0)
        fork_and_wait();
}

static void in_the_log(void)
{
    pid_t parent = getpid();
    ws_session *session = NULL;
    atomic_store(&forked, 0);
    CHECK_OK(ws_set_log_callback(WS_LOG_INFO, on_line, NULL));
    ws_status status = ws_connect(environment("ECHO_WS_URL"), NULL, &session, NULL);
    if (getpid() != parent) {
        CHECK_STATUS(status, WS_ERR_FORKED);
        use_the_library();
        CHECK_OK(ws_set_log_callback(WS_LOG_OFF, NULL, NULL));
        _exit(0);
    }
    CHECK_OK(status);
    CHECK_OK(ws_set_log_callback(WS_LOG_OFF, NULL, NULL));
    echo_text(session, "after");
    close_and_free(session);
}

/* A server that asks for credentials; it says how often somebody has connected. */

static int listener;
static atomic_int connections;

static void *ask_for_credentials(void *nothing)
{
    static const char answer[] =
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\r\n";
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
        char request[4096];
        size_t used = 0;
        atomic_fetch_add(&connections, 1);
        for (ssize_t count;
             used < sizeof request - 1 && (count = read(fd, request + used, sizeof request - 1 - used)) > 0;) {
            request[used += (size_t)count] = '\0';
            if (strstr(request, "\r\n\r\n") != NULL)
                break;
        }
        if (used > 0)
            CHECK(write(fd, answer, sizeof answer - 1) > 0);
    }
    return nothing;
}

static void fork_when_asked(ws_auth *auth, void *user_data)
{
    (void)user_data;
    if (atomic_exchange(&forked, 1) == 0)
        fork_and_wait();
    if (atomic_load(&how) == RETURNS && ws_auth_attempt(auth) == 1)
        CHECK_OK(ws_auth_basic(auth, "user", "password"));
}

static void when_asked_for_credentials(void)
{
    pid_t parent = getpid();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    pthread_t server;
    char url[64];
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, size), 0);
    CHECK_EQ(listen(listener, 8), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/", ntohs(address.sin_port));
    start(&server, ask_for_credentials, NULL);
    atomic_store(&forked, 0), atomic_store(&connections, 0);
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_auth_callback(config, fork_when_asked, NULL));
    ws_session *session = NULL;
    ws_status status = ws_connect(url, config, &session, NULL);
    if (getpid() != parent) {
        CHECK_STATUS(status, WS_ERR_FORKED);
        _exit(0);
    }
    CHECK_STATUS(status, WS_ERR_HANDSHAKE_STATUS);
    /* The parent's: one, and another one with the credentials. */
    CHECK_EQ(atomic_load(&connections), atomic_load(&how) == RETURNS ? 2 : 1);
    ws_config_free(config);
    shutdown(listener, SHUT_RDWR);
    join(server);
    close(listener);
}

static void fork_at_the_end(void *session)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        limit_child();
        CHECK_STATUS(ws_send_text(session, "from the child", WS_NUL_TERMINATED), WS_ERR_FORKED);
        ws_session_free(session);
        use_the_library();
        _exit(0);
    }
    expect_success(child);
    use_the_library();
}

static pthread_key_t key;

static void *end_with_a_key(void *session)
{
    CHECK_EQ(pthread_setspecific(key, session), 0);
    echo_text(session, "on a thread");
    return NULL;
}

static void in_the_destructor_of_a_key(void)
{
    ws_session *session = connect_plain("");
    pthread_t thread;
    CHECK_EQ(pthread_key_create(&key, fork_at_the_end), 0);
    start(&thread, end_with_a_key, session);
    join(thread);
    CHECK_EQ(pthread_key_delete(key), 0);
    echo_text(session, "after");
    close_and_free(session);
}

int main(void)
{
    for (int round = 0; round < 3; round++) {
        for (ending next = EXITS; next < ENDINGS; next++) {
            atomic_store(&how, next);
            in_the_callbacks_of_a_session(PLAIN);
            in_the_callbacks_of_a_session(TLS);
            in_the_log();
            when_asked_for_credentials();
        }
        in_the_destructor_of_a_key();
        CHECK_OK(ws_shutdown(PATIENCE_MS));
    }
    return 0;
}
