/* What the C tests share: checks that end the program with a message, and connecting to the echo server. */

#ifndef CHECK_H
#define CHECK_H

#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Integers of any type that fits a long long. */
#define CHECK_EQ(actual, expected) check_equal((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)

#define CHECK_STATUS(actual, expected) check_status((actual), (expected), #actual, __FILE__, __LINE__)

#define CHECK_OK(actual) CHECK_STATUS(actual, WS_OK)

#define CHECK_STR(actual, expected) check_text((actual), (expected), #actual, __FILE__, __LINE__)

static inline void check_equal(long long actual, long long expected, const char *what, const char *file, int line)
{
    if (actual != expected) {
        fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", file, line, what, actual, expected);
        exit(1);
    }
}

static inline void check_status(ws_status actual, ws_status expected, const char *what, const char *file, int line)
{
    if (actual != expected) {
        fprintf(stderr, "%s:%d: %s gave %s, expected %s\n", file, line, what, ws_status_name(actual),
                ws_status_name(expected));
        exit(1);
    }
}

static inline void check_text(const char *actual, const char *expected, const char *what, const char *file, int line)
{
    if (actual == NULL || strcmp(actual, expected) != 0) {
        fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", file, line, what, actual == NULL ? "(null)" : actual,
                expected);
        exit(1);
    }
}

/* A hung library must fail a test, not stall it; no wait that works takes nearly this long. */
enum { PATIENCE_MS = 60000 };

typedef enum transport { PLAIN, TLS } transport;

static inline const char *environment(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL) {
        fprintf(stderr, "%s is not set: run this program as `echo_server -- PROGRAM`\n", name);
        exit(1);
    }
    return value;
}

/* A session with a server whose authority is in a file; config may be NULL. */
static inline ws_session *connect_to(const char *url, const char *ca_file, const ws_config *config)
{
    ws_config *own = config == NULL ? ws_config_new() : ws_config_clone(config);
    CHECK(own != NULL);
    CHECK_OK(ws_config_add_tls_ca_file(own, ca_file));
    ws_session *session = NULL;
    ws_error *error = NULL;
    if (ws_connect(url, own, &session, &error) != WS_OK) {
        fprintf(stderr, "cannot connect to %s: %s\n", url, ws_error_message(error));
        exit(1);
    }
    CHECK(session != NULL);
    ws_config_free(own);
    return session;
}

/* A session at one of the echo server's paths ("" is the echo); config may be NULL. */
static inline ws_session *connect_with(transport how, const char *path, const ws_config *config)
{
    char url[256];
    const char *base = environment(how == TLS ? "ECHO_WSS_URL" : "ECHO_WS_URL");
    CHECK(snprintf(url, sizeof url, "%s%s", base, path) < (int)sizeof url);
    return connect_to(url, environment("ECHO_CA_FILE"), config);
}

static inline ws_session *connect_plain(const char *path)
{
    return connect_with(PLAIN, path, NULL);
}

static inline ws_session *connect_tls(const char *path)
{
    return connect_with(TLS, path, NULL);
}

/* The next message, which must have this type and be exactly these bytes. */
static inline void expect_message(ws_session *session, uint32_t type, const void *data, size_t size)
{
    ws_frame *frame = NULL;
    CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
    CHECK_EQ(frame->type, type);
    CHECK_EQ(frame->size, size);
    CHECK(size == 0 || memcmp(frame->data, data, size) == 0);
    CHECK_EQ(frame->data[size], 0);
    ws_frame_free(frame);
}

static inline void expect_text(ws_session *session, const char *text)
{
    expect_message(session, WS_FRAME_TEXT, text, strlen(text));
}

static inline void echo_text(ws_session *session, const char *text)
{
    CHECK_OK(ws_send_text(session, text, WS_NUL_TERMINATED));
    expect_text(session, text);
}

static inline void close_and_free(ws_session *session)
{
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
}

#endif
