/* Every function with NULL for its session, configuration or attempt: the documented status or value, and out-parameters with
 * NULL or 0. */

#include "check.h"

#define REFUSED(call) CHECK_STATUS(call, WS_ERR_INVALID_ARGUMENT)

int main(void)
{
    char buffer[4];
    size_t size = 77, count = 77;
    uint32_t type = 77;
    ws_frame *frame = (ws_frame *)&size;
    ws_message message = {.data = "data", .size = 4, .type = WS_FRAME_TEXT};
    ws_close_info info = {.struct_size = sizeof info, .local_code = 77};
    REFUSED(ws_send_text(NULL, "text", 4));
    REFUSED(ws_send_binary(NULL, "data", 4));
    REFUSED(ws_send(NULL, WS_FRAME_TEXT, "text", 4, 0, 0));
    REFUSED(ws_send_batch(NULL, &message, 1, &size, 0));
    REFUSED(ws_send_batch(NULL, NULL, 0, NULL, 0));
    CHECK_EQ(size, 0);
    REFUSED(ws_flush(NULL, 0));
    CHECK_EQ(ws_buffered_amount(NULL), 0);
    REFUSED(ws_recv(NULL, &frame, 0));
    CHECK(frame == NULL);
    REFUSED(ws_recv_batch(NULL, &frame, 1, &count, 0));
    CHECK_EQ(count, 0);
    size = 77;
    REFUSED(ws_recv_into(NULL, buffer, sizeof buffer, &size, &type, 0));
    CHECK_EQ(size, 0);
    CHECK_EQ(type, 0);
    REFUSED(ws_set_max_frame_size(NULL, 1));
    CHECK_EQ(ws_get_max_frame_size(NULL), 0);
    REFUSED(ws_set_max_message_size(NULL, 1));
    REFUSED(ws_set_masking(NULL, 1));
    REFUSED(ws_set_ping_interval_ms(NULL, 1));
    REFUSED(ws_set_ping_timeout_ms(NULL, 1));
    REFUSED(ws_set_user_data(NULL, NULL));
    CHECK_EQ(ws_get_masking(NULL), 0);
    CHECK_EQ(ws_get_ping_interval_ms(NULL), 0);
    CHECK_EQ(ws_get_ping_timeout_ms(NULL), 0);
    CHECK(ws_get_user_data(NULL) == NULL);
    ws_stats stats = {.struct_size = sizeof stats, .reconnects = 77};
    REFUSED(ws_get_stats(NULL, &stats));
    CHECK_EQ(stats.reconnects, 0);
    CHECK_EQ(ws_extension_count(NULL), 0);
    CHECK(ws_extension_at(NULL, 0) == NULL);
    CHECK(ws_extension_find(NULL, "permessage-deflate") == NULL);
    REFUSED(ws_sink_write(NULL, "x", 1));
    CHECK_EQ(ws_get_max_message_size(NULL), 0);
    REFUSED(ws_close(NULL, WS_CLOSE_NORMAL, NULL, 0));
    REFUSED(ws_wait_closed(NULL, 0));
    REFUSED(ws_get_close_info(NULL, &info));
    CHECK_EQ(info.local_code, 0);
    CHECK_EQ(info.struct_size, sizeof info);
    REFUSED(ws_abort(NULL));
    REFUSED(ws_interrupt(NULL));
    CHECK(ws_session_ref(NULL) == NULL);
    CHECK_EQ(ws_state(NULL), WS_STATE_CLOSED);
    CHECK(ws_subprotocol(NULL) == NULL);
    CHECK(ws_request_url(NULL) == NULL);
    CHECK(ws_request_header(NULL, "Host", 0) == NULL);
    CHECK_EQ(ws_response_status(NULL), 0);
    CHECK(ws_response_header(NULL, "Upgrade", 0) == NULL);
    CHECK(ws_session_error(NULL) == NULL);
    const char *name = "x", *value = "x";
    CHECK_EQ(ws_request_header_at(NULL, 0, &name, &value), 0);
    CHECK(name == NULL && value == NULL);
    name = value = "x";
    CHECK_EQ(ws_response_header_at(NULL, 0, &name, &value), 0);
    CHECK(name == NULL && value == NULL);
    name = value = "x";
    CHECK_EQ(ws_error_http_header_at(NULL, 0, &name, &value), 0);
    CHECK(name == NULL && value == NULL);
    const uint8_t *der = (const uint8_t *)"x";
    CHECK_EQ(ws_peer_certificate(NULL, 0, &der, &size), 0);
    CHECK(der == NULL && size == 0);
    ws_session_info about = {.struct_size = sizeof about, .tls_version = 77};
    REFUSED(ws_get_session_info(NULL, &about));
    CHECK_EQ(about.tls_version, 0);
    ws_deflate_info deflate = {.struct_size = sizeof deflate, .level = 77};
    REFUSED(ws_get_deflate_info(NULL, &deflate));
    CHECK_EQ(deflate.level, 0);
    CHECK_EQ(ws_is_closed_for_receive(NULL), 1);
    REFUSED(ws_session_end(NULL, 0));
    CHECK_EQ(ws_attempt_number(NULL), 0);
    CHECK(ws_attempt_last_error(NULL) == NULL);
    REFUSED(ws_attempt_set_url(NULL, "ws://localhost/"));
    REFUSED(ws_attempt_set_header(NULL, "Name", "value"));
    CHECK(ws_config_error(NULL) == NULL);
    REFUSED(ws_config_set_user_data(NULL, &size));
    REFUSED(ws_config_set_deliver_events(NULL, 0));
    REFUSED(ws_config_set_deliver_parts(NULL, 0));
    REFUSED(ws_config_set_validate_utf8(NULL, 0));
    REFUSED(ws_config_set_tls_system_store(NULL, 0));
    return 0;
}
