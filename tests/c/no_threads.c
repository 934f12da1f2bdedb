/* A system that gives no thread: ws_connect says so, and leaves the caller's signals as they were. */

#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>

/* Stands in for the system's, also for the library. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    (void)thread, (void)attributes, (void)run, (void)argument;
    return EAGAIN;
}

int main(void)
{
    sigset_t before, after;
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    ws_session *session = NULL;
    ws_error *error = NULL;
    CHECK_STATUS(ws_connect(environment("ECHO_WS_URL"), NULL, &session, &error), WS_ERR_INTERNAL);
    CHECK(session == NULL);
    CHECK_STATUS(ws_error_status(error), WS_ERR_INTERNAL);
    CHECK(strstr(ws_error_message(error), "threads") != NULL);
    ws_error_free(error);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int signal = 1; signal < SIGRTMIN; signal++)
        CHECK_EQ(sigismember(&after, signal), sigismember(&before, signal));
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
