/* A parent and a child that both are process 1, each of a PID namespace of its own: the child does not take what it
 * inherits for its own. Before, a child of clone(2) itself, of which no handler of pthread_atfork knows. */

#define _GNU_SOURCE
#include "process.h"
#include <sched.h>
#include <sys/syscall.h>

enum { SKIPPED = 77 };

static ws_session *session;
static ws_group *group;
static ws_config *config;

static int count_epoll_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        char path[64], target[64] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        count += readlink(path, target, sizeof target - 1) > 0 && strcmp(target, "anon_inode:[eventpoll]") == 0;
    }
    return count;
}

static void use_what_is_inherited(void *nothing)
{
    (void)nothing;
    ws_frame *frame = NULL;
    int inherited = count_epoll_descriptors();
    CHECK_STATUS(ws_send_text(session, "from the child", WS_NUL_TERMINATED), WS_ERR_FORKED);
    CHECK_STATUS(ws_recv(session, &frame, -1), WS_ERR_FORKED);
    CHECK_STATUS(ws_interrupt(session), WS_ERR_FORKED);
    CHECK_STATUS(ws_abort(session), WS_ERR_FORKED);
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    CHECK_EQ(ws_group_size(group), 0);
    /* There are no threads yet: the parent's do not count. */
    CHECK_OK(ws_set_worker_threads(1));
    CHECK_OK(ws_shutdown(-1));
    CHECK_EQ(count_library_threads(), 0);
    CHECK_OK(ws_config_interrupt(config));
    ws_session *own = NULL;
    CHECK_STATUS(ws_connect(environment("ECHO_WS_URL"), config, &own, NULL), WS_ERR_INTERRUPTED);
    CHECK_OK(ws_connect(environment("ECHO_WS_URL"), config, &own, NULL));
    echo_text(own, "the child's own");
    ws_session_free(session);
    ws_group_free(group);
    close_and_free(own);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    /* Those of its own and that of the group are closed. Those of the runtime of the parent are not used. */
    CHECK_EQ(count_epoll_descriptors(), inherited - 1);
}

static void set_up(void)
{
    group = ws_group_new();
    config = ws_config_new();
    CHECK_OK(ws_connect(environment("ECHO_WS_URL"), config, &session, NULL));
    echo_text(session, "before");
}

static void tear_down(void)
{
    echo_text(session, "after");
    close_and_free(session);
    ws_config_free(config);
    ws_group_free(group);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

static void be_process_one(void *nothing)
{
    CHECK_EQ(getpid(), 1);
    use_what_is_inherited(nothing);
}

static void have_a_child_that_is_process_one(void *nothing)
{
    (void)nothing;
    CHECK_EQ(getpid(), 1);
    set_up();
    CHECK_EQ(unshare(CLONE_NEWPID), 0);
    expect_success(start_child(be_process_one, NULL));
    tear_down();
}

static void clone_without_handlers(void)
{
    set_up();
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0UL);
    CHECK(child >= 0);
    if (child == 0) {
        limit_child();
        use_what_is_inherited(NULL);
        _exit(0);
    }
    expect_success(child);
    tear_down();
}

int main(void)
{
    clone_without_handlers();
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
        perror("SKIPPED: this machine allows no PID namespace");
        return SKIPPED;
    }
    expect_success(start_child(have_a_child_that_is_process_one, NULL));
    return 0;
}
