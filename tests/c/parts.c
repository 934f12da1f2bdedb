/* Messages in parts: those that are received (ws_config_set_deliver_parts), and those that are sent (ws_sendv). */

#define _GNU_SOURCE
#include "steered.h"

enum { PART = 1024, LONG = 300 * 1000 };

static char text[LONG];

static ws_session *connect_for_parts(const char *path, transport how)
{
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_deliver_parts(config, PART));
    CHECK_OK(ws_config_install_deflate(config, NULL));
    CHECK_OK(ws_config_set_max_message_size(config, LONG));
    ws_session *session = how == TLS ? connect_steered(TLS, config) : connect_steered_at(path, config);
    ws_config_free(config);
    STEER("echo");
    return session;
}

/* Returns how many parts the message has, whose bytes are those of `text` or of the script's message with a number. */
static unsigned expect_in_parts(ws_session *session, size_t size, int number)
{
    char numbered[16];
    int digits = snprintf(numbered, sizeof numbered, "%d ", number);
    unsigned parts = 0;
    size_t received = 0;
    uint32_t flags = WS_FLAG_MORE;
    while (flags == WS_FLAG_MORE) {
        ws_frame *frame = NULL;
        CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
        CHECK_EQ(frame->type, WS_FRAME_TEXT);
        flags = frame->flags;
        CHECK(flags == 0 || (flags == WS_FLAG_MORE && frame->size >= PART));
        CHECK(frame->size <= size - received);
        for (size_t i = 0; i < frame->size; i++) {
            size_t at = received + i;
            char scripted = at < (size_t)digits ? numbered[at] : 'x';
            CHECK_EQ((char)frame->data[i], number < 0 ? text[at] : scripted);
        }
        CHECK_EQ(frame->data[frame->size], 0);
        received += frame->size;
        parts++;
        ws_frame_free(frame);
    }
    CHECK_EQ(received, size);
    return parts;
}

static void received(transport how)
{
    ws_session *session = connect_for_parts("", how);
    static const size_t sizes[] = {0, 1, 125, PART - 1, PART, PART + 1, 10 * PART, 70 * 1000, LONG};
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            CHECK_OK(ws_send_text(session, text, sizes[i]));
            unsigned parts = expect_in_parts(session, sizes[i], -1);
            CHECK(sizes[i] >= PART || parts == 1);
            CHECK(sizes[i] < LONG || parts > 2);
        }
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK_OK(ws_get_stats(session, &stats));
    CHECK_EQ(stats.messages_received, 3 * sizeof sizes / sizeof *sizes);
    close_and_free(session);
}

static void expect_too_big(ws_session *session)
{
    ws_frame *frame = NULL;
    ws_status status;
    while ((status = ws_recv(session, &frame, PATIENCE_MS)) == WS_OK) {
        CHECK_EQ(frame->flags, WS_FLAG_MORE);
        ws_frame_free(frame);
    }
    CHECK_STATUS(status, WS_ERR_MESSAGE_TOO_BIG);
}

/* Compressed ones, which refer to what was delivered of them, and in fragments. */
static void inflated(void)
{
    ws_session *session = connect_for_parts("deflate", PLAIN);
    static const size_t sizes[] = {10, 2 * PART, 70 * 1000, LONG};
    int number = 0;
    for (int fragments = 1; fragments < 5; fragments += 3)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            CHECK(atoi(server("message_for_later %zu %d", sizes[i], fragments)) > 0);
            STEER("release 1000000");
            expect_in_parts(session, sizes[i], number++);
        }
    CHECK(atoi(server("message_for_later %d", LONG + PART)) > 0);
    STEER("release 1000000");
    expect_too_big(session);
    ws_session_free(session);
}

/* The limit is for the whole message. */
static void too_long(void)
{
    ws_session *session = connect_for_parts("", PLAIN);
    static char longer[LONG + PART];
    memset(longer, 'x', sizeof longer);
    CHECK_OK(ws_send_text(session, longer, sizeof longer));
    expect_too_big(session);
    ws_session_free(session);
}

/* They come before the message is complete, and a ping between them is answered. */
static void before_the_end(void)
{
    ws_session *session = connect_for_parts("", PLAIN);
    CHECK(atoi(server("message_for_later 5000 3 1")) > 5000);
    STEER("release 3000");
    ws_frame *frame = NULL;
    CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
    CHECK_EQ(frame->flags, WS_FLAG_MORE);
    size_t received = frame->size;
    ws_frame_free(frame);
    STEER("release 100000");
    uint32_t flags = WS_FLAG_MORE;
    while (flags == WS_FLAG_MORE) {
        CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
        flags = frame->flags;
        received += frame->size;
        ws_frame_free(frame);
    }
    CHECK_EQ(received, 5000);
    CHECK_STR(server("answered"), "yes");
    close_and_free(session);
}

static void not_with_a_queue_that_drops(void)
{
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_deliver_parts(config, PART));
    CHECK_OK(ws_config_set_incoming_queue(config, 4, 0, WS_QUEUE_DROP_OLDEST));
    ws_session *session = NULL;
    CHECK_STATUS(ws_connect(environment("STEERED_WS_URL"), config, &session, NULL), WS_ERR_INVALID_ARGUMENT);
    ws_config_free(config);
}

static void sent_from_pieces(transport how)
{
    ws_session *session = connect_with(how, "", NULL);
    const ws_slice slices[] = {{text, 1}, {NULL, 0}, {text + 1, 70 * 1000}, {text + 1 + 70 * 1000, 5}};
    CHECK_OK(ws_sendv(session, WS_FRAME_TEXT, slices, 4, 0, PATIENCE_MS));
    expect_message(session, WS_FRAME_TEXT, text, 70 * 1000 + 6);
    CHECK_OK(ws_sendv(session, WS_FRAME_BINARY, slices, 1, 0, PATIENCE_MS));
    expect_message(session, WS_FRAME_BINARY, text, 1);
    CHECK_OK(ws_sendv(session, WS_FRAME_BINARY, NULL, 0, 0, PATIENCE_MS));
    expect_message(session, WS_FRAME_BINARY, "", 0);
    /* A character may lie in two pieces of a message, and a fragment in several. */
    const ws_slice euro[] = {{"\xe2", 1}, {"\x82\xac", 2}};
    CHECK_OK(ws_sendv(session, WS_FRAME_TEXT, euro, 2, WS_SEND_MORE, PATIENCE_MS));
    CHECK_OK(ws_sendv(session, WS_FRAME_CONTINUATION, euro, 2, 0, PATIENCE_MS));
    expect_text(session, "\xe2\x82\xac\xe2\x82\xac");
    CHECK_STATUS(ws_sendv(session, WS_FRAME_TEXT, euro, 1, 0, PATIENCE_MS), WS_ERR_UTF8);
    close_and_free(session);
}

/* Without the check, text is what the server sends. */
static void text_that_is_not_utf8(void)
{
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_validate_utf8(config, 0));
    ws_session *session = connect_steered(PLAIN, config);
    ws_config_free(config);
    CHECK(atoi(server("later utf8")) > 0);
    STEER("release 100");
    expect_text(session, "\xff");
    CHECK_STATUS(ws_send_text(session, "\xff", 1), WS_ERR_UTF8);
    close_and_free(session);
}

int main(void)
{
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + (i * i / 7 + i) % 26);
    received(PLAIN);
    received(TLS);
    inflated();
    too_long();
    before_the_end();
    not_with_a_queue_that_drops();
    sent_from_pieces(PLAIN);
    sent_from_pieces(TLS);
    text_that_is_not_utf8();
    return 0;
}
