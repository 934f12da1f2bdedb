/* The library's threads take no signals and its calls leave the caller's mask alone. */

#define _GNU_SOURCE
#include "check.h"
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t handled;
static volatile sig_atomic_t handled_elsewhere;

static void on_signal(int signal_number)
{
    (void)signal_number;
    if (gettid() != getpid())
        handled_elsewhere = 1;
    handled++;
}

/* Every signal that can be blocked: not SIGKILL and SIGSTOP, nor the two glibc keeps for itself. */
static unsigned long long all_signals(void)
{
    unsigned long long mask = 0;
    for (int number = 1; number <= 64; number++)
        if (number != SIGKILL && number != SIGSTOP && number != 32 && number != 33)
            mask |= 1ULL << (number - 1);
    return mask;
}

/* Whether the thread is there: any but the main one can end at any time. */
static int read_thread_file(const char *thread, const char *name, char *content, size_t size)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/self/task/%s/%s", thread, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    size_t length = fread(content, 1, size - 1, file);
    content[length] = '\0';
    fclose(file);
    return length > 0;
}

/* How many threads the library has by name. Named yet or not, every thread but the main one must block all.
 */
static int check_threads(int *unnamed)
{
    int named = 0;
    *unnamed = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char name[64], status[4096];
        unsigned long long blocked = 0;
        if (task->d_name[0] == '.' || atol(task->d_name) == getpid())
            continue;
        if (!read_thread_file(task->d_name, "status", status, sizeof status) ||
            !read_thread_file(task->d_name, "comm", name, sizeof name))
            continue;
        const char *line = strstr(status, "SigBlk:");
        CHECK(line != NULL);
        CHECK_EQ(sscanf(line, "SigBlk: %llx", &blocked), 1);
        CHECK_EQ(blocked & all_signals(), all_signals());
        if (strncmp(name, "ktorws", 6) == 0)
            ++named;
        else
            ++*unnamed;
    }
    closedir(tasks);
    return named;
}

static void use(transport how)
{
    sigset_t before, after;
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    ws_session *session = connect_with(how, "", NULL);
    echo_text(session, "hello");

    /* A thread has its creator's name until it has run for a moment. */
    int unnamed;
    while (check_threads(&unnamed) == 0 || unnamed > 0)
        sched_yield();

    sig_atomic_t earlier = handled;
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK(handled > earlier);
    CHECK_EQ(handled_elsewhere, 0);

    echo_text(session, "after the signals");
    close_and_free(session);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int number = 1; number <= 64; number++)
        CHECK_EQ(sigismember(&after, number), sigismember(&before, number));
}

/* A handler may run while a call waits: the call goes on waiting. */
static void signals_do_not_end_a_wait(transport how)
{
    ws_session *session = connect_with(how, "", NULL);
    ws_frame *frame = NULL;
    sig_atomic_t earlier = handled;
    struct itimerval often = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000}, never = {0};
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (handled < earlier + 20) {
        CHECK_STATUS(ws_recv(session, &frame, 20), WS_ERR_TIMEOUT);
        CHECK_STATUS(ws_wait_closed(session, 20), WS_ERR_TIMEOUT);
        echo_text(session, "while signals arrive");
    }
    CHECK_EQ(setitimer(ITIMER_REAL, &never, NULL), 0);
    close_and_free(session);
}

/* A process-wide signal that this thread blocks waits for it: no other thread of the process takes it. */
static void blocked_signals_stay_pending(transport how)
{
    static const int numbers[] = {SIGUSR1, SIGALRM};
    enum { SIGNALS = sizeof numbers / sizeof numbers[0] };
    sigset_t blocked, before, pending;
    ws_session *session = connect_with(how, "", NULL);
    sigemptyset(&blocked);
    for (int i = 0; i < SIGNALS; i++)
        sigaddset(&blocked, numbers[i]);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
    sig_atomic_t earlier = handled;
    for (int i = 0; i < SIGNALS; i++)
        CHECK_EQ(kill(getpid(), numbers[i]), 0);
    /* Threads that the library starts now must not take them either. */
    for (int i = 0; i < 20; i++) {
        ws_session *another = connect_with(how, "", NULL);
        echo_text(another, "while signals are pending");
        close_and_free(another);
        echo_text(session, "while signals are pending");
    }
    close_and_free(session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    session = connect_with(how, "", NULL);
    echo_text(session, "while signals are pending");
    CHECK_EQ(handled, earlier);
    CHECK_EQ(sigpending(&pending), 0);
    for (int i = 0; i < SIGNALS; i++)
        CHECK_EQ(sigismember(&pending, numbers[i]), 1);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    CHECK_EQ(handled, earlier + SIGNALS);
    CHECK_EQ(handled_elsewhere, 0);
    close_and_free(session);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    use(PLAIN);
    signals_do_not_end_a_wait(PLAIN);
    signals_do_not_end_a_wait(TLS);
    blocked_signals_stay_pending(PLAIN);
    blocked_signals_stay_pending(TLS);

    /* A mask that is neither empty nor full. */
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    sigaddset(&some, SIGPIPE);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &some, NULL), 0);
    use(TLS);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
