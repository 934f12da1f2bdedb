/* The environment is read inside ws_connect and ws_connect_async, by the thread that calls them, and nowhere else: a program
 * that changes it while its sessions live need not fear for them. getenv of this program stands before libc's. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"

extern char **environ;

/* Whether this thread may read the environment now. */
static __thread int may_read;
/* The library starts: threads that ws_connect waits for may read it in its place. */
static atomic_int is_starting;
static atomic_int reads, forbidden_reads;
static char last_forbidden[64];

/* The program's own declaration of libc's function. */
char *getenv(const char *name)
{
    atomic_fetch_add(&reads, 1);
    if (!may_read && !atomic_load(&is_starting)) {
        snprintf(last_forbidden, sizeof last_forbidden, "%s", name);
        atomic_fetch_add(&forbidden_reads, 1);
    }
    size_t length = strlen(name);
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    return NULL;
}

static void nothing_else_was_read(void)
{
    if (atomic_load(&forbidden_reads) != 0) {
        fprintf(stderr, "%d reads of the environment elsewhere, the last of %s\n", atomic_load(&forbidden_reads),
                last_forbidden);
        exit(1);
    }
}

/* What connects directly, as long as it is read: nobody listens at the proxy that stands there from then on. */
static void before_connecting(const char *ca_file)
{
    CHECK_EQ(clearenv(), 0);
    CHECK_EQ(setenv("SSL_CERT_FILE", ca_file, 1), 0);
}

static void after_connecting(void)
{
    CHECK_EQ(clearenv(), 0);
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "VARIABLE_%d", i);
        CHECK_EQ(setenv(name, "x", 1), 0);
    }
    CHECK_EQ(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
    CHECK_EQ(setenv("SSL_CERT_FILE", "/nonexistent", 1), 0);
}

static ws_session *open_session(const char *url, const ws_config *config, int asynchronous)
{
    ws_session *session = NULL;
    ws_error *error = NULL;
    may_read = 1;
    int before = atomic_load(&reads);
    ws_status status =
        asynchronous ? ws_connect_async(url, config, &session) : ws_connect(url, config, &session, &error);
    CHECK(atomic_load(&reads) > before);
    may_read = 0;
    after_connecting();
    if (status != WS_OK)
        fprintf(stderr, "%s\n", ws_error_message(error));
    CHECK_OK(status);
    CHECK_OK(ws_wait_open(session, PATIENCE_MS, NULL));
    return session;
}

static void outages(const char *url, const char *ca_file, int asynchronous, uint64_t count)
{
    ws_reconnect_options options = {.struct_size = sizeof options, .first_delay_ms = 1, .max_delay_ms = 1};
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_reconnect(config, &options));
    before_connecting(ca_file);
    ws_session *session = open_session(url, config, asynchronous);
    ws_config_free(config);
    STEER("echo");
    echo_text(session, "before");
    for (uint64_t i = 1; i <= count; i++) {
        STEER("reset");
        ws_stats statistics = {.struct_size = sizeof statistics};
        do {
            sched_yield();
            CHECK_OK(ws_get_stats(session, &statistics));
        } while (statistics.reconnects < i);
        STEER("echo");
        echo_text(session, "behind");
    }
    close_and_free(session);
    nothing_else_was_read();
}

int main(void)
{
    may_read = 1;
    char *plain = strdup(environment("STEERED_WS_URL"));
    char *tls = strdup(environment("STEERED_WSS_URL"));
    char *ca_file = strdup(environment("STEERED_CA_FILE"));
    /* So that the steered server is known. */
    atomic_store(&is_starting, 1);
    ws_session *first = connect_steered(PLAIN, NULL);
    atomic_store(&is_starting, 0);
    STEER("echo");
    close_and_free(first);
    may_read = 0;
    for (int asynchronous = 0; asynchronous <= 1; asynchronous++) {
        outages(plain, ca_file, asynchronous, 5);
        outages(tls, ca_file, asynchronous, 3);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    nothing_else_was_read();
    free(plain);
    free(tls);
    free(ca_file);
    return 0;
}
