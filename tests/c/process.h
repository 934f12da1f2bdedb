/* What a process has: descriptors, threads and children. */

#ifndef PROCESS_H
#define PROCESS_H

#include "check.h"
#include <dirent.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int count_entries(const char *directory)
{
    DIR *entries = opendir(directory);
    CHECK(entries != NULL);
    int count = 0;
    while (readdir(entries) != NULL)
        count++;
    closedir(entries);
    return count;
}

/* Descriptors and threads may go a moment after the call that lets go of them. */
static inline void expect_back_at(const char *directory, int level)
{
    int count = 0;
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms++) {
        count = count_entries(directory);
        if (count <= level)
            return;
        poll(NULL, 0, 1);
    }
    fprintf(stderr, "%s has %d entries, expected at most %d\n", directory, count, level);
    exit(1);
}

/* How many threads have the library's name. */
static inline int count_library_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    int count = 0;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL)
            continue;
        count += fgets(name, sizeof name, file) != NULL && strcmp(name, "ktorws\n") == 0;
        fclose(file);
    }
    closedir(tasks);
    return count;
}

/* A thread that ends may be listed a moment longer, also after it was joined. */
static inline void expect_library_threads_at_most(int most)
{
    int count = 0;
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms++) {
        if ((count = count_library_threads()) <= most)
            return;
        poll(NULL, 0, 1);
    }
    fprintf(stderr, "the library has %d threads, expected at most %d\n", count, most);
    exit(1);
}

static inline void expect_no_library_threads(void)
{
    expect_library_threads_at_most(0);
}

/* What descriptors lead to, by number; 0 for those that are not open. */
enum { DESCRIPTORS = 1024 };

typedef struct descriptor_set {
    ino_t inodes[DESCRIPTORS];
} descriptor_set;

static inline descriptor_set open_descriptors(void)
{
    descriptor_set all;
    struct stat now;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        all.inodes[fd] = fstat(fd, &now) == 0 ? now.st_ino : 0;
    return all;
}

/* A socket, to be known again: its number may become another one's. */
typedef struct known_socket {
    int fd;
    ino_t inode;
} known_socket;

static inline int is_open(known_socket known)
{
    struct stat now;
    return fstat(known.fd, &now) == 0 && S_ISSOCK(now.st_mode) && now.st_ino == known.inode;
}

/* The one connection that was opened since. Meanwhile nobody else opens one; others may be closed, and their numbers
 * used again. */
static inline known_socket socket_opened_since(const descriptor_set *before)
{
    known_socket found = {.fd = -1};
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        struct stat now;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0 || peer.ss_family == AF_UNIX)
            continue;
        CHECK_EQ(fstat(fd, &now), 0);
        if (before->inodes[fd] == now.st_ino)
            continue;
        CHECK_EQ(found.fd, -1);
        found = (known_socket){.fd = fd, .inode = now.st_ino};
    }
    CHECK(found.fd >= 0);
    return found;
}

/* A child that hangs must fail a test as well, and say where it hangs. */
enum { HUNG = 124 };

static inline void on_hang(int number)
{
    static const char message[] = "a child hangs:\n";
    void *frames[64];
    (void)number;
    if (write(2, message, sizeof message - 1) > 0)
        backtrace_symbols_fd(frames, backtrace(frames, 64), 2);
    _exit(HUNG);
}

/* In a child, before anything else. */
static inline void limit_child(void)
{
    signal(SIGALRM, on_hang);
    alarm(PATIENCE_MS / 1000);
}

static inline pid_t start_child(void (*run)(void *argument), void *argument)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        limit_child();
        run(argument);
        _exit(0);
    }
    return child;
}

static inline void expect_exit(pid_t child, int code)
{
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        fprintf(stderr, "the child was killed by signal %d\n", WTERMSIG(status));
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), code);
}

static inline void expect_success(pid_t child)
{
    expect_exit(child, 0);
}

#endif
