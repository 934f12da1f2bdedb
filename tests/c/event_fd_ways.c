/* The event descriptor: when it can be had, what it costs, how long it lives, and how it goes with threads that wait.
 */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"
#include "watching.h"
#include <sys/resource.h>

/* Messages came in one segment, of which the application took the first: the others are decoded already, or half. */
static void messages_that_were_read_before(transport how)
{
    scripted peer;
    begin_script(&peer, connect_steered(how, NULL));
    for (int i = 0; i < 4; i++)
        write_text(&peer, 300, 1, 0);
    uint64_t half = (peer.ends[3] - peer.ends[2]) / 2;
    release(&peer, peer.bytes - half);
    ws_frame *frame = NULL;
    CHECK_OK(ws_recv(peer.session, &frame, PATIENCE_MS));
    expect_next_frame(&peer, frame);
    int fd = event_fd_of(peer.session);
    settle(&peer);
    CHECK(is_readable(fd));
    while (waiting(&peer) > 0) {
        CHECK_OK(ws_recv(peer.session, &frame, 0));
        expect_next_frame(&peer, frame);
        CHECK_EQ(is_readable(fd), waiting(&peer) > 0);
    }
    release(&peer, half);
    wait_readable(fd);
    CHECK_OK(ws_recv(peer.session, &frame, 0));
    expect_next_frame(&peer, frame);
    CHECK(!is_readable(fd));
    CHECK_EQ(close(fd), 0);
    close_and_free(peer.session);
}

/* Sessions have their sockets, and nothing else until a descriptor is asked for. */
static void descriptors_cost_nothing_before(void)
{
    enum { SESSIONS = 20 };
    ws_session *sessions[SESSIONS];
    int before = count_entries("/proc/self/fd");
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = connect_steered(PLAIN, NULL);
        STEER("texts 1");
        ws_status status;
        while ((status = receive_now(sessions[i])) == WS_ERR_TIMEOUT)
            sched_yield();
        CHECK_OK(status);
    }
    CHECK_EQ(count_entries("/proc/self/fd"), before + SESSIONS);
    int first = event_fd_of(sessions[0]), second = event_fd_of(sessions[0]);
    CHECK(first != second);
    CHECK(fcntl(first, F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl(second, F_GETFD) & FD_CLOEXEC);
    CHECK_EQ(count_entries("/proc/self/fd"), before + SESSIONS + 3);
    CHECK_EQ(close(first), 0);
    CHECK_EQ(close(second), 0);
    for (int i = 0; i < SESSIONS; i++) {
        CHECK_OK(ws_abort(sessions[i]));
        CHECK_OK(ws_wait_closed(sessions[i], PATIENCE_MS));
        ws_session_free(sessions[i]);
    }
    expect_back_at("/proc/self/fd", before);
}

/* Without a free descriptor there is none; receiving goes on, and so does asking. */
static void no_descriptor_to_be_had(void)
{
    ws_session *session = connect_steered(PLAIN, NULL);
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int next = dup(0);
    CHECK(next >= 0);
    CHECK_EQ(close(next), 0);
    /* `free` numbers below the limit: the library needs two. */
    for (int free = 0; free < 2; free++) {
        struct rlimit low = {.rlim_cur = (rlim_t)(next + free), .rlim_max = limit.rlim_max};
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
        CHECK_EQ(ws_event_fd(session), -1);
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
        STEER("texts 1");
        CHECK_OK(receive(session));
    }
    int fd = event_fd_of(session);
    CHECK(!is_readable(fd));
    STEER("texts 1");
    wait_readable(fd);
    CHECK_OK(receive_now(session));
    CHECK(!is_readable(fd));
    CHECK_EQ(close(fd), 0);
    close_and_free(session);
}

static void a_blocked_receiver_goes_on(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    caller waiting, later;
    start_blocked(&waiting, receive, session);
    int fd = event_fd_of(session);
    STEER("texts 1");
    expect_result(&waiting, WS_OK);
    CHECK(!is_readable(fd));
    /* Those that come later wait as well, and share what comes. */
    start_blocked(&waiting, receive, session);
    start_blocked(&later, receive_into, session);
    STEER("texts 2");
    expect_result(&waiting, WS_OK);
    expect_result(&later, WS_OK);
    CHECK(!is_readable(fd));
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, 5), WS_ERR_TIMEOUT);
    start_blocked(&waiting, receive, session);
    CHECK_OK(ws_interrupt(session));
    expect_result(&waiting, WS_ERR_INTERRUPTED);
    CHECK(!is_readable(fd));
    start_blocked(&waiting, receive_batch, session);
    start_blocked(&later, receive, session);
    CHECK_OK(ws_abort(session));
    expect_result(&waiting, WS_ERR_ABORTED);
    expect_result(&later, WS_ERR_ABORTED);
    CHECK(is_readable(fd));
    ws_session_free(session);
    CHECK(is_readable(fd));
    CHECK_EQ(close(fd), 0);
}

/* The descriptor of a session that is freed while it lives says that it has ended. */
static void a_descriptor_outlives_its_session(transport how)
{
    ws_session *session = connect_steered(how, NULL);
    int fd = event_fd_of(session);
    CHECK(!is_readable(fd));
    ws_session_free(session);
    wait_readable(fd);
    CHECK_EQ(close(fd), 0);
}

/* The parent's is none of the child's, and stays what it is. */
static void in_a_forked_child(void)
{
    ws_session *session = connect_steered(PLAIN, NULL);
    int fd = event_fd_of(session);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(ws_event_fd(session), -1);
        ws_session_free(session);
        CHECK(!is_readable(fd));
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(!is_readable(fd));
    STEER("texts 1");
    wait_readable(fd);
    CHECK_OK(receive_now(session));
    CHECK_EQ(close(fd), 0);
    close_and_free(session);
}

static void ignore(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)session, (void)frame, (void)user_data;
}

/* Where messages go elsewhere, there is none. */
static void where_there_is_none(void)
{
    ws_callbacks callbacks = {.struct_size = sizeof callbacks, .on_frame = ignore};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, NULL));
    ws_session *session = connect_steered(PLAIN, config);
    CHECK_EQ(ws_event_fd(session), -1);
    close_and_free(session);
    /* Callbacks besides on_frame do not concern it. */
    callbacks.on_frame = NULL;
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, NULL));
    session = connect_steered(PLAIN, config);
    int fd = event_fd_of(session);
    CHECK_STATUS(receive_now(session), WS_ERR_TIMEOUT);
    close_and_free(session);
    CHECK_EQ(close(fd), 0);
    ws_group *group = ws_group_new();
    CHECK_OK(ws_config_set_group(config, group));
    session = connect_steered(PLAIN, config);
    CHECK_EQ(ws_event_fd(session), -1);
    ws_group_free(group);
    CHECK_EQ(ws_event_fd(session), -1);
    ws_session_free(session);
    ws_config_free(config);
}

/* While it is being opened there is none; then there is. */
static void of_a_session_that_is_being_opened(void)
{
    int listener = listen_silently();
    ws_session *session = NULL;
    CHECK_OK(ws_connect_async(silent_url(listener), NULL, &session));
    CHECK_EQ(ws_event_fd(session), -1);
    ws_session_free(session);
    CHECK_EQ(close(listener), 0);
    CHECK_OK(ws_connect_async(environment("STEERED_WS_URL"), NULL, &session));
    CHECK_OK(ws_wait_open(session, PATIENCE_MS, NULL));
    int fd = event_fd_of(session);
    STEER("texts 1");
    wait_readable(fd);
    expect_numbered(session, 0, 0);
    CHECK_EQ(close(fd), 0);
    close_and_free(session);
}

int main(void)
{
    /* What the library has for all sessions is there from now on, and the line to the server. */
    ws_session *first = connect_steered(PLAIN, NULL);
    STEER("pings 1");
    close_and_free(first);
    descriptors_cost_nothing_before();
    no_descriptor_to_be_had();
    where_there_is_none();
    of_a_session_that_is_being_opened();
    in_a_forked_child();
    for (transport how = PLAIN; how <= TLS; how++) {
        messages_that_were_read_before(how);
        a_blocked_receiver_goes_on(how);
        a_descriptor_outlives_its_session(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
