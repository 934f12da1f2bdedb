/* What a session tells about its handshake, its connection and its end. */

#define _GNU_SOURCE
#include "process.h"
#include "steered.h"
#include <semaphore.h>

static ws_session_info info_of(const ws_session *session)
{
    ws_session_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_session_info(session, &info));
    CHECK_EQ(info.struct_size, sizeof info);
    CHECK_EQ(info.http_version, 0x0101);
    return info;
}

static void of_a_plain_connection(void)
{
    ws_session *session = connect_plain("");
    ws_session_info info = info_of(session);
    CHECK_EQ(info.tls_version, 0);
    CHECK_EQ(info.tls_resumed, 0);
    CHECK_STR(info.tls_cipher_suite, "");
    CHECK_STR(info.tls_key_exchange_group, "");
    CHECK_STR(info.alpn, "");
    CHECK_STR(info.proxy, "");
    CHECK(strncmp(info.local_address, "127.0.0.1:", 10) == 0 && atoi(info.local_address + 10) > 0);
    /* "ws://127.0.0.1:PORT/" */
    char url[256];
    snprintf(url, sizeof url, "ws://%s/", info.peer_address);
    CHECK_STR(ws_request_url(session), url);
    CHECK_EQ(ws_peer_certificate(session, 0, NULL, NULL), 0);
    CHECK_OK(ws_abort(session));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_STR(info_of(session).peer_address, info.peer_address);
    ws_session_free(session);
}

static void of_tls(void)
{
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_tls_alpn(config, "http/1.1"));
    CHECK_OK(ws_config_set_tls_min_version(config, WS_TLS_1_3));
    ws_session *session = connect_with(TLS, "", config);
    ws_config_free(config);
    ws_session_info info = info_of(session);
    CHECK_EQ(info.tls_version, WS_TLS_1_3);
    CHECK_EQ(info.tls_resumed, 0);
    CHECK(strncmp(info.tls_cipher_suite, "TLS_", 4) == 0);
    CHECK(info.tls_key_exchange_group[0] != '\0');
    const uint8_t *der = NULL, *again = NULL, *none = (const uint8_t *)"";
    size_t size = 0;
    CHECK_EQ(ws_peer_certificate(session, 0, &der, &size), 1);
    /* A SEQUENCE whose length has two bytes. */
    CHECK(size > 100 && der[0] == 0x30 && der[1] == 0x82 && ((size_t)der[2] << 8 | der[3]) + 4 == size);
    CHECK_EQ(ws_peer_certificate(session, 100, &none, &size), 0);
    CHECK(none == NULL);
    CHECK_EQ(size, 0);
    CHECK_OK(ws_abort(session));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(ws_peer_certificate(session, 0, &again, &size), 1);
    CHECK(again == der);
    ws_session_free(session);
    /* Who asks only after the end gets nothing. */
    session = connect_tls("");
    close_and_free(ws_session_ref(session));
    CHECK_EQ(ws_peer_certificate(session, 0, &der, &size), 0);
    CHECK(der == NULL);
    ws_session_free(session);
}

static void of_the_handshake(void)
{
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_add_header(config, "X-Twice", "first"));
    CHECK_OK(ws_config_add_header(config, "X-Twice", "second"));
    ws_session *session = connect_with(PLAIN, "", config);
    ws_config_free(config);
    const char *name, *value;
    size_t count = 0, twice = 0;
    for (; ws_request_header_at(session, count, &name, &value); count++) {
        if (strcmp(name, "X-Twice") != 0)
            continue;
        CHECK_STR(value, twice == 0 ? "first" : "second");
        CHECK(value == ws_request_header(session, "x-twice", twice));
        twice++;
    }
    CHECK_EQ(twice, 2);
    CHECK(name == NULL && value == NULL);
    CHECK_EQ(ws_request_header_at(session, 0, NULL, NULL), 1);
    CHECK_EQ(ws_request_header_at(session, count, NULL, NULL), 0);
    CHECK_EQ(ws_request_header_at(session, SIZE_MAX, &name, &value), 0);
    int has_accept = 0;
    for (count = 0; ws_response_header_at(session, count, &name, &value); count++) {
        size_t before = 0;
        for (size_t i = 0; i < count; i++) {
            const char *other;
            CHECK_EQ(ws_response_header_at(session, i, &other, NULL), 1);
            before += strcmp(name, other) == 0;
        }
        CHECK(value == ws_response_header(session, name, before));
        has_accept |= strcmp(name, "sec-websocket-accept") == 0 || strcmp(name, "Sec-WebSocket-Accept") == 0;
    }
    CHECK_EQ(has_accept, 1);
    close_and_free(session);
}

static void of_deflate(void)
{
    ws_deflate_options options = {
        .struct_size = sizeof options, .level = 9, .client_no_context_takeover = 1};
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_install_deflate(config, &options));
    ws_session *session = connect_steered_at("deflate", config);
    ws_config_free(config);
    ws_deflate_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_deflate_info(session, &info));
    CHECK_EQ(info.level, 9);
    CHECK_EQ(info.client_max_window_bits, 15);
    CHECK_EQ(info.server_max_window_bits, 15);
    CHECK_EQ(info.client_no_context_takeover, 1);
    CHECK_EQ(info.server_no_context_takeover, 0);
    info.struct_size--;
    CHECK_STATUS(ws_get_deflate_info(session, &info), WS_ERR_INVALID_ARGUMENT);
    close_and_free(session);
    session = connect_plain("");
    info = (ws_deflate_info){.struct_size = sizeof info, .level = 77};
    CHECK_STATUS(ws_get_deflate_info(session, &info), WS_ERR_STATE);
    CHECK_EQ(info.level, 0);
    close_and_free(session);
}

/* A program compiled with a later header has larger structs: the library writes its own part of them only, whatever the size
 * says. */
static void of_larger_structs(void)
{
    union {
        char bytes[4096];
        ws_session_info connection;
        ws_deflate_info deflate;
    } larger;
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_install_deflate(config, NULL));
    ws_session *session = connect_steered_at("deflate", config);
    ws_config_free(config);
    static const size_t more[] = {1, 64, 0};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        size_t size = more[i] == 0 ? sizeof larger : sizeof(ws_session_info) + more[i];
        memset(&larger, 0x55, sizeof larger);
        larger.connection.struct_size = size;
        CHECK_OK(ws_get_session_info(session, &larger.connection));
        CHECK_EQ(larger.connection.struct_size, size);
        CHECK_EQ(larger.connection.http_version, 0x0101);
        for (size_t at = sizeof(ws_session_info); at < sizeof larger; at++)
            CHECK_EQ(larger.bytes[at], 0x55);

        size = more[i] == 0 ? sizeof larger : sizeof(ws_deflate_info) + more[i];
        memset(&larger, 0x55, sizeof larger);
        larger.deflate.struct_size = size;
        CHECK_OK(ws_get_deflate_info(session, &larger.deflate));
        CHECK_EQ(larger.deflate.struct_size, size);
        CHECK_EQ(larger.deflate.server_max_window_bits, 15);
        for (size_t at = sizeof(ws_deflate_info); at < sizeof larger; at++)
            CHECK_EQ(larger.bytes[at], 0x55);
    }
    close_and_free(session);
}

static int user_data;

static void on_open(ws_session *session, void *seen)
{
    CHECK(ws_get_user_data(session) == &user_data);
    sem_post(seen);
}

/* It is there in the first callback. */
static void of_the_application(void)
{
    sem_t seen;
    CHECK_EQ(sem_init(&seen, 0, 0), 0);
    ws_callbacks callbacks = {.struct_size = sizeof callbacks, .on_open = on_open};
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_user_data(config, &user_data));
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, &seen));
    ws_session *session = connect_with(PLAIN, "", config);
    CHECK(ws_get_user_data(session) == &user_data);
    sem_wait(&seen);
    CHECK_OK(ws_set_user_data(session, &seen));
    CHECK(ws_get_user_data(session) == &seen);
    CHECK_OK(ws_session_end(session, PATIENCE_MS));
    ws_session *later = NULL;
    CHECK_OK(ws_connect_async(environment("ECHO_WS_URL"), config, &later));
    ws_config_free(config);
    CHECK(ws_get_user_data(later) == &user_data);
    sem_wait(&seen);
    CHECK_OK(ws_session_end(later, PATIENCE_MS));
}

static void of_the_end(void)
{
    ws_session *session = connect_plain("");
    CHECK_EQ(ws_is_closed_for_receive(session), 0);
    CHECK_OK(ws_send_text(session, "last", WS_NUL_TERMINATED));
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    /* A message waits. */
    CHECK_EQ(ws_is_closed_for_receive(session), 0);
    expect_text(session, "last");
    CHECK_EQ(ws_is_closed_for_receive(session), 1);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_CLOSED);
    ws_session_free(session);
    CHECK_OK(ws_connect_async("ws://127.0.0.1:1/", NULL, &session));
    CHECK_STATUS(ws_wait_open(session, PATIENCE_MS, NULL), WS_ERR_CONNECT);
    CHECK_EQ(ws_is_closed_for_receive(session), 1);
    ws_session_info info = {.struct_size = sizeof info};
    CHECK_STATUS(ws_get_session_info(session, &info), WS_ERR_CONNECT);
    ws_session_free(session);
}

int main(void)
{
    of_a_plain_connection();
    of_tls();
    of_the_handshake();
    of_deflate();
    of_larger_structs();
    of_the_application();
    of_the_end();
    return 0;
}
