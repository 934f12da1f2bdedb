/* Forks while another thread makes the first connection: what it has begun to set up is of no use to the child, which
 * must not wait for it. */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"

enum { ROUNDS = 100, LATER = 5000 };

typedef struct first_connection {
    pthread_t thread;
    const ws_config *config;
    transport how;
    atomic_int has_begun;
    ws_status status;
} first_connection;

/* What comes of it depends on whom the configuration trusts. */
static ws_status try_to_connect(transport how, const ws_config *config)
{
    ws_session *session = NULL;
    ws_status status = ws_connect(environment(how == TLS ? "ECHO_WSS_URL" : "ECHO_WS_URL"), config, &session, NULL);
    if (status == WS_OK) {
        echo_text(session, "connected");
        close_and_free(session);
    }
    return status;
}

static void *connect_first(void *argument)
{
    first_connection *self = argument;
    atomic_store(&self->has_begun, 1);
    self->status = try_to_connect(self->how, self->config);
    return NULL;
}

static void connect_in_the_child(void *argument)
{
    first_connection *parents = argument;
    _exit(try_to_connect(parents->how, parents->config) == WS_OK ? 0 : 100);
}

/* The fork comes later in each round, so that it meets all that is set up: the library's threads, or with them there
 * already, TLS. */
static void fork_after(int round, transport how, const ws_config *config)
{
    first_connection first = {.how = how, .config = config};
    ws_session *earlier = how == TLS ? connect_plain("") : NULL;
    start(&first.thread, connect_first, &first);
    while (!atomic_load(&first.has_begun))
        sched_yield();
    for (volatile int i = 0; i < round * LATER; i++)
        ;
    pid_t child = start_child(connect_in_the_child, &first);
    join(first.thread);
    expect_exit(child, first.status == WS_OK ? 0 : 100);
    ws_session_free(earlier);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

int main(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        ws_config *trusting = ws_config_new(), *with_system_store = ws_config_new();
        CHECK(trusting != NULL && with_system_store != NULL);
        CHECK_OK(ws_config_add_tls_ca_file(trusting, environment("ECHO_CA_FILE")));
        /* In the child a lock of the C library's name lookup may be held for ever. */
        CHECK_OK(ws_config_add_resolve(trusting, "localhost", 0, "127.0.0.1"));
        CHECK_OK(ws_config_add_resolve(with_system_store, "localhost", 0, "127.0.0.1"));
        fork_after(round, PLAIN, NULL);
        fork_after(round, TLS, trusting);
        if (round % 10 == 0)
            fork_after(round, TLS, with_system_store);
        ws_config_free(trusting);
        ws_config_free(with_system_store);
    }
    return 0;
}
