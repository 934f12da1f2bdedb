/* ws_config_set_auto_fragment: what the server gets is one message in frames of that size. */

#define _GNU_SOURCE
#include "steered.h"

static ws_session *connect_fragmenting(transport how, size_t bytes)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_auto_fragment(config, bytes));
    ws_session *session = connect_steered(how, config);
    ws_config_free(config);
    return session;
}

static void frames_of_that_size(transport how)
{
    enum { FRAGMENT = 125 };
    static char text[10 * FRAGMENT + 1];
    static const size_t sizes[] = {0, 1, FRAGMENT - 1, FRAGMENT, FRAGMENT + 1, 2 * FRAGMENT, sizeof text};
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    ws_session *session = connect_fragmenting(how, FRAGMENT);
    STEER("echo");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CHECK_OK(ws_send_text(session, text, sizes[i]));
        expect_message(session, WS_FRAME_TEXT, text, sizes[i]);
    }
    CHECK_STR(server("frames 19"), "T4 t C t C t c9 C");
    /* Other messages do not come in between. */
    const ws_message items[2] = {
        {.data = text, .size = 2 * FRAGMENT + 1, .type = WS_FRAME_BINARY},
        {.data = text, .size = 2, .type = WS_FRAME_TEXT, .flags = WS_SEND_CORK},
    };
    CHECK_OK(ws_send_batch(session, items, 2, NULL, PATIENCE_MS));
    CHECK_OK(ws_send_text(session, text, 2 * FRAGMENT));
    CHECK_STR(server("frames 25"), "T4 t C t C t c9 C b c C T t C");
    expect_message(session, WS_FRAME_TEXT, text, 2 * FRAGMENT + 1);
    expect_message(session, WS_FRAME_TEXT, text, 2);
    expect_message(session, WS_FRAME_TEXT, text, 2 * FRAGMENT);
    close_and_free(session);
}

/* A fragment may end inside a character; the text is one all the same. */
static void characters_may_be_cut(transport how)
{
    static char text[3 * 1000];
    for (size_t i = 0; i < sizeof text; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    ws_session *session = connect_fragmenting(how, 128);
    STEER("echo");
    CHECK_OK(ws_send_text(session, text, sizeof text));
    expect_message(session, WS_FRAME_TEXT, text, sizeof text);
    close_and_free(session);
}

/* The server does not read while it pings: the pong is among the fragments that were waiting, and so is the Close. */
static void a_pong_comes_between(transport how)
{
    enum { FRAGMENT = 64 * 1024, FRAGMENTS = 320 };
    static const char data[FRAGMENTS * FRAGMENT];
    ws_session *session = connect_fragmenting(how, FRAGMENT);
    STEER("read off");
    CHECK_OK(ws_send(session, WS_FRAME_BINARY, data, sizeof data, 0, 0));
    CHECK_STATUS(ws_flush(session, 0), WS_ERR_TIMEOUT);
    /* The message behind the ping says that the ping was taken. */
    STEER("pings 1");
    STEER("texts 1");
    expect_numbered(session, 0, 0);
    STEER("read on");
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_OK(ws_send_text(session, "behind", 6));
    CHECK_STR(server("message 1"), "behind");
    CHECK_STR(server("pongs 1"), "in order");
    char frames[64], expected[64];
    unsigned before = 0, after = 0;
    CHECK(snprintf(frames, sizeof frames, "%s", server("frames %d", FRAGMENTS + 2)) < (int)sizeof frames);
    CHECK_EQ(sscanf(frames, "b c%u O c%u C T", &before, &after), 2);
    snprintf(expected, sizeof expected, "b c%u O c%u C T", before, after);
    CHECK_STR(frames, expected);
    CHECK_EQ(before + after, FRAGMENTS - 2);
    close_and_free(session);
}

/* A real WebSocket implementation puts them together. */
static void an_echo_server_gets_one_message(transport how)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_auto_fragment(config, 1000));
    ws_session *session = connect_with(how, "", config);
    ws_config_free(config);
    static char data[1 << 20];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 31 + i / 997);
    CHECK_OK(ws_send_binary(session, data, sizeof data));
    expect_message(session, WS_FRAME_BINARY, data, sizeof data);
    echo_text(session, "and a small one");
    close_and_free(session);
}

int main(void)
{
    for (transport how = PLAIN; how <= TLS; how++) {
        frames_of_that_size(how);
        characters_may_be_cut(how);
        a_pong_comes_between(how);
        an_echo_server_gets_one_message(how);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
