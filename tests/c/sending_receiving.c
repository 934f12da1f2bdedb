/* Messages of all sizes there and back, the two ways to receive, timeouts, limits.
 * With --small it leaves out sizes that take long under valgrind. */

#include "check.h"

static unsigned char *make_pattern(size_t size)
{
    unsigned char *data = malloc(size + 1);
    CHECK(data != NULL);
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)('a' + (i * 7 + i / 251) % 26);
    data[size] = '\0';
    return data;
}

static void sizes(transport how, size_t largest)
{
    static const size_t all[] = {0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 16 << 20};
    ws_session *session = connect_with(how, "", NULL);
    for (size_t i = 0; i < sizeof all / sizeof all[0] && all[i] <= largest; i++) {
        size_t size = all[i];
        unsigned char *data = make_pattern(size);
        CHECK_OK(ws_send_text(session, (const char *)data, size));
        expect_message(session, WS_FRAME_TEXT, data, size);
        CHECK_OK(ws_send_text(session, (const char *)data, WS_NUL_TERMINATED));
        expect_message(session, WS_FRAME_TEXT, data, size);
        for (size_t j = 0; j < size; j++)
            data[j] = (unsigned char)(data[j] ^ 0x80);
        CHECK_OK(ws_send_binary(session, data, size));
        expect_message(session, WS_FRAME_BINARY, data, size);
        CHECK_OK(ws_send(session, WS_FRAME_BINARY, data, size, 0, PATIENCE_MS));
        expect_message(session, WS_FRAME_BINARY, data, size);
        free(data);
    }
    close_and_free(session);
}

static void empty_messages_need_no_pointer(void)
{
    ws_session *session = connect_plain("");
    CHECK_OK(ws_send_text(session, NULL, 0));
    expect_message(session, WS_FRAME_TEXT, "", 0);
    CHECK_OK(ws_send_binary(session, NULL, 0));
    expect_message(session, WS_FRAME_BINARY, "", 0);
    close_and_free(session);
}

static void a_text_may_hold_nul(void)
{
    static const char text[] = "a\0b\0";
    ws_session *session = connect_plain("");
    CHECK_OK(ws_send_text(session, text, 4));
    expect_message(session, WS_FRAME_TEXT, text, 4);
    CHECK_OK(ws_send_text(session, text, WS_NUL_TERMINATED));
    expect_message(session, WS_FRAME_TEXT, "a", 1);
    close_and_free(session);
}

static void invalid_utf8_is_refused_and_not_sent(void)
{
    static const char *const invalid[] = {"\xff", "a\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80"};
    ws_session *session = connect_plain("");
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        CHECK_STATUS(ws_send_text(session, invalid[i], WS_NUL_TERMINATED), WS_ERR_UTF8);
        CHECK_STATUS(ws_send(session, WS_FRAME_TEXT, invalid[i], strlen(invalid[i]), 0, PATIENCE_MS),
                     WS_ERR_UTF8);
    }
    echo_text(session, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x91\x8b");
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    close_and_free(session);
}

static void receiving_into_a_buffer(void)
{
    char buffer[64];
    size_t size = 0;
    uint32_t type = 0;
    ws_session *session = connect_plain("");
    CHECK_OK(ws_send_text(session, "exactly", 7));
    CHECK_OK(ws_send_binary(session, "", 0));

    CHECK_STATUS(ws_recv_into(session, NULL, 0, &size, &type, PATIENCE_MS), WS_ERR_BUFFER_TOO_SMALL);
    CHECK_EQ(size, 7);
    memset(buffer, '#', sizeof buffer);
    size = 0;
    CHECK_STATUS(ws_recv_into(session, buffer, 6, &size, &type, PATIENCE_MS), WS_ERR_BUFFER_TOO_SMALL);
    CHECK_EQ(size, 7);
    CHECK_EQ(buffer[0], '#');

    size = 0;
    CHECK_OK(ws_recv_into(session, buffer, 7, &size, &type, PATIENCE_MS));
    CHECK_EQ(size, 7);
    CHECK_EQ(type, WS_FRAME_TEXT);
    CHECK(memcmp(buffer, "exactly#", 8) == 0);

    CHECK_OK(ws_recv_into(session, buffer, sizeof buffer, &size, &type, PATIENCE_MS));
    CHECK_EQ(size, 0);
    CHECK_EQ(type, WS_FRAME_BINARY);

    /* What did not fit a buffer can be had as a frame. */
    CHECK_OK(ws_send_text(session, "too long", 8));
    CHECK_STATUS(ws_recv_into(session, buffer, 1, &size, &type, PATIENCE_MS), WS_ERR_BUFFER_TOO_SMALL);
    expect_text(session, "too long");
    close_and_free(session);
}

static void a_timeout_harms_nothing(void)
{
    char buffer[16];
    size_t size = 77;
    uint32_t type = 77;
    ws_frame *frame = NULL;
    ws_session *session = connect_plain("");
    for (int64_t timeout_ms = 0; timeout_ms <= 50; timeout_ms += 50) {
        CHECK_STATUS(ws_recv(session, &frame, timeout_ms), WS_ERR_TIMEOUT);
        CHECK(frame == NULL);
        size = type = 77;
        CHECK_STATUS(ws_recv_into(session, buffer, sizeof buffer, &size, &type, timeout_ms), WS_ERR_TIMEOUT);
        CHECK_EQ(size, 0);
        CHECK_EQ(type, 0);
        CHECK_STATUS(ws_wait_closed(session, timeout_ms), WS_ERR_TIMEOUT);
        echo_text(session, "still open");
    }
    CHECK(ws_session_error(session) == NULL);
    close_and_free(session);
}

static void expect_too_big(ws_session *session, ws_status expected)
{
    char *text = (char *)make_pattern(1001);
    CHECK_OK(ws_send_text(session, text, 1000));
    expect_message(session, WS_FRAME_TEXT, text, 1000);
    CHECK_OK(ws_send_text(session, text, 1001));
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), expected);
    CHECK(frame == NULL);
    CHECK_STATUS(ws_error_status(ws_session_error(session)), expected);

    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    ws_close_info info = {.struct_size = sizeof info};
    CHECK_OK(ws_get_close_info(session, &info));
    CHECK_EQ(info.local_code, WS_CLOSE_TOO_BIG);
    CHECK_EQ(info.initiator, WS_CLOSED_BY_PROTOCOL);
    free(text);
    ws_session_free(session);
}

static void limits(void)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_max_message_size(config, 1000));
    ws_session *session = connect_with(PLAIN, "", config);
    CHECK_EQ(ws_get_max_message_size(session), 1000);
    expect_too_big(session, WS_ERR_MESSAGE_TOO_BIG);
    ws_config_free(config);

    config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_max_frame_size(config, 1000));
    session = connect_with(PLAIN, "", config);
    CHECK_EQ(ws_get_max_frame_size(session), 1000);
    expect_too_big(session, WS_ERR_FRAME_TOO_BIG);
    ws_config_free(config);

    session = connect_plain("");
    CHECK_EQ(ws_get_max_frame_size(session), 64 << 20);
    CHECK_EQ(ws_get_max_message_size(session), 64 << 20);
    CHECK_OK(ws_set_max_message_size(session, 1000));
    CHECK_EQ(ws_get_max_message_size(session), 1000);
    expect_too_big(session, WS_ERR_MESSAGE_TOO_BIG);

    session = connect_plain("");
    CHECK_OK(ws_set_max_frame_size(session, 1000));
    CHECK_EQ(ws_get_max_frame_size(session), 1000);
    expect_too_big(session, WS_ERR_FRAME_TOO_BIG);
}

int main(int argc, char **argv)
{
    size_t largest = argc > 1 && strcmp(argv[1], "--small") == 0 ? 1 << 16 : 16 << 20;
    sizes(PLAIN, largest);
    sizes(TLS, largest);
    empty_messages_need_no_pointer();
    a_text_may_hold_nul();
    invalid_utf8_is_refused_and_not_sent();
    receiving_into_a_buffer();
    a_timeout_harms_nothing();
    limits();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
