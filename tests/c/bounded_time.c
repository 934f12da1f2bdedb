/* A hostile server does not keep a call beyond its timeout, nor a thread busy for more than its bytes are worth. What is
 * measured is the processor time of the thread that calls. */

#define _GNU_SOURCE
#include "steered.h"
#include <time.h>
#include <unistd.h>

enum {
    CALLS = 20,
    TIMEOUT_MS = 20,
    /* What a call takes beyond its timeout: some pieces of work, the longest of which is a few milliseconds. */
    MOST_MS = 250,
    ENOUGH_BYTES = 1 << 20,
    EXCHANGES = 20000
};

static double thread_ms(void)
{
    struct timespec now;
    CHECK_EQ(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static ws_session *connect_deflating(const char *path)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_install_deflate(config, NULL));
    CHECK_OK(ws_config_set_max_message_size(config, UINT64_C(1) << 40));
    CHECK_OK(ws_config_set_max_frame_size(config, UINT64_C(1) << 40));
    char url[256];
    snprintf(url, sizeof url, "%s%s", environment("STEERED_WS_URL"), path);
    ws_session *session = connect_to(url, environment("STEERED_CA_FILE"), config);
    ws_config_free(config);
    return session;
}

static uint64_t received(ws_session *session)
{
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK_OK(ws_get_stats(session, &stats));
    return stats.wire_received;
}

/* There is no message: what comes keeps the thread busy. */
static void calls_end(const char *flood, const char *path, int64_t timeout_ms)
{
    ws_session *session = connect_deflating(path);
    STEER("flood %s", flood);
    for (unsigned i = 0; i < CALLS; i++) {
        ws_frame *frame = NULL;
        double before = thread_ms();
        CHECK_STATUS(ws_recv(session, &frame, timeout_ms), WS_ERR_TIMEOUT);
        double taken = thread_ms() - before;
        if (taken > (double)timeout_ms + MOST_MS) {
            fprintf(stderr, "%s: ws_recv with %d ms has worked for %.0f ms\n", flood, (int)timeout_ms, taken);
            exit(1);
        }
    }
    ws_abort(session);
    ws_session_free(session);
}

/* What a system call costs on this machine and at this moment: one that sends a byte, or one that receives it. */
static double system_call_ns(void)
{
    int pair[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    double before = thread_ms();
    for (unsigned i = 0; i < EXCHANGES; i++) {
        char byte = 'x';
        CHECK_EQ(send(pair[0], &byte, 1, 0), 1);
        CHECK_EQ(recv(pair[1], &byte, 1, 0), 1);
    }
    double ns = (thread_ms() - before) * 1e6 / (2 * EXCHANGES);
    close(pair[0]);
    close(pair[1]);
    return ns;
}

/* A byte costs less than half a system call. */
static void bytes_cost_little(const char *flood, const char *path)
{
    double most = system_call_ns() / 2;
    ws_session *session = connect_deflating(path);
    STEER("flood %s", flood);
    double before = thread_ms();
    uint64_t first = received(session);
    while (received(session) - first < ENOUGH_BYTES) {
        ws_frame *frame = NULL;
        CHECK_STATUS(ws_recv(session, &frame, TIMEOUT_MS), WS_ERR_TIMEOUT);
    }
    double ns = (thread_ms() - before) * 1e6 / (double)(received(session) - first);
    double again = system_call_ns() / 2;
    most = again > most ? again : most;
    if (ns > most) {
        fprintf(stderr, "%s: %.0f ns for each byte, more than %.0f\n", flood, ns, most);
        exit(1);
    }
    ws_abort(session);
    ws_session_free(session);
}

int main(void)
{
    static const struct {
        const char *flood, *path;
    } floods[] = {{"last", "deflate"}, {"empty", ""}, {"bare", ""}, {"pings", ""}};
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        calls_end(floods[i].flood, floods[i].path, 0);
        calls_end(floods[i].flood, floods[i].path, TIMEOUT_MS);
        bytes_cost_little(floods[i].flood, floods[i].path);
    }
    /* Each of its bytes is a thousand, which are worth more; the calls end all the same. */
    calls_end("bomb", "deflate", 0);
    calls_end("bomb", "deflate", TIMEOUT_MS);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
