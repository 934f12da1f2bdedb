/* Which thread the auth callback is called on, and what other threads do meanwhile; jars that many threads use. */

#define _GNU_SOURCE
#include "threads.h"
#include <semaphore.h>
#include <signal.h>

enum { MOST_THREADS = 8 };

/* Less of it with --small, for valgrind. */
static int thread_count = MOST_THREADS, rounds = 10;

/* A callback, and what it was called for. */
typedef struct asked {
    const char *user;
    sem_t inside, go_on;
    int blocks;
    pthread_t thread;
    unsigned calls;
} asked;

static void prepare(asked *self, const char *user, int blocks)
{
    memset(self, 0, sizeof *self);
    self->user = user;
    self->blocks = blocks;
    CHECK_EQ(sem_init(&self->inside, 0, 0), 0);
    CHECK_EQ(sem_init(&self->go_on, 0, 0), 0);
}

static void answer(ws_auth *auth, void *user_data)
{
    asked *self = user_data;
    self->thread = pthread_self();
    self->calls++;
    CHECK_EQ(ws_auth_attempt(auth), self->calls);
    CHECK_STR(ws_auth_challenge(auth, 0), "Basic realm=\"test\"");
    CHECK(ws_auth_challenge(auth, 1) == NULL);
    if (self->blocks) {
        CHECK_EQ(sem_post(&self->inside), 0);
        CHECK_EQ(sem_wait(&self->go_on), 0);
    }
    CHECK_OK(ws_auth_basic(auth, self->user, "pass"));
}

static ws_status open_at(const char *path, const ws_config *config, ws_session **session)
{
    char url[256];
    CHECK(snprintf(url, sizeof url, "%s%s", environment("HTTP_WS_URL"), path) < (int)sizeof url);
    return ws_connect(url, config, session, NULL);
}

static ws_session *begin_at(const char *path, const ws_config *config)
{
    char url[256];
    ws_session *session = NULL;
    CHECK(snprintf(url, sizeof url, "%s%s", environment("HTTP_WS_URL"), path) < (int)sizeof url);
    CHECK_OK(ws_connect_async(url, config, &session));
    return session;
}

static ws_config *config_with(asked *self)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_auth_callback(config, answer, self));
    return config;
}

static void on_the_thread_that_connects(void)
{
    asked self;
    prepare(&self, "user", 0);
    ws_config *config = config_with(&self);
    ws_session *session = NULL;
    CHECK_OK(open_at("basic", config, &session));
    ws_config_free(config);
    CHECK_EQ(self.calls, 1);
    CHECK(pthread_equal(self.thread, pthread_self()));
    echo_text(session, "opened");
    close_and_free(session);
}

/* What a callback has to be able to rely on is looked at inside, since the thread may be gone later. */
static void answer_on_a_library_thread(ws_auth *auth, void *user_data)
{
    char name[32];
    sigset_t blocked;
    CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    CHECK_STR(name, "ktorws");
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
    CHECK_EQ(sigismember(&blocked, SIGUSR1), 1);
    answer(auth, user_data);
}

static void on_a_thread_of_the_library(void)
{
    asked self;
    prepare(&self, "user", 0);
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_auth_callback(config, answer_on_a_library_thread, &self));
    ws_session *session = begin_at("basic", config);
    ws_config_free(config);
    CHECK_OK(ws_wait_open(session, PATIENCE_MS, NULL));
    CHECK_EQ(self.calls, 1);
    CHECK(!pthread_equal(self.thread, pthread_self()));
    echo_text(session, "opened");
    close_and_free(session);
}

/* Others go on while one is in its callback, and it may be given up there. */
static void given_up_inside(int by_freeing)
{
    asked self;
    prepare(&self, "user", 1);
    ws_config *config = config_with(&self);
    ws_session *session = begin_at("basic", config);
    ws_config_free(config);
    CHECK_EQ(sem_wait(&self.inside), 0);
    CHECK_EQ(ws_state(session), WS_STATE_CONNECTING);
    CHECK_STATUS(ws_wait_open(session, 0, NULL), WS_ERR_TIMEOUT);

    ws_session *other = NULL;
    CHECK_OK(open_at("open", NULL, &other));
    echo_text(other, "meanwhile");
    close_and_free(other);

    ws_session *kept = by_freeing ? NULL : ws_session_ref(session);
    if (by_freeing)
        ws_session_free(session);
    else
        CHECK_OK(ws_abort(session));
    CHECK_EQ(sem_post(&self.go_on), 0);
    if (!by_freeing) {
        CHECK_STATUS(ws_wait_open(session, PATIENCE_MS, NULL), WS_ERR_ABORTED);
        CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
        ws_session_free(session);
        ws_session_free(kept);
    }
    /* The callback uses what is on this stack until the threads are gone. */
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK_EQ(self.calls, 1);
}

static void *connect_interrupted(void *config)
{
    ws_session *session = NULL;
    CHECK_STATUS(open_at("never", config, &session), WS_ERR_INTERRUPTED);
    CHECK(session == NULL);
    return NULL;
}

static void interrupted_inside(void)
{
    asked self;
    prepare(&self, "user", 1);
    ws_config *config = config_with(&self);
    pthread_t thread;
    start(&thread, connect_interrupted, config);
    CHECK_EQ(sem_wait(&self.inside), 0);
    CHECK_OK(ws_config_interrupt(config));
    CHECK_EQ(sem_post(&self.go_on), 0);
    join(thread);
    CHECK_EQ(self.calls, 1);
    ws_config_free(config);
}

static void *connect_with_its_own(void *number)
{
    char user[16], path[32];
    snprintf(user, sizeof user, "u%d", *(int *)number);
    snprintf(path, sizeof path, "user/%s", user);
    for (int i = 0; i < rounds; i++) {
        asked self;
        prepare(&self, user, 0);
        ws_config *config = config_with(&self);
        ws_session *session = NULL;
        CHECK_OK(open_at(path, config, &session));
        CHECK_EQ(self.calls, 1);
        CHECK(pthread_equal(self.thread, pthread_self()));
        CHECK_EQ(ws_response_status(session), 101);
        close_and_free(session);
        ws_config_free(config);
    }
    return NULL;
}

static void many_at_once(void)
{
    pthread_t threads[MOST_THREADS];
    int numbers[MOST_THREADS];
    for (int i = 0; i < thread_count; i++) {
        numbers[i] = i;
        start(&threads[i], connect_with_its_own, &numbers[i]);
    }
    for (int i = 0; i < thread_count; i++)
        join(threads[i]);
}

static void *use_jar(void *jar)
{
    char buffer[64];
    size_t size;
    for (int i = 0; i < 100 * rounds; i++) {
        CHECK_OK(ws_cookie_jar_add(jar, "ws://example.com/", "a=b"));
        ws_status status = ws_cookie_jar_header(jar, "ws://example.com/", buffer, sizeof buffer, &size);
        CHECK(status == WS_OK && (size == 0 || size == 3));
        ws_cookie_jar_clear(jar);
    }
    return NULL;
}

/* The jar lives as long as anything has it, whatever is freed first, and while other threads change it. */
static void jar_freed_first(void)
{
    ws_cookie_jar *jar = ws_cookie_jar_new();
    ws_config *config = ws_config_new();
    CHECK(jar != NULL);
    CHECK_OK(ws_config_set_cookie_jar(config, jar));
    ws_cookie_jar_free(jar);
    ws_session *session = NULL;
    CHECK_STATUS(open_at("cookie", config, &session), WS_ERR_HANDSHAKE_STATUS);
    ws_config *copy = ws_config_clone(config);
    ws_config_free(config);
    CHECK_OK(open_at("cookie", copy, &session));
    ws_config_free(copy);
    CHECK_STR(ws_request_header(session, "Cookie", 0), "seen=1");
    echo_text(session, "without a jar to hold");
    close_and_free(session);

    /* Another one in its place, and none. */
    config = ws_config_new();
    ws_cookie_jar *first = ws_cookie_jar_new(), *second = ws_cookie_jar_new();
    CHECK_OK(ws_config_set_cookie_jar(config, first));
    CHECK_OK(ws_config_set_cookie_jar(config, second));
    CHECK_OK(ws_config_set_cookie_jar(config, NULL));
    ws_cookie_jar_free(first);
    ws_config_free(config);
    ws_cookie_jar_free(second);
}

static void jar_of_many_threads(void)
{
    ws_cookie_jar *jar = ws_cookie_jar_new();
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_cookie_jar(config, jar));
    pthread_t threads[MOST_THREADS];
    for (int i = 0; i < thread_count; i++)
        start(&threads[i], use_jar, jar);
    for (int i = 0; i < rounds; i++) {
        ws_session *session = NULL;
        ws_status status = open_at("cookie", config, &session);
        CHECK(status == WS_OK || status == WS_ERR_HANDSHAKE_STATUS);
        if (status == WS_OK)
            close_and_free(session);
    }
    for (int i = 0; i < thread_count; i++)
        join(threads[i]);
    ws_config_free(config);
    ws_cookie_jar_free(jar);
}

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "--small") == 0) {
        thread_count = 2;
        rounds = 2;
    }
    on_the_thread_that_connects();
    on_a_thread_of_the_library();
    given_up_inside(0);
    given_up_inside(1);
    interrupted_inside();
    many_at_once();
    jar_freed_first();
    jar_of_many_threads();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
