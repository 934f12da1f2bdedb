#include "signals.h"

#include "screen.h"
#include "terminal.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
enum { ENDING = sizeof ending / sizeof *ending };

static void (*first_call)(void *argument);
static void *first_argument;
static sigset_t watched;
static pthread_t watcher;
static bool is_watched;
static atomic_int first_signal;

/* From now on they end the command, whatever this thread waits for. */
static void let_die(void)
{
    sigset_t deadly;
    sigemptyset(&deadly);
    for (size_t i = 0; i < ENDING; i++) {
        if (sigismember(&watched, ending[i]) != 1)
            continue;
        struct sigaction dying = {.sa_handler = terminal_die};
        sigaction(ending[i], &dying, NULL);
        sigaddset(&deadly, ending[i]);
        sigdelset(&watched, ending[i]);
    }
    pthread_sigmask(SIG_UNBLOCK, &deadly, NULL);
}

static void *watch(void *unused)
{
    (void)unused;
    for (;;) {
        int came;
        /* never cancelled with a lock in hand */
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
        int failure = sigwait(&watched, &came);
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        if (failure != 0)
            continue;
        switch (came) {
        case SIGTSTP:
            terminal_pause();
            kill(getpid(), SIGSTOP);
            break;
        case SIGCONT:
            terminal_resume();
            screen_refresh();
            break;
        case SIGWINCH:
            screen_refresh();
            break;
        default:
            atomic_store(&first_signal, came);
            let_die();
            first_call(first_argument);
        }
    }
    return NULL;
}

static void watch_unless_ignored(int number)
{
    /* What was started to be ignored, by nohup or in the background, stays ignored. */
    struct sigaction before;
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaddset(&watched, number);
}

void signals_start(void (*on_first)(void *argument), void *argument)
{
    first_call = on_first;
    first_argument = argument;
    /* The output says so with EPIPE. */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&watched);
    sigaddset(&watched, SIGCONT);
    sigaddset(&watched, SIGWINCH);
    watch_unless_ignored(SIGTSTP);
    for (size_t i = 0; i < ENDING; i++)
        watch_unless_ignored(ending[i]);
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, &watched, &before);
    is_watched = pthread_create(&watcher, NULL, watch, NULL) == 0;
    if (!is_watched)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void signals_stop(void)
{
    if (!is_watched)
        return;
    /* sigwait is where it ends */
    pthread_cancel(watcher);
    pthread_join(watcher, NULL);
}

bool signals_came(void)
{
    return atomic_load(&first_signal) != 0;
}

void signals_die(void)
{
    int came = atomic_load(&first_signal);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, came);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    terminal_die(came);
}
