#include "signals.h"

#include "screen.h"
#include "terminal.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static void (*first_call)(void *argument);
static void *first_argument;
static sigset_t watched;
static pthread_t watcher;
static atomic_int first_signal;

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
        if (came == SIGCONT || came == SIGWINCH) {
            if (came == SIGCONT)
                terminal_resume();
            screen_refresh();
            continue;
        }
        if (atomic_exchange(&first_signal, came) != 0)
            signals_die();
        first_call(first_argument);
    }
    return NULL;
}

void signals_start(void (*on_first)(void *argument), void *argument)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    first_call = on_first;
    first_argument = argument;
    /* The output says so with EPIPE. */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&watched);
    sigaddset(&watched, SIGCONT);
    sigaddset(&watched, SIGWINCH);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        /* What was started to be ignored, by nohup or in the background, stays ignored. */
        struct sigaction before;
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaddset(&watched, ending[i]);
    }
    pthread_sigmask(SIG_BLOCK, &watched, NULL);
    if (pthread_create(&watcher, NULL, watch, NULL) != 0) {
        pthread_sigmask(SIG_UNBLOCK, &watched, NULL);
        watcher = pthread_self();
    }
}

void signals_stop(void)
{
    if (pthread_equal(watcher, pthread_self()))
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
    terminal_restore();
    signal(came, SIG_DFL);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, came);
    kill(getpid(), came);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
}
