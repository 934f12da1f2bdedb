/* Every function with what it must refuse: the documented status, no crash, out-parameters with NULL or 0. */

#include "check.h"

#define REFUSED(call) CHECK_STATUS(call, WS_ERR_INVALID_ARGUMENT)

static void statuses_and_features(void)
{
    CHECK_STR(ws_status_name(WS_OK), "WS_OK");
    CHECK_STR(ws_status_name(WS_ERR_INTERNAL), "WS_ERR_INTERNAL");
    static const int32_t unknown[] = {1, -1, -100, -999, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        CHECK(ws_status_name(unknown[i]) != NULL);
        CHECK(ws_strerror(unknown[i]) != NULL);
        CHECK(ws_strerror(unknown[i])[0] != '\0');
    }
    CHECK_EQ(ws_has_feature(NULL), 0);
    CHECK_EQ(ws_has_feature(""), 0);
    CHECK_EQ(ws_has_feature("no such feature"), 0);
    CHECK_EQ(ws_has_feature("\xff"), 0);
}

static void errors(void)
{
    size_t size = 77;
    CHECK_OK(ws_error_status(NULL));
    CHECK_STR(ws_error_message(NULL), "");
    CHECK_EQ(ws_error_phase(NULL), 0);
    CHECK_EQ(ws_error_os_errno(NULL), 0);
    CHECK_EQ(ws_error_tls_alert(NULL), -1);
    CHECK_EQ(ws_error_http_status(NULL), 0);
    CHECK(ws_error_http_header(NULL, "Server", 0) == NULL);
    CHECK(ws_error_http_body(NULL, &size) == NULL);
    CHECK_EQ(size, 0);
    CHECK(ws_error_http_body(NULL, NULL) == NULL);
    ws_error_free(NULL);

    ws_session *session = NULL;
    ws_error *error = NULL;
    CHECK_STATUS(ws_connect("gopher://localhost/", NULL, &session, &error), WS_ERR_URL);
    CHECK(session == NULL);
    CHECK(error != NULL);
    CHECK_STATUS(ws_error_status(error), WS_ERR_URL);
    CHECK(ws_error_message(error)[0] != '\0');
    CHECK_EQ(ws_error_http_status(error), 0);
    CHECK(ws_error_http_header(error, NULL, 0) == NULL);
    CHECK(ws_error_http_header(error, "Server", SIZE_MAX) == NULL);
    CHECK(ws_error_http_body(error, NULL) == NULL);
    ws_error_free(error);
}

static void connecting(void)
{
    static const char *const bad_urls[] = {
        "",          "nonsense",  "ws://",    "http", "ftp://localhost/", "ws://localhost:99999/", "ws://localhost/#x",
        "ws://[::1", "ws://a b/", "\xff\xfe",
    };
    ws_session *session = NULL;
    ws_error *error = NULL;
    for (size_t i = 0; i < sizeof bad_urls / sizeof bad_urls[0]; i++) {
        ws_status status = ws_connect(bad_urls[i], NULL, &session, &error);
        if (status != WS_ERR_URL && status != WS_ERR_INVALID_ARGUMENT) {
            fprintf(stderr, "ws_connect(\"%s\") gave %s\n", bad_urls[i], ws_status_name(status));
            exit(1);
        }
        CHECK(session == NULL);
        CHECK(error != NULL);
        ws_error_free(error);
        error = NULL;
        CHECK_STATUS(ws_connect(bad_urls[i], NULL, &session, NULL), status);
    }

    const char *url = environment("ECHO_WS_URL");
    ws_session *const unwritten = (ws_session *)&session;
    session = unwritten;
    REFUSED(ws_connect(NULL, NULL, &session, NULL));
    CHECK(session == NULL);
    REFUSED(ws_connect(url, NULL, NULL, NULL));
    error = (ws_error *)&error;
    REFUSED(ws_connect(url, NULL, NULL, &error));
    CHECK_STATUS(ws_error_status(error), WS_ERR_INVALID_ARGUMENT);
    ws_error_free(error);
    session = unwritten;
    CHECK_STATUS(ws_connect_async("ftp://localhost/", NULL, &session), WS_ERR_URL);
    CHECK(session == NULL);
    session = unwritten;
    REFUSED(ws_connect(NULL, NULL, &session, &error));
    CHECK(session == NULL);
    CHECK_STATUS(ws_error_status(error), WS_ERR_INVALID_ARGUMENT);
    ws_error_free(error);

    error = (ws_error *)&error;
    CHECK_OK(ws_connect(url, NULL, &session, &error));
    CHECK(error == NULL);
    error = (ws_error *)&error;
    CHECK_OK(ws_wait_open(session, 0, &error));
    CHECK(error == NULL);
    close_and_free(session);
}

static void configuration(void)
{
    static const char *const bad_names[] = {"", "a b", "a:b", "a\r\nb", "\xff"};
    static const char *const bad_values[] = {"a\r\nb", "a\nb", "a\rb"};
    static const char *const reserved[] = {
        "upgrade",
        "Connection",
        "Content-Length",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Protocol",
        "sec-websocket-version",
        "Sec-WebSocket-Something",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Expect",
        "Keep-Alive",
        "HTTP2-Settings",
        "Proxy-Authorization",
        "proxy-connection",
    };
    static const char *const bad_hosts[] = {"", " ", "a b", "host:", "host:x", "host:70000", "a,b", "user@host", "http://host"};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);

    REFUSED(ws_config_add_header(config, NULL, "value"));
    REFUSED(ws_config_add_header(config, "Name", NULL));
    REFUSED(ws_config_set_header(config, NULL, "value"));
    for (size_t i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++) {
        REFUSED(ws_config_add_header(config, bad_names[i], "value"));
        REFUSED(ws_config_set_header(config, bad_names[i], "value"));
        REFUSED(ws_config_add_subprotocol(config, bad_names[i]));
    }
    for (size_t i = 0; i < sizeof bad_values / sizeof bad_values[0]; i++) {
        REFUSED(ws_config_add_header(config, "Name", bad_values[i]));
        REFUSED(ws_config_set_header(config, "Name", bad_values[i]));
        REFUSED(ws_config_set_origin(config, bad_values[i]));
        REFUSED(ws_config_set_user_agent(config, bad_values[i]));
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        REFUSED(ws_config_add_header(config, reserved[i], "value"));
        REFUSED(ws_config_set_header(config, reserved[i], "value"));
    }
    for (size_t i = 0; i < sizeof bad_hosts / sizeof bad_hosts[0]; i++) {
        REFUSED(ws_config_add_header(config, "Host", bad_hosts[i]));
        REFUSED(ws_config_set_header(config, "host", bad_hosts[i]));
    }
    REFUSED(ws_config_add_subprotocol(config, NULL));

    REFUSED(ws_config_add_subprotocol(config, "chat, other"));

    static const uint64_t bad_sizes[] = {0, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof bad_sizes / sizeof bad_sizes[0]; i++) {
        REFUSED(ws_config_set_max_frame_size(config, bad_sizes[i]));
        REFUSED(ws_config_set_max_message_size(config, bad_sizes[i]));
    }
    REFUSED(ws_config_set_connect_timeout_ms(config, 0));
    REFUSED(ws_config_set_handshake_timeout_ms(config, 0));
    REFUSED(ws_config_set_close_timeout_ms(config, 0));
    REFUSED(ws_config_set_send_timeout_ms(config, 0));
    REFUSED(ws_config_set_idle_timeout_ms(config, 0));
    REFUSED(ws_config_set_ping_timeout_ms(config, 0));

    static const uint32_t bad_policies[] = {3, 1000, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad_policies / sizeof bad_policies[0]; i++) {
        REFUSED(ws_config_set_incoming_queue(config, 1, 1, bad_policies[i]));
        REFUSED(ws_config_set_outgoing_queue(config, 0, 1, bad_policies[i]));
    }
    REFUSED(ws_config_set_incoming_queue(config, 0, 0, WS_QUEUE_WAIT));
    REFUSED(ws_config_set_outgoing_queue(config, 0, 0, WS_QUEUE_WAIT));
    static const int32_t bad_switches[] = {-1, 2, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof bad_switches / sizeof bad_switches[0]; i++) {
        REFUSED(ws_config_set_tcp_nodelay(config, bad_switches[i]));
        REFUSED(ws_config_set_coalescing(config, bad_switches[i]));
        REFUSED(ws_config_set_raw(config, bad_switches[i]));
        REFUSED(ws_config_set_auto_pong(config, bad_switches[i]));
        REFUSED(ws_config_set_validate_utf8(config, bad_switches[i]));
        REFUSED(ws_config_set_tls_system_store(config, bad_switches[i]));
        REFUSED(ws_config_set_masking(config, bad_switches[i]));
        REFUSED(ws_config_set_allow_unmasked(config, bad_switches[i]));
        REFUSED(ws_config_set_tls_verify(config, bad_switches[i], 1));
        REFUSED(ws_config_set_tls_verify(config, 1, bad_switches[i]));
    }

    CHECK_STATUS(ws_config_set_masking(config, 0), WS_ERR_STATE);
    REFUSED(ws_config_set_ping_liveness(config, 2));
    REFUSED(ws_config_set_deliver_control(config, 8));
    REFUSED(ws_config_set_deliver_events(config, 8));
    REFUSED(ws_config_set_deliver_parts(config, 1));
    REFUSED(ws_config_set_deliver_parts(config, 1023));
    CHECK_OK(ws_config_set_deliver_parts(config, 1024));

    static const size_t bad_fragments[] = {1, 2, 124};
    for (size_t i = 0; i < sizeof bad_fragments / sizeof bad_fragments[0]; i++)
        REFUSED(ws_config_set_auto_fragment(config, bad_fragments[i]));
    CHECK_OK(ws_config_set_auto_fragment(config, 125));
    CHECK_OK(ws_config_set_auto_fragment(config, SIZE_MAX));
    CHECK_OK(ws_config_set_auto_fragment(config, 0));
    REFUSED(ws_config_set_spin_us(config, 1001));
    REFUSED(ws_config_set_spin_us(config, UINT32_MAX));
    CHECK_OK(ws_config_set_spin_us(config, 1000));
    CHECK_OK(ws_config_set_spin_us(config, 0));

    REFUSED(ws_config_add_tls_ca_file(config, NULL));
    REFUSED(ws_config_add_tls_ca_file(config, "/nonexistent/ca.pem"));
    REFUSED(ws_config_add_tls_ca_file(config, "/dev/null"));
    REFUSED(ws_config_add_tls_ca_pem(config, NULL, 1));
    REFUSED(ws_config_add_tls_ca_pem(config, NULL, 0));
    REFUSED(ws_config_add_tls_ca_pem(config, NULL, WS_NUL_TERMINATED));
    REFUSED(ws_config_add_tls_ca_pem(config, "not a certificate", WS_NUL_TERMINATED));
    REFUSED(ws_config_set_tls_server_name(config, NULL));
    REFUSED(ws_config_set_tls_server_name(config, ""));
    REFUSED(ws_config_set_tls_server_name(config, "not a name"));

    ws_config_free(config);
}

static void sending(ws_session *session)
{
    static const uint32_t bad_types[] = {3, 7, 11, WS_FRAME_OPENED, WS_FRAME_LOST, WS_FRAME_RESUMED, 256 + WS_FRAME_TEXT, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad_types / sizeof bad_types[0]; i++)
        REFUSED(ws_send(session, bad_types[i], "data", 4, 0, 0));
    static const uint32_t bad_flags[] = {8, 0x80000000u, 8 | WS_SEND_CORK, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad_flags / sizeof bad_flags[0]; i++)
        REFUSED(ws_send(session, WS_FRAME_TEXT, "data", 4, bad_flags[i], 0));
    ws_message more = {.data = "data", .size = 4, .type = WS_FRAME_TEXT, .flags = WS_SEND_MORE};
    REFUSED(ws_send_batch(session, &more, 1, NULL, 0));
    char large[126] = {0};
    REFUSED(ws_send(session, WS_FRAME_PING, large, sizeof large, 0, -1));
    REFUSED(ws_send(session, WS_FRAME_PONG, large, sizeof large, 0, -1));
    REFUSED(ws_send(session, WS_FRAME_PING, NULL, 1, 0, -1));
    REFUSED(ws_send(session, WS_FRAME_PING, "x", 1, WS_SEND_MORE, -1));
    REFUSED(ws_send(session, WS_FRAME_CLOSE, "\003", 1, 0, -1));
    REFUSED(ws_send(session, WS_FRAME_CLOSE, "\003\355", 2, 0, -1));
    REFUSED(ws_send(session, WS_FRAME_CLOSE, "\003\350\377", 3, 0, -1));
    REFUSED(ws_send(session, WS_FRAME_CLOSE, large, sizeof large, 0, -1));
    ws_slice slices[2] = {{"data", 4}, {NULL, 1}};
    REFUSED(ws_sendv(session, WS_FRAME_BINARY, slices, 2, 0, 0));
    REFUSED(ws_sendv(session, WS_FRAME_BINARY, NULL, 1, 0, 0));
    slices[1] = (ws_slice){"data", WS_NUL_TERMINATED};
    REFUSED(ws_sendv(session, WS_FRAME_TEXT, slices, 2, 0, 0));
    REFUSED(ws_sendv(NULL, WS_FRAME_TEXT, slices, 1, 0, 0));
    REFUSED(ws_send(NULL, WS_FRAME_PONG, NULL, 0, 0, -1));
    REFUSED(ws_send(NULL, WS_FRAME_PING, NULL, 0, 0, -1));
    REFUSED(ws_send(session, WS_FRAME_TEXT, NULL, 4, 0, 0));
    REFUSED(ws_send(session, WS_FRAME_BINARY, "data", WS_NUL_TERMINATED, 0, 0));
    REFUSED(ws_send(session, WS_FRAME_BINARY, "data", (size_t)PTRDIFF_MAX + 1, 0, 0));
    REFUSED(ws_send_text(session, NULL, 4));
    REFUSED(ws_send_text(session, NULL, WS_NUL_TERMINATED));
    REFUSED(ws_send_text(session, "text", (size_t)PTRDIFF_MAX + 1));
    REFUSED(ws_send_binary(session, NULL, 1));
    REFUSED(ws_send_binary(session, "data", WS_NUL_TERMINATED));
    echo_text(session, "nothing else was sent");
}

/* One wrong message, wherever it is, and none of them is sent. */
static void sending_batches(ws_session *session)
{
    static const ws_message wrong[] = {
        {.data = NULL, .size = 1, .type = WS_FRAME_BINARY},
        {.data = NULL, .size = WS_NUL_TERMINATED, .type = WS_FRAME_TEXT},
        {.data = "data", .size = WS_NUL_TERMINATED, .type = WS_FRAME_BINARY},
        {.data = "data", .size = (size_t)PTRDIFF_MAX + 1, .type = WS_FRAME_TEXT},
        {.data = "\xff", .size = 1, .type = WS_FRAME_TEXT},
        {.data = "data", .size = 4, .type = 0},
        {.data = "data", .size = 4, .type = WS_FRAME_PING},
        {.data = "data", .size = 4, .type = WS_FRAME_TEXT, .flags = 8},
    };
    const ws_message good = {.data = "never", .size = 5, .type = WS_FRAME_TEXT};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        for (size_t at = 0; at < 3; at++) {
            ws_message items[3] = {good, good, good};
            items[at] = wrong[i];
            size_t accepted = 77;
            int is_text = wrong[i].type == WS_FRAME_TEXT && wrong[i].size == 1;
            ws_status expected = is_text ? WS_ERR_UTF8 : WS_ERR_INVALID_ARGUMENT;
            CHECK_STATUS(ws_send_batch(session, items, 3, &accepted, PATIENCE_MS), expected);
            CHECK_EQ(accepted, 0);
            CHECK_STATUS(ws_send_batch(session, items, 3, NULL, PATIENCE_MS), expected);
        }
    REFUSED(ws_send_batch(session, NULL, 1, NULL, PATIENCE_MS));
    echo_text(session, "nothing else was sent");
}

static void receiving(ws_session *session)
{
    char buffer[8];
    size_t size = 77;
    uint32_t type = 77;
    ws_frame *frame = NULL;
    CHECK_OK(ws_send_text(session, "kept", 4));
    REFUSED(ws_recv(session, NULL, PATIENCE_MS));
    REFUSED(ws_recv_batch(session, NULL, 1, &size, PATIENCE_MS));
    REFUSED(ws_recv_batch(session, &frame, 1, NULL, PATIENCE_MS));
    REFUSED(ws_recv_batch(session, &frame, 0, &size, PATIENCE_MS));
    CHECK(frame == NULL);
    REFUSED(ws_recv_into(session, NULL, 8, &size, &type, PATIENCE_MS));
    REFUSED(ws_recv_into(session, buffer, sizeof buffer, NULL, &type, PATIENCE_MS));
    CHECK_EQ(size, 0);
    CHECK_EQ(type, 0);
    expect_text(session, "kept");
}

static void questions(ws_session *session)
{
    CHECK_STR(ws_request_url(session), environment("ECHO_WS_URL"));
    CHECK_EQ(ws_response_status(session), 101);
    CHECK_STR(ws_response_header(session, "UPGRADE", 0), "websocket");
    CHECK(ws_response_header(session, "Upgrade", 1) == NULL);
    CHECK(ws_response_header(session, "Upgrade", SIZE_MAX) == NULL);
    CHECK(ws_response_header(session, "No-Such-Header", 0) == NULL);
    CHECK(ws_response_header(session, NULL, 0) == NULL);
    CHECK(ws_response_header(session, "\xff", 0) == NULL);
    CHECK(ws_request_header(session, "Host", 0) != NULL);
    CHECK(ws_request_header(session, "Host", 1) == NULL);
    CHECK(ws_request_header(session, NULL, 0) == NULL);
    CHECK(ws_session_error(session) == NULL);
    REFUSED(ws_set_max_frame_size(session, 0));
    REFUSED(ws_set_max_frame_size(session, UINT64_MAX));
    REFUSED(ws_set_max_message_size(session, 0));
    REFUSED(ws_set_max_message_size(session, UINT64_MAX));
    REFUSED(ws_set_masking(session, 2));
    CHECK_STATUS(ws_set_masking(session, 0), WS_ERR_STATE);
    CHECK_EQ(ws_get_masking(session), 1);
    REFUSED(ws_get_stats(session, NULL));
    ws_stats stats = {.struct_size = sizeof stats - 1};
    REFUSED(ws_get_stats(session, &stats));
    stats.struct_size = 4097;
    REFUSED(ws_get_stats(session, &stats));
    CHECK(ws_extension_at(session, 0) == NULL);
    CHECK(ws_extension_find(session, NULL) == NULL);
    CHECK(ws_extension_find(session, "permessage-deflate") == NULL);
    CHECK_EQ(ws_get_max_frame_size(session), 64 << 20);
    CHECK_EQ(ws_get_max_message_size(session), 64 << 20);
}

static void closing(ws_session *session)
{
    ws_close_info info = {.local_code = 77};
    REFUSED(ws_close(session, 0, "x", 1));
    REFUSED(ws_close(session, WS_CLOSE_NORMAL, NULL, 3));
    REFUSED(ws_close(session, WS_CLOSE_NORMAL, NULL, WS_NUL_TERMINATED));
    REFUSED(ws_close(session, WS_CLOSE_NORMAL, "x", (size_t)PTRDIFF_MAX + 1));
    REFUSED(ws_get_close_info(session, NULL));
    REFUSED(ws_get_close_info(session, &info));
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    for (info.struct_size = 0; info.struct_size < sizeof info; info.struct_size += 8)
        REFUSED(ws_get_close_info(session, &info));
    CHECK_EQ(info.local_code, 77);
    ws_session_free(session);
}

int main(void)
{
    statuses_and_features();
    errors();
    connecting();
    configuration();
    ws_session *session = connect_plain("");
    sending(session);
    sending_batches(session);
    receiving(session);
    questions(session);
    closing(session);

    REFUSED(ws_set_worker_threads(0));
    /* Too late: the threads are running. */
    CHECK_STATUS(ws_set_worker_threads(1), WS_ERR_STATE);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK_OK(ws_set_worker_threads(1));
    return 0;
}
