/* A program that is executed gets none of the library's descriptors, whatever the library is doing. */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"

enum { WHILE_CONNECTING = 50, CONNECTORS = 2 };

/* What this program has itself, as the one it executes is to have it: a digit for each descriptor. */
static char own_descriptors[DESCRIPTORS + 1];
static char *program;
static atomic_int is_over;

static void list_descriptors(char *list)
{
    descriptor_set all = open_descriptors();
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        list[fd] = all.inodes[fd] != 0 ? '1' : '0';
    list[DESCRIPTORS] = '\0';
}

/* The executed program's part. */
static int has_only(const char *expected)
{
    char list[DESCRIPTORS + 1];
    list_descriptors(list);
    int unexpected = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        char path[64], target[256] = "";
        if (list[fd] == expected[fd])
            continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        fprintf(stderr, "descriptor %d is %s: %s\n", fd, list[fd] == '1' ? "there" : "not there",
                readlink(path, target, sizeof target - 1) > 0 ? target : "");
        unexpected++;
    }
    return unexpected == 0;
}

static void execute(void *argument)
{
    char *const arguments[] = {program, argument, NULL};
    execv("/proc/self/exe", arguments);
    _exit(1);
}

static void every_descriptor_closes_on_exec(void)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && own_descriptors[fd] == '0' && (flags & FD_CLOEXEC) == 0) {
            fprintf(stderr, "descriptor %d is not close-on-exec\n", fd);
            exit(1);
        }
    }
    expect_success(start_child(execute, own_descriptors));
}

/* A receiver that waits for long has something to be woken by. This only chooses what is there. */
static void fall_fast_asleep(void)
{
    poll(NULL, 0, 120);
}

static void with_sessions(void)
{
    ws_session *sessions[2], *interrupted = connect_plain("");
    caller receivers[2];
    for (transport how = PLAIN; how <= TLS; how++) {
        sessions[how] = connect_with(how, "", NULL);
        echo_text(sessions[how], "hello");
        start_blocked(&receivers[how], receive, sessions[how]);
    }
    fall_fast_asleep();
    CHECK_OK(ws_interrupt(interrupted));
    every_descriptor_closes_on_exec();

    for (transport how = PLAIN; how <= TLS; how++) {
        CHECK_OK(ws_interrupt(sessions[how]));
        expect_result(&receivers[how], WS_ERR_INTERRUPTED);
        every_descriptor_closes_on_exec();
        echo_text(sessions[how], "still here");
        close_and_free(sessions[how]);
    }
    ws_session_free(interrupted);
}

static void *connect_again_and_again(void *how)
{
    while (!atomic_load(&is_over)) {
        ws_session *session = connect_with(how == NULL ? PLAIN : TLS, "", NULL);
        CHECK_OK(ws_interrupt(session));
        ws_session_free(session);
    }
    return NULL;
}

/* Not a moment after they were opened either. */
static void while_others_connect(void)
{
    pthread_t connectors[CONNECTORS];
    for (int i = 0; i < CONNECTORS; i++)
        start(&connectors[i], connect_again_and_again, i % 2 == 0 ? NULL : &is_over);
    for (int i = 0; i < WHILE_CONNECTING; i++)
        expect_success(start_child(execute, own_descriptors));
    atomic_store(&is_over, 1);
    for (int i = 0; i < CONNECTORS; i++)
        join(connectors[i]);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return has_only(argv[1]) ? 0 : 1;
    program = argv[0];
    /* That these two are there shows that the executed program sees what it is given. */
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    list_descriptors(own_descriptors);
    CHECK_EQ(own_descriptors[fds[0]], '1');

    with_sessions();
    while_others_connect();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
