/* The log: levels, the session's number, one line for each thing, and no secrets. */

#include "check.h"
#include <pthread.h>

enum { ROOM = 64 * 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[ROOM];
static size_t used;
static int wrong_level;
static uint32_t level_limit;

/* A line for each call: level, number, text. */
static void keep(uint32_t level, uint64_t id, const char *message, void *user_data)
{
    CHECK(user_data == lines);
    CHECK(message != NULL && strchr(message, '\n') == NULL);
    pthread_mutex_lock(&lock);
    wrong_level |= level == WS_LOG_OFF || level > level_limit;
    used += (size_t)snprintf(lines + used, ROOM - used, "%u/%llu %s\n", level, (unsigned long long)id, message);
    CHECK(used < ROOM);
    pthread_mutex_unlock(&lock);
}

static void start(uint32_t level)
{
    used = 0;
    lines[0] = '\0';
    level_limit = level;
    CHECK_OK(ws_set_log_callback(level, keep, lines));
}

static void expect_line(uint32_t level, uint64_t id, const char *text)
{
    char line[256];
    CHECK(snprintf(line, sizeof line, "%u/%llu %s", level, (unsigned long long)id, text) < (int)sizeof line);
    if (strstr(lines, line) == NULL) {
        fprintf(stderr, "no line \"%s\" in:\n%s", line, lines);
        exit(1);
    }
}

static void session_from_begin_to_end(transport how)
{
    start(WS_LOG_DEBUG);
    ws_session *session = connect_with(how, "", NULL);
    uint64_t id = ws_session_id(session);
    CHECK(id > 0);
    expect_line(WS_LOG_INFO, id, how == TLS ? "connecting to wss://localhost:" : "connecting to ws://127.0.0.1:");
    expect_line(WS_LOG_INFO, id, "open: resolved in ");
    echo_text(session, "a message is no line");
    CHECK(strstr(lines, "a message is no line") == NULL);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, "the reason is no line", WS_NUL_TERMINATED));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    expect_line(WS_LOG_INFO, id, "closing with code 1000");
    expect_line(WS_LOG_INFO, id, "ended: the server's Close has code 1000");
    expect_line(WS_LOG_DEBUG, id, "the connection is gone");
    CHECK(strstr(lines, "the reason is no line") == NULL);
    ws_session *other = connect_with(how, "", NULL);
    CHECK(ws_session_id(other) > id);
    ws_session_free(session);
    close_and_free(other);
    CHECK(!wrong_level);
}

static void failures_are_warnings(void)
{
    start(WS_LOG_WARNING);
    ws_session *session = NULL;
    CHECK_STATUS(ws_connect("ws://127.0.0.1:1/", NULL, &session, NULL), WS_ERR_CONNECT);
    CHECK(strstr(lines, "could not open: could not connect to 127.0.0.1:1") != NULL);
    session = connect_plain("");
    CHECK_OK(ws_abort(session));
    ws_session_free(session);
    CHECK(strstr(lines, "connecting to") == NULL);
    CHECK(!wrong_level);
}

/* With everything that may be secret in what the application gives. */
static void no_secrets(void)
{
    start(WS_LOG_DEBUG);
    char url[256];
    const char *host = strstr(environment("ECHO_WS_URL"), "//") + 2;
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_add_header(config, "X-Secret", "secret-of-a-header"));
    CHECK_OK(ws_config_add_header(config, "Cookie", "id=secret-of-a-cookie"));
    const char *paths[] = {"?token=secret-of-the-query", "status/401?token=secret-of-the-query"};
    for (int i = 0; i < 2; i++) {
        CHECK(snprintf(url, sizeof url, "ws://user:secret-of-the-user@%s%s", host, paths[i]) < (int)sizeof url);
        ws_session *session = NULL;
        if (ws_connect(url, config, &session, NULL) == WS_OK)
            close_and_free(session);
    }
    CHECK(snprintf(url, sizeof url, "ws://user:secret-of-the-user@127.0.0.1:1/?token=secret-of-the-query") > 0);
    ws_session *session = NULL;
    CHECK_STATUS(ws_connect(url, config, &session, NULL), WS_ERR_CONNECT);
    CHECK_STATUS(ws_connect("ws://user:secret-of-the-user@[/", config, &session, NULL), WS_ERR_URL);
    ws_config_free(config);
    CHECK(strstr(lines, "connecting to ") != NULL);
    CHECK(strstr(lines, "secret") == NULL);
    CHECK(strstr(lines, "dXNlcjpzZWNyZXQ") == NULL);
}

static void off_means_off(void)
{
    start(WS_LOG_DEBUG);
    CHECK_OK(ws_set_log_callback(WS_LOG_OFF, keep, NULL));
    close_and_free(connect_plain(""));
    CHECK_OK(ws_set_log_callback(WS_LOG_DEBUG, NULL, NULL));
    close_and_free(connect_plain(""));
    CHECK_EQ(used, 0);
    CHECK_STATUS(ws_set_log_callback(WS_LOG_DEBUG + 1, keep, lines), WS_ERR_INVALID_ARGUMENT);
    CHECK_EQ(ws_session_id(NULL), 0);
}

int main(void)
{
    session_from_begin_to_end(PLAIN);
    session_from_begin_to_end(TLS);
    failures_are_warnings();
    no_secrets();
    off_means_off();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
