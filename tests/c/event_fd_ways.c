/* The event descriptor: which sessions have one, what it costs, how long it lives, and how it goes with threads that
 * wait. */

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
    release_and_arrive(&peer, peer.bytes - half);
    ws_frame *frame = NULL;
    CHECK_OK(ws_recv(peer.session, &frame, PATIENCE_MS));
    expect_next_frame(&peer, frame);
    int fd = event_fd_of(peer.session);
    while (waiting(&peer) > 0) {
        CHECK_OK(receive_watching(peer.session, fd, &frame));
        expect_next_frame(&peer, frame);
    }
    expect_nothing_more(peer.session, fd);
    release(&peer, half);
    CHECK_OK(receive_watching(peer.session, fd, &frame));
    expect_next_frame(&peer, frame);
    expect_nothing_more(peer.session, fd);
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
    CHECK_EQ(first, second);
    CHECK(fcntl(first, F_GETFD) & FD_CLOEXEC);
    /* An epoll instance and what wakes it. */
    CHECK_EQ(count_entries("/proc/self/fd"), before + SESSIONS + 2);
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
    expect_nothing_more(session, fd);
    STEER("texts 1");
    ws_frame *frame = NULL;
    CHECK_OK(receive_watching(session, fd, &frame));
    ws_frame_free(frame);
    expect_nothing_more(session, fd);
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
    expect_nothing_more(session, fd);
    /* Those that come later wait as well, and share what comes. */
    start_blocked(&waiting, receive, session);
    start_blocked(&later, receive_into, session);
    STEER("texts 2");
    expect_result(&waiting, WS_OK);
    expect_result(&later, WS_OK);
    expect_nothing_more(session, fd);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, 5), WS_ERR_TIMEOUT);
    start_blocked(&waiting, receive, session);
    CHECK_OK(ws_interrupt(session));
    expect_result(&waiting, WS_ERR_INTERRUPTED);
    expect_nothing_more(session, fd);
    start_blocked(&waiting, receive_batch, session);
    start_blocked(&later, receive, session);
    CHECK_OK(ws_abort(session));
    expect_result(&waiting, WS_ERR_ABORTED);
    expect_result(&later, WS_ERR_ABORTED);
    CHECK(is_readable(fd));
    free_watched(session);
}

/* It is the session's until the last handle is freed: of one that lives, and of one that has ended. */
static void the_descriptor_goes_with_its_session(transport how)
{
    for (int has_ended = 0; has_ended < 2; has_ended++) {
        ws_session *session = connect_steered(how, NULL), *other = ws_session_ref(session);
        int fd = event_fd_of(session);
        CHECK_EQ(ws_event_fd(other), fd);
        int set = watch_by_epoll(fd);
        STEER(has_ended ? "texts 1" : "pings 1");
        if (has_ended) {
            CHECK_OK(ws_abort(session));
            CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
            CHECK_EQ(ws_event_fd(session), fd);
            CHECK(is_readable(fd));
        }
        ws_session_free(session);
        CHECK_EQ(ws_event_fd(other), fd);
        ws_session_free(other);
        expect_gone(set, fd);
    }
}

/* The application watches the descriptor, and never receives. */
static void pings_are_answered_for_who_only_watches(transport how)
{
    enum { ROUNDS = 5 };
    scripted peer;
    begin_script(&peer, connect_steered(how, NULL));
    int fd = event_fd_of(peer.session);
    int set = watch_by_epoll(fd);
    struct epoll_event event;
    for (int round = 0; round < ROUNDS; round++) {
        exchange_ping(&peer);
        /* Behind a message, and amid one. */
        write_text(&peer, 20, 1, 0);
        release(&peer, peer.bytes - peer.released);
        exchange_ping(&peer);
        write_text(&peer, 200, 2, 2);
        release(&peer, peer.bytes - peer.released - 1);
        CHECK_STR(server("answered"), "yes");
        release(&peer, 1);
        CHECK_EQ(epoll_wait(set, &event, 1, PATIENCE_MS), 1);
    }
    while (waiting(&peer) > 0) {
        ws_frame *frame = NULL;
        CHECK_OK(receive_watching(peer.session, fd, &frame));
        expect_next_frame(&peer, frame);
    }
    expect_nothing_more(peer.session, fd);
    CHECK_EQ(close(set), 0);
    close_and_free(peer.session);
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
        CHECK_EQ(fcntl(fd, F_GETFD), -1);
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_EQ(ws_event_fd(session), fd);
    expect_nothing_more(session, fd);
    STEER("texts 1");
    ws_frame *frame = NULL;
    CHECK_OK(receive_watching(session, fd, &frame));
    ws_frame_free(frame);
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
    CHECK_OK(ws_connect_async(environment("STEERED_WS_URL"), config, &session));
    CHECK_EQ(ws_event_fd(session), -1);
    ws_session_free(session);
    /* Callbacks besides on_frame do not concern it. */
    callbacks.on_frame = NULL;
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, NULL));
    session = connect_steered(PLAIN, config);
    int fd = event_fd_of(session);
    CHECK_STATUS(receive_now(session), WS_ERR_TIMEOUT);
    expect_nothing_more(session, fd);
    close_and_free(session);
    ws_group *group = ws_group_new();
    CHECK_OK(ws_config_set_group(config, group));
    session = connect_steered(PLAIN, config);
    CHECK_EQ(ws_event_fd(session), -1);
    ws_group_free(group);
    CHECK_EQ(ws_event_fd(session), -1);
    ws_session_free(session);
    ws_config_free(config);
}

/* It is there from the start, readable when the session is open or has failed, and the same behind that. */
static void of_a_session_that_is_being_opened(void)
{
    int listener = listen_silently();
    ws_session *session = NULL;
    ws_frame *frame = NULL;
    CHECK_OK(ws_connect_async(silent_url(listener), NULL, &session));
    int fd = event_fd_of(session);
    expect_nothing_more(session, fd);
    CHECK_EQ(ws_event_fd(session), fd);
    free_watched(session);

    CHECK_OK(ws_connect_async(silent_url(listener), NULL, &session));
    fd = event_fd_of(session);
    CHECK_OK(ws_abort(session));
    CHECK_STATUS(receive_watching(session, fd, &frame), WS_ERR_ABORTED);
    CHECK_EQ(ws_event_fd(session), fd);
    free_watched(session);
    CHECK_EQ(close(listener), 0);

    /* The descriptor is asked for before, while or behind the end of the opening, as it happens. */
    for (int i = 0; i < 20; i++) {
        CHECK_OK(ws_connect_async("ws://127.0.0.1:1/", NULL, &session));
        if (i % 2 == 0)
            CHECK_STATUS(ws_wait_open(session, PATIENCE_MS, NULL), WS_ERR_CONNECT);
        fd = event_fd_of(session);
        CHECK_STATUS(receive_watching(session, fd, &frame), WS_ERR_CONNECT);
        CHECK(is_readable(fd));
        free_watched(session);
    }
    for (int i = 0; i < 20; i++) {
        CHECK_OK(ws_connect_async(environment(i % 2 == 0 ? "STEERED_WS_URL" : "ECHO_WS_URL"), NULL, &session));
        if (i % 4 == 0)
            CHECK_OK(ws_wait_open(session, PATIENCE_MS, NULL));
        fd = event_fd_of(session);
        /* What ends behind the first call is told of. */
        ws_status status = ws_wait_open(session, 0, NULL);
        if (status != WS_OK) {
            CHECK_STATUS(status, WS_ERR_TIMEOUT);
            wait_readable(fd);
            CHECK_OK(ws_wait_open(session, 0, NULL));
        }
        CHECK_EQ(ws_event_fd(session), fd);
        expect_nothing_more(session, fd);
        if (i % 2 == 0)
            STEER("texts 1");
        else
            CHECK_OK(ws_send_text(session, "0", 1));
        CHECK_OK(receive_watching(session, fd, &frame));
        CHECK_STR((const char *)frame->data, "0");
        ws_frame_free(frame);
        expect_nothing_more(session, fd);
        free_watched(session);
    }
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
        the_descriptor_goes_with_its_session(how);
        pings_are_answered_for_who_only_watches(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
