/* A forked child inherits handles it may only free, and can connect anew; the parent goes on. */

#define _POSIX_C_SOURCE 200809L
#include "process.h"

static pid_t parent;

/* Asked by LeakSanitizer: to a child, memory of the threads that it does not have looks lost. */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return getpid() != parent;
}

/* An open session, and the socket it has. */
typedef struct opened {
    transport how;
    ws_session *session;
    known_socket connection;
} opened;

static opened open_session(transport how)
{
    descriptor_set before = open_descriptors();
    opened it = {.how = how, .session = connect_with(how, "", NULL)};
    it.connection = socket_opened_since(&before);
    echo_text(it.session, "before");
    return it;
}

static void connect_and_echo(transport how)
{
    ws_session *own = connect_with(how, "", NULL);
    echo_text(own, "the child's own");
    close_and_free(own);
}

static void use_the_library(void *nothing)
{
    (void)nothing;
    connect_and_echo(PLAIN);
    connect_and_echo(TLS);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

static void every_call_says_so(ws_session *inherited)
{
    char buffer[16];
    size_t size = 77;
    uint32_t type = 77;
    ws_frame *frame = NULL;
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_STATUS(ws_send_text(inherited, "from the child", WS_NUL_TERMINATED), WS_ERR_FORKED);
    CHECK_STATUS(ws_send_binary(inherited, "", 0), WS_ERR_FORKED);
    CHECK_STATUS(ws_send(inherited, WS_FRAME_TEXT, "", 0, 0, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_recv(inherited, &frame, -1), WS_ERR_FORKED);
    CHECK(frame == NULL);
    CHECK_STATUS(ws_recv_into(inherited, buffer, sizeof buffer, &size, &type, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_set_max_frame_size(inherited, 1), WS_ERR_FORKED);
    CHECK_STATUS(ws_set_max_message_size(inherited, 1), WS_ERR_FORKED);
    CHECK_STATUS(ws_flush(inherited, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_send(inherited, WS_FRAME_PING, NULL, 0, 0, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_interrupt(inherited), WS_ERR_FORKED);
    CHECK_STATUS(ws_close(inherited, WS_CLOSE_NORMAL, NULL, 0), WS_ERR_FORKED);
    CHECK_STATUS(ws_wait_closed(inherited, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_get_close_info(inherited, &info), WS_ERR_FORKED);
    CHECK_STATUS(ws_abort(inherited), WS_ERR_FORKED);
    CHECK_EQ(ws_state(inherited), WS_STATE_CLOSED);
}

static void free_it_and_connect_anew(void *inherited)
{
    opened *it = inherited;
    every_call_says_so(it->session);
    ws_session_free(it->session);
    connect_and_echo(it->how);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

/* While the child holds it, the server would not see the parent go. */
static void freeing_closes_the_socket(void *inherited)
{
    opened *it = inherited;
    ws_session *second = ws_session_ref(it->session);
    ws_session_free(it->session);
    CHECK(is_open(it->connection));
    ws_session_free(second);
    CHECK(!is_open(it->connection));
}

static void exit_in_order(void *inherited)
{
    (void)inherited;
    exit(0);
}

/* Without a look at the library. */
static void exit_at_once(void *inherited)
{
    (void)inherited;
}

static void shut_down(void *inherited)
{
    (void)inherited;
    CHECK_OK(ws_set_worker_threads(3));
    CHECK_OK(ws_shutdown(-1));
}

static void child_of_the_child(void *inherited)
{
    opened **both = inherited;
    for (int i = 0; i < 2; i++) {
        every_call_says_so(both[i]->session);
        ws_session_free(both[i]->session);
    }
    use_the_library(NULL);
}

static void fork_again(void *inherited)
{
    opened *parents = inherited, own = open_session(parents->how), *both[] = {parents, &own};
    expect_success(start_child(child_of_the_child, both));
    CHECK_STATUS(ws_send_text(parents->session, "from the child", WS_NUL_TERMINATED), WS_ERR_FORKED);
    ws_session_free(parents->session);
    echo_text(own.session, "in spite of the grandchild");
    close_and_free(own.session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

/* The parent's session is as it was, whatever the child does. */
static void fork_with_an_open_session(transport how, void (*in_the_child)(void *inherited))
{
    opened it = open_session(how);
    expect_success(start_child(in_the_child, &it));
    echo_text(it.session, "after");
    close_and_free(it.session);
}

/* Both start it, at the same time. */
static void fork_before_the_first_use(void)
{
    pid_t child = start_child(use_the_library, NULL);
    use_the_library(NULL);
    expect_success(child);
}

int main(void)
{
    parent = getpid();
    fork_before_the_first_use();
    for (transport how = PLAIN; how <= TLS; how++) {
        fork_with_an_open_session(how, free_it_and_connect_anew);
        fork_with_an_open_session(how, exit_at_once);
        fork_with_an_open_session(how, exit_in_order);
        fork_with_an_open_session(how, shut_down);
        fork_with_an_open_session(how, fork_again);
    }
    for (transport how = PLAIN; how <= TLS; how++)
        fork_with_an_open_session(how, freeing_closes_the_socket);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
