/* Many threads connect at once while nothing of the library is started yet. With --small less often, for valgrind. */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"

enum { THREADS = 64, CONNECTS = 3, ROUNDS = 8, SMALL_THREADS = 8 };

typedef struct connector {
    pthread_t thread;
    int number;
    pthread_barrier_t *together;
    const ws_config *config;
} connector;

static void *connect_and_echo(void *argument)
{
    connector *self = argument;
    ws_session *sessions[CONNECTS];
    char text[32];
    int waited = pthread_barrier_wait(self->together);
    CHECK(waited == 0 || waited == PTHREAD_BARRIER_SERIAL_THREAD);
    for (int i = 0; i < CONNECTS; i++) {
        const char *url = environment((self->number + i) % 4 == 0 ? "ECHO_WSS_URL" : "ECHO_WS_URL");
        CHECK_OK(ws_connect(url, self->config, &sessions[i], NULL));
        snprintf(text, sizeof text, "%d of thread %d", i, self->number);
        CHECK_OK(ws_send_text(sessions[i], text, WS_NUL_TERMINATED));
    }
    for (int i = 0; i < CONNECTS; i++) {
        snprintf(text, sizeof text, "%d of thread %d", i, self->number);
        expect_text(sessions[i], text);
        close_and_free(sessions[i]);
    }
    return NULL;
}

/* They share a configuration that was not used yet either. */
static void connect_at_once(unsigned threads)
{
    static connector connectors[THREADS];
    pthread_barrier_t together;
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_add_tls_ca_file(config, environment("ECHO_CA_FILE")));
    CHECK_EQ(pthread_barrier_init(&together, NULL, threads), 0);
    for (unsigned i = 0; i < threads; i++) {
        connectors[i] = (connector){.number = (int)i, .together = &together, .config = config};
        start(&connectors[i].thread, connect_and_echo, &connectors[i]);
    }
    for (unsigned i = 0; i < threads; i++)
        join(connectors[i].thread);
    CHECK_EQ(pthread_barrier_destroy(&together), 0);
    ws_config_free(config);
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    int threads = count_entries("/proc/self/task");
    for (int round = 0; round < (small ? 2 : ROUNDS); round++) {
        connect_at_once(small ? SMALL_THREADS : THREADS);
        CHECK_OK(ws_shutdown(PATIENCE_MS));
        /* Had two of them started it, one would be left. */
        expect_no_library_threads();
        expect_back_at("/proc/self/task", threads);
    }
    return 0;
}
