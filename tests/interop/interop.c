/* Everything a session does, against a real server: interop URL [CA_FILE]. The paths are those of python_echo.py. All
 * of it once without permessage-deflate, and then with what of it the server may be asked for. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const char *base;
static ws_config *base_config;

static ws_session *open_path(const char *path, const ws_config *config)
{
    char url[256];
    CHECK(snprintf(url, sizeof url, "%s%s", base, path) < (int)sizeof url);
    ws_session *session = NULL;
    ws_error *error = NULL;
    if (ws_connect(url, config, &session, &error) != WS_OK) {
        fprintf(stderr, "cannot connect to %s: %s\n", url, ws_error_message(error));
        exit(1);
    }
    return session;
}

static void expect_closed(ws_session *session, uint32_t local_code, uint32_t remote_code, const char *reason,
                          uint32_t initiator)
{
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_CLOSED);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.local_code, local_code);
    CHECK_EQ(info.remote_code, remote_code);
    if (reason != NULL) {
        CHECK_EQ(info.reason_size, strlen(reason));
        CHECK(info.reason_size == 0 || memcmp(info.reason, reason, info.reason_size) == 0);
    }
    CHECK_EQ(info.clean, 1);
    CHECK_EQ(info.initiator, initiator);
    CHECK(ws_session_error(session) == NULL);
    CHECK_STATUS(ws_send_text(session, "too late", WS_NUL_TERMINATED), WS_ERR_CLOSED);
    ws_session_free(session);
}

static void close_and_expect(ws_session *session)
{
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, "done", WS_NUL_TERMINATED));
    expect_closed(session, WS_CLOSE_NORMAL, WS_CLOSE_NORMAL, NULL, WS_CLOSED_BY_LOCAL);
}

static void echo_sizes(uint32_t type)
{
    static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, (size_t)1 << 20, (size_t)16 << 20};
    ws_session *session = open_path("/", base_config);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i];
        uint8_t *data = malloc(size + 1);
        CHECK(data != NULL);
        /* letters in a text; a period that no power of two hides */
        for (size_t at = 0; at < size; at++)
            data[at] = (uint8_t)(type == WS_FRAME_TEXT ? 'a' + at % 23 : at % 251);
        if (type == WS_FRAME_TEXT)
            CHECK_OK(ws_send_text(session, (const char *)data, size));
        else
            CHECK_OK(ws_send_binary(session, data, size));
        expect_message(session, type, data, size);
        free(data);
    }
    close_and_expect(session);
}

/* The message limit is for what comes out. */
static void compressed_sizes(void)
{
    enum { SIZE = 1 << 20 };
    ws_config *config = ws_config_clone(base_config);
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_max_message_size(config, SIZE));
    ws_session *session = open_path("/", config);
    uint8_t *data = calloc(1, SIZE + 1);
    CHECK(data != NULL);
    CHECK_OK(ws_send_binary(session, data, SIZE));
    expect_message(session, WS_FRAME_BINARY, data, SIZE);
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK_OK(ws_get_stats(session, &stats));
    CHECK_EQ(stats.compressed_sent_before, SIZE);
    CHECK_EQ(stats.compressed_received_after, SIZE);
    CHECK(stats.compressed_sent_after < SIZE / 100);
    CHECK(stats.compressed_received_before < SIZE / 100);
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, data, SIZE / 2, WS_SEND_NO_COMPRESS, PATIENCE_MS));
    expect_message(session, WS_FRAME_BINARY, data, SIZE / 2);
    CHECK_OK(ws_get_stats(session, &stats));
    CHECK_EQ(stats.compressed_sent_before, SIZE);
    CHECK(stats.wire_sent > SIZE / 2);
    CHECK_OK(ws_send_binary(session, data, SIZE + 1));
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_MESSAGE_TOO_BIG);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_session_free(session);
    ws_config_free(config);
    free(data);
}

static void fragments(void)
{
    static const char EURO[] = "\xe2\x82\xac";
    enum { COUNT = 300 };
    ws_session *session = open_path("/", base_config);
    for (int i = 0; i < COUNT; i++)
        CHECK_OK(ws_send(session, i == 0 ? WS_FRAME_TEXT : WS_FRAME_CONTINUATION, EURO + i % 3, 1,
                         WS_SEND_MORE | (i % 7 == 0 ? WS_SEND_CORK : 0), -1));
    CHECK_OK(ws_send(session, WS_FRAME_CONTINUATION, EURO + 2, 0, 0, PATIENCE_MS));
    char text[sizeof EURO * COUNT] = "";
    for (int i = 0; i < COUNT / 3; i++)
        strcat(text, EURO);
    expect_text(session, text);
    close_and_expect(session);
}

static void echo_utf8(void)
{
    ws_session *session = open_path("/", base_config);
    const char *text = "\xf0\x9f\xa6\x80 \xf0\x9d\x84\x9e \xe2\x82\xac \xc3\xa9 \xf4\x8f\xbf\xbf";
    CHECK_OK(ws_send_text(session, text, WS_NUL_TERMINATED));
    expect_text(session, text);
    CHECK_STATUS(ws_send_text(session, "\xf0\x9f\xa6", WS_NUL_TERMINATED), WS_ERR_UTF8);
    /* the refused text sent nothing */
    CHECK_OK(ws_send_text(session, "still open", WS_NUL_TERMINATED));
    expect_text(session, "still open");
    close_and_expect(session);
}

static void burst(void)
{
    enum { COUNT = 1000 };
    char text[32];
    ws_session *session = open_path("/", base_config);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "message %d", i);
        CHECK_OK(ws_send_text(session, text, WS_NUL_TERMINATED));
    }
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "message %d", i);
        expect_text(session, text);
    }
    close_and_expect(session);
}

static void subprotocol(void)
{
    ws_config *config = ws_config_clone(base_config);
    CHECK(config != NULL);
    CHECK_OK(ws_config_add_subprotocol(config, "chat.v1"));
    CHECK_OK(ws_config_add_subprotocol(config, "chat.v2"));
    ws_session *session = open_path("/", config);
    CHECK_STR(ws_subprotocol(session), "chat.v2");
    close_and_expect(session);
    ws_config_free(config);

    session = open_path("/", base_config);
    CHECK_STR(ws_subprotocol(session), "");
    close_and_expect(session);
}

static void headers(void)
{
    ws_config *config = ws_config_clone(base_config);
    CHECK(config != NULL);
    CHECK_OK(ws_config_add_header(config, "X-Interop", "one; two"));
    CHECK_OK(ws_config_set_origin(config, "https://app.example"));
    CHECK_OK(ws_config_set_user_agent(config, "interop/1.0"));
    ws_session *session = open_path("/headers", config);
    ws_frame *frame = NULL;
    CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
    const char *seen = (const char *)frame->data;
    static const char *const expected[] = {
        "\"x-interop\":\"one; two\"",
        "\"origin\":\"https://app.example\"",
        "\"user-agent\":\"interop/1.0\"",
        "\"sec-websocket-version\":\"13\"",
        "\"host\":\"",
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        if (strstr(seen, expected[i]) == NULL) {
            fprintf(stderr, "the server did not see %s, but %s\n", expected[i], seen);
            exit(1);
        }
    }
    ws_frame_free(frame);

    CHECK_EQ(ws_response_status(session), 101);
    const char *served_by = ws_response_header(session, "x-served-by", 0);
    CHECK(served_by != NULL);
    CHECK(strcmp(served_by, "npm ws") == 0 || strcmp(served_by, "Python websockets") == 0);
    CHECK(ws_response_header(session, "X-Served-By", 1) == NULL);
    CHECK(ws_response_header(session, "X-Absent", 0) == NULL);
    CHECK_STR(ws_request_header(session, "X-Interop", 0), "one; two");
    close_and_expect(session);
    ws_config_free(config);
}

static void server_closes(void)
{
    expect_closed(open_path("/close/4001", base_config), 4001, 4001, "bye", WS_CLOSED_BY_REMOTE);
}

static void server_pings(void)
{
    ws_session *session = open_path("/ping", base_config);
    expect_text(session, "pong ok");
    CHECK_OK(ws_send_text(session, "pongs?", WS_NUL_TERMINATED));
    expect_text(session, "00ff800a00");
    close_and_expect(session);
}

static void server_fragments(void)
{
    ws_session *session = open_path("/fragments", base_config);
    expect_text(session, "price: \xe2\x82\xac 5");
    expect_text(session, "pong ok");
    CHECK_OK(ws_send_text(session, "pongs?", WS_NUL_TERMINATED));
    expect_text(session, "01 02");
    close_and_expect(session);
}

static void everything(void)
{
    echo_sizes(WS_FRAME_TEXT);
    echo_sizes(WS_FRAME_BINARY);
    echo_utf8();
    fragments();
    burst();
    subprotocol();
    headers();
    server_closes();
    server_pings();
    server_fragments();
}

/* With permessage-deflate; what the server has agreed to must have the text in it. */
static void everything_deflated(const ws_config *plain, const ws_deflate_options *options, const char *agreed)
{
    base_config = ws_config_clone(plain);
    CHECK(base_config != NULL);
    CHECK_OK(ws_config_install_deflate(base_config, options));
    ws_session *session = open_path("/", base_config);
    CHECK_EQ(ws_extension_count(session), 1);
    const ws_extension *deflate = ws_extension_find(session, "Permessage-Deflate");
    CHECK(deflate != NULL && deflate == ws_extension_at(session, 0));
    if (strstr(deflate->parameters, agreed) == NULL) {
        fprintf(stderr, "the server has agreed to \"%s\", without \"%s\"\n", deflate->parameters, agreed);
        exit(1);
    }
    close_and_expect(session);
    everything();
    compressed_sizes();
    ws_config_free(base_config);
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: %s URL [CA_FILE]\n", argv[0]);
        return 2;
    }
    base = argv[1];
    ws_config *plain = ws_config_new();
    CHECK(plain != NULL);
    if (argc == 3)
        CHECK_OK(ws_config_add_tls_ca_file(plain, argv[2]));
    base_config = plain;
    everything();
    everything_deflated(plain, NULL, "");
    ws_deflate_options options = {.struct_size = sizeof options};
    options.client_no_context_takeover = options.server_no_context_takeover = 1;
    everything_deflated(plain, &options, "server_no_context_takeover");
    options = (ws_deflate_options){.struct_size = sizeof options, .level = 1};
    options.client_max_window_bits = options.server_max_window_bits = 9;
    everything_deflated(plain, &options, "server_max_window_bits=9");
    ws_config_free(plain);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    puts("ok");
    return 0;
}
