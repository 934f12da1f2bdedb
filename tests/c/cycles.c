/* Ten thousand connections, one after the other and ended in each way, leave no descriptor, thread or memory behind.
 * With --small less of them, for valgrind. */

#define _GNU_SOURCE
#include "process.h"
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>

enum { FIRST = 2000, ALL = 10000, SMALL = 100 };
/* What each connection left would be more. */
enum { TOLERATED_BYTES = ALL - FIRST };

static ws_config *config;
static char refusing_url[64], not_tls_url[64], not_plain_url[64];

/* A port that nobody listens on, and that nobody else gets. */
static int refuse_connections(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, size), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(refusing_url, sizeof refusing_url, "ws://127.0.0.1:%d/", ntohs(address.sin_port));
    return fd;
}

static void with_other_scheme(char *url, size_t room, const char *scheme, const char *of)
{
    CHECK(snprintf(url, room, "%s%s", scheme, strchr(of, ':')) < (int)room);
}

/* A server that does not understand us may also reset the connection. */
static void fail_with(const char *url, ws_status expected)
{
    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(url, config, &session, &error);
    CHECK_STATUS(status, status == WS_ERR_IO ? WS_ERR_IO : expected);
    CHECK(session == NULL);
    CHECK_STATUS(ws_error_status(error), status);
    ws_error_free(error);
}

static ws_session *connect_at(const char *base, const char *path)
{
    char url[128];
    ws_session *session = NULL;
    CHECK(snprintf(url, sizeof url, "%s%s", base, path) < (int)sizeof url);
    CHECK_OK(ws_connect(url, config, &session, NULL));
    return session;
}

/* The server ends TCP first after a Close from both sides, so that no port of ours is waited for. */
static void cycle(int number)
{
    const char *base = environment(number % 40 == 0 ? "ECHO_WSS_URL" : "ECHO_WS_URL");
    ws_session *session;
    ws_frame *frame = NULL;
    switch (number % 9) {
    case 0:
        session = connect_at(base, "");
        echo_text(session, "to and fro");
        close_and_free(session);
        break;
    case 1:
        close_and_free(connect_at(base, ""));
        break;
    case 2:
        session = connect_at(base, "burst/3");
        while (ws_recv(session, &frame, PATIENCE_MS) == WS_OK)
            ws_frame_free(frame);
        CHECK_STATUS(ws_recv(session, &frame, 0), WS_ERR_CLOSED);
        ws_session_free(session);
        break;
    case 3:
        session = connect_at(base, "hello");
        CHECK_OK(ws_abort(session));
        ws_session_free(session);
        break;
    case 4:
        session = connect_at(base, "");
        CHECK_OK(ws_send_text(session, "not waited for", WS_NUL_TERMINATED));
        ws_session_free(session);
        break;
    case 5:
        session = connect_at(base, "drop");
        CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_CLOSED_ABNORMALLY);
        ws_session_free(session);
        break;
    case 6:
        fail_with(refusing_url, WS_ERR_CONNECT);
        break;
    case 7:
        fail_with(not_plain_url, WS_ERR_HANDSHAKE_INVALID);
        break;
    default:
        fail_with(not_tls_url, WS_ERR_TLS);
    }
}

static void run(int from, int to)
{
    config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_add_tls_ca_file(config, environment("ECHO_CA_FILE")));
    for (int number = from; number < to; number++)
        cycle(number);
    ws_config_free(config);
}

/* Caches of the allocator's would count as in use. */
static void start_again_without_caches(char **argv)
{
    if (getenv("GLIBC_TUNABLES") != NULL)
        return;
    CHECK_EQ(setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1), 0);
    execv("/proc/self/exe", argv);
    CHECK(!"executed");
}

static size_t bytes_in_use(void)
{
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    if (!small)
        start_again_without_caches(argv);
    int refusing = refuse_connections();
    with_other_scheme(not_tls_url, sizeof not_tls_url, "wss", environment("ECHO_WS_URL"));
    with_other_scheme(not_plain_url, sizeof not_plain_url, "ws", environment("ECHO_WSS_URL"));
    int threads = count_entries("/proc/self/task"), fds = count_entries("/proc/self/fd");

    run(0, small ? SMALL : FIRST);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    size_t before = bytes_in_use();
    if (small)
        return 0;

    run(FIRST, ALL);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    size_t after = bytes_in_use();
    if (after > before + TOLERATED_BYTES) {
        fprintf(stderr, "%zu bytes in use after %d connections, %zu after %d\n", before, FIRST, after, ALL);
        return 1;
    }
    CHECK_EQ(count_entries("/proc/self/fd"), fds);
    expect_no_library_threads();
    expect_back_at("/proc/self/task", threads);
    close(refusing);
    return 0;
}
