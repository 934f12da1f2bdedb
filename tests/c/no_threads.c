/* A system that gives no thread, or too few: ws_connect says so, leaves the caller's signals as they were, and works
 * once there are enough. */

#define _GNU_SOURCE
#include "process.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>

/* Unless ws_set_worker_threads is called. */
enum { WORKERS = 2 };

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* How many more threads the system gives. */
static int available;

/* Stands in for the system's, also for the library. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    if (available == 0)
        return EAGAIN;
    available--;
    void *symbol = dlsym(RTLD_NEXT, "pthread_create");
    create_function *create = NULL;
    memcpy(&create, &symbol, sizeof create);
    return create(thread, attributes, run, argument);
}

/* Returns the session, or NULL where the system gives too few. */
static ws_session *connect_with_threads(int threads)
{
    sigset_t before, after;
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    available = threads;
    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(environment("ECHO_WS_URL"), NULL, &session, &error);
    if (status != WS_OK) {
        CHECK_STATUS(status, WS_ERR_INTERNAL);
        CHECK(session == NULL);
        CHECK_STATUS(ws_error_status(error), WS_ERR_INTERNAL);
        CHECK_EQ(ws_error_os_errno(error), EAGAIN);
        CHECK(strstr(ws_error_message(error), "threads") != NULL);
        ws_error_free(error);
        expect_no_library_threads();
    }
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (int signal = 1; signal < SIGRTMIN; signal++)
        CHECK_EQ(sigismember(&after, signal), sigismember(&before, signal));
    return session;
}

/* The system gives one thread more each time, so that each thread that the library starts is once the first one that is
 * missing. */
static ws_session *connect_with_the_fewest_threads(void)
{
    for (int threads = 0;; threads++) {
        ws_session *session = connect_with_threads(threads);
        if (session != NULL) {
            CHECK(threads > WORKERS);
            return session;
        }
        CHECK(threads < 100);
    }
}

/* What is kept back is sent also without the thread that looks after it. */
static void keep_back(ws_session *session)
{
    for (int i = 0; i < 100; i++)
        CHECK_OK(ws_send(session, WS_FRAME_TEXT, "kept back", 9, WS_SEND_CORK, PATIENCE_MS));
    while (ws_buffered_amount(session) > 0)
        sched_yield();
    for (int i = 0; i < 100; i++)
        expect_text(session, "kept back");
}

/* Names are looked up on a thread of their own. */
static void looking_up_refused(void)
{
    char url[64];
    CHECK(snprintf(url, sizeof url, "ws://localhost%s", strrchr(environment("ECHO_WS_URL"), ':')) < (int)sizeof url);
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_connect_timeout_ms(config, -1));
    ws_session *session = NULL;
    ws_error *error = NULL;
    CHECK_STATUS(ws_connect(url, config, &session, &error), WS_ERR_INTERNAL);
    CHECK_EQ(ws_error_phase(error), WS_PHASE_RESOLVE);
    CHECK(strstr(ws_error_message(error), "thread") != NULL);
    ws_error_free(error);
    available = 1000;
    CHECK_OK(ws_connect(url, config, &session, NULL));
    ws_config_free(config);
    close_and_free(session);
}

int main(void)
{
    ws_session *session = connect_with_the_fewest_threads();
    available = 1000;
    echo_text(session, "now there are enough");
    available = 0;
    keep_back(session);
    looking_up_refused();
    keep_back(session);
    close_and_free(session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
