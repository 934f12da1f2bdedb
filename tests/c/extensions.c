/* Extensions from C: what is refused, when their functions are called, and what their failures do. */

#define _POSIX_C_SOURCE 200809L

#include "steered.h"
#include <poll.h>

/* What the functions of one installed extension have seen, what they return, and how long they take. */
typedef struct seen {
    int offers, negotiations, encodes, decodes, drops, releases;
    ws_status negotiation, encoding, decoding;
    int offering_ms, negotiating_ms;
} seen;

static int32_t offer(void *user_data, ws_sink *parameters)
{
    seen *own = user_data;
    own->offers++;
    poll(NULL, 0, own->offering_ms);
    return ws_sink_write(parameters, "a; b=1", 6);
}

static int32_t negotiate(void *user_data, const char *parameters, void **instance)
{
    seen *own = user_data;
    own->negotiations++;
    CHECK(parameters != NULL);
    poll(NULL, 0, own->negotiating_ms);
    *instance = own;
    return own->negotiation;
}

/* Puts "<" before a message and ">" behind it. */
static int32_t encode(void *instance, const ws_extension_piece *piece, uint32_t *rsv, ws_sink *output)
{
    seen *own = instance;
    own->encodes++;
    CHECK(piece->data != NULL);
    *rsv = 0;
    if (piece->flags & WS_PIECE_FIRST)
        CHECK_OK(ws_sink_write(output, "<", 1));
    CHECK_OK(ws_sink_write(output, piece->data, piece->size));
    if (piece->flags & WS_PIECE_LAST)
        CHECK_OK(ws_sink_write(output, ">", 1));
    return own->encoding;
}

static int32_t decode(void *instance, const ws_extension_piece *piece, ws_sink *output)
{
    seen *own = instance;
    own->decodes++;
    CHECK_STATUS(ws_sink_write(output, NULL, 1), WS_ERR_INVALID_ARGUMENT);
    CHECK_OK(ws_sink_write(output, NULL, 0));
    ws_status status = ws_sink_write(output, piece->data, piece->size);
    CHECK(status == WS_OK || status == WS_ERR_MESSAGE_TOO_BIG);
    return own->decoding;
}

static void drop(void *instance)
{
    ((seen *)instance)->drops++;
}

static void release(void *user_data)
{
    ((seen *)user_data)->releases++;
}

static ws_extension_vtable vtable(void)
{
    return (ws_extension_vtable){
        .struct_size = sizeof(ws_extension_vtable),
        .name = "x-checksum",
        .offer = offer,
        .negotiate = negotiate,
        .encode = encode,
        .decode = decode,
        .drop = drop,
        .release = release,
    };
}

static ws_config *config_with(seen *own)
{
    ws_config *config = ws_config_new();
    ws_extension_vtable functions = vtable();
    CHECK(config != NULL);
    CHECK_OK(ws_config_install_extension(config, &functions, own));
    return config;
}

static void refused(void)
{
    seen own = {0};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    ws_extension_vtable wrong[8];
    for (size_t i = 0; i < 8; i++)
        wrong[i] = vtable();
    wrong[0].struct_size--;
    wrong[1].struct_size = 4097;
    wrong[2].name = NULL;
    wrong[3].name = "not a token";
    wrong[4].encode = NULL;
    wrong[5].decode = NULL;
    wrong[6].rsv = 8;
    wrong[7].rsv = 0x80;
    for (size_t i = 0; i < 8; i++)
        CHECK_STATUS(ws_config_install_extension(config, &wrong[i], &own), WS_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(ws_config_install_extension(config, NULL, &own), WS_ERR_INVALID_ARGUMENT);
    ws_extension_vtable good = vtable();
    CHECK_STATUS(ws_config_install_extension(NULL, &good, &own), WS_ERR_INVALID_ARGUMENT);
    /* One owner for each bit and each name. */
    good.rsv = WS_FLAG_RSV1 | WS_FLAG_RSV2;
    CHECK_OK(ws_config_install_extension(config, &good, &own));
    CHECK_STATUS(ws_config_install_deflate(config, NULL), WS_ERR_INVALID_ARGUMENT);
    ws_extension_vtable other = vtable();
    CHECK_STATUS(ws_config_install_extension(config, &other, &own), WS_ERR_INVALID_ARGUMENT);
    other.name = "x-other";
    other.rsv = WS_FLAG_RSV2;
    CHECK_STATUS(ws_config_install_extension(config, &other, &own), WS_ERR_INVALID_ARGUMENT);
    CHECK_EQ(own.releases, 0);
    ws_config_free(config);
    CHECK_EQ(own.releases, 1);

    config = ws_config_new();
    ws_deflate_options options = {.struct_size = sizeof options};
    CHECK_OK(ws_config_install_deflate(config, &options));
    CHECK_STATUS(ws_config_install_deflate(config, &options), WS_ERR_INVALID_ARGUMENT);
    ws_deflate_options bad[10];
    for (size_t i = 0; i < 10; i++)
        bad[i] = options;
    /* Smaller than the first release's. */
    bad[0].struct_size = offsetof(ws_deflate_options, flags) - 1;
    bad[1].level = 10;
    bad[2].memory_level = 10;
    bad[3].client_max_window_bits = 7;
    bad[4].server_max_window_bits = 16;
    bad[5].client_no_context_takeover = 2;
    bad[6].server_no_context_takeover = UINT32_MAX;
    bad[7].level = 256;
    bad[8].struct_size = SIZE_MAX;
    bad[9].flags = 4;
    ws_config *fresh = ws_config_new();
    for (size_t i = 0; i < 10; i++)
        CHECK_STATUS(ws_config_install_deflate(fresh, &bad[i]), WS_ERR_INVALID_ARGUMENT);
    CHECK_OK(ws_config_install_deflate(fresh, &options));
    ws_config_free(fresh);
    ws_config_free(config);
}

/* A server that does not know the extension is fine. */
static void not_agreed(void)
{
    seen own = {0};
    ws_config *config = config_with(&own);
    ws_session *session = connect_steered(PLAIN, config);
    CHECK_EQ(ws_extension_count(session), 0);
    CHECK(strstr(ws_request_header(session, "Sec-WebSocket-Extensions", 0), "x-checksum; a; b=1") != NULL);
    STEER("texts 1 10");
    expect_numbered(session, 0, 10);
    CHECK_EQ(own.offers, 1);
    CHECK_EQ(own.negotiations + own.encodes + own.decodes + own.drops, 0);
    close_and_free(session);
    ws_config_free(config);
    CHECK_EQ(own.releases, 1);
}

/* The echo server accepts this name; what is sent is not what it expects, and it says so with 1007. */
static void agreed(void)
{
    seen own = {0};
    ws_config *config = config_with(&own);
    ws_session *session = connect_with(PLAIN, "hello", config);
    ws_config_free(config);
    CHECK_EQ(own.releases, 0);
    const ws_extension *extension = ws_extension_find(session, "x-checksum");
    CHECK(extension != NULL);
    CHECK(extension->instance == &own);
    CHECK_STR(extension->parameters, "algorithm=fnv1a");
    expect_text(session, "hello");
    CHECK(own.decodes > 0);
    /* A failed encoding sends nothing. */
    own.encoding = WS_ERR_INVALID_ARGUMENT;
    CHECK_STATUS(ws_send_text(session, "x", 1), WS_ERR_EXTENSION);
    CHECK_EQ(ws_buffered_amount(session), 0);
    own.encoding = WS_OK;
    CHECK_OK(ws_send_text(session, "x", 1));
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_CLOSED);
    ws_close_info reason = {.struct_size = sizeof reason};
    CHECK_OK(ws_get_close_info(session, &reason));
    CHECK_EQ(reason.remote_code, WS_CLOSE_NOT_CONSISTENT);
    CHECK_EQ(own.encodes, 2);
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_EQ(own.drops, 0);
    ws_session_free(session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK_EQ(own.drops, 1);
    CHECK_EQ(own.releases, 1);
}

static void failing(void)
{
    static const struct {
        ws_status returned, status;
        uint32_t code;
    } cases[] = {
        {WS_ERR_EXTENSION, WS_ERR_EXTENSION, WS_CLOSE_PROTOCOL_ERROR},
        {WS_ERR_COMPRESSION, WS_ERR_COMPRESSION, WS_CLOSE_NOT_CONSISTENT},
        {WS_ERR_UTF8, WS_ERR_UTF8, WS_CLOSE_NOT_CONSISTENT},
    };
    /* They are used until they are dropped. */
    seen decoding[sizeof cases / sizeof cases[0]] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        decoding[i].decoding = cases[i].returned;
        ws_config *config = config_with(&decoding[i]);
        ws_session *session = connect_with(PLAIN, "hello", config);
        ws_frame *frame = NULL;
        CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), cases[i].status);
        CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
        ws_close_info reason = {.struct_size = sizeof reason};
        CHECK_OK(ws_get_close_info(session, &reason));
        CHECK_EQ(reason.local_code, cases[i].code);
        ws_session_free(session);
        ws_config_free(config);
    }
    /* The message limit holds whatever the extension writes. */
    seen own = {0};
    ws_config *config = config_with(&own);
    CHECK_OK(ws_config_set_max_message_size(config, 4));
    ws_session *session = connect_with(PLAIN, "hello", config);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_MESSAGE_TOO_BIG);
    ws_session_free(session);
    /* A negotiation that fails. */
    own.negotiation = WS_ERR_STATE;
    char url[256];
    snprintf(url, sizeof url, "%shello", environment("ECHO_WS_URL"));
    CHECK_STATUS(ws_connect(url, config, &session, NULL), WS_ERR_EXTENSION);
    /* Messages that are dropped would be missed. */
    CHECK_OK(ws_config_set_outgoing_queue(config, 1, 0, WS_QUEUE_DROP_OLDEST));
    CHECK_STATUS(ws_connect(url, config, &session, NULL), WS_ERR_INVALID_ARGUMENT);
    ws_config_free(config);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK_EQ(own.drops, 1);
    CHECK_EQ(own.releases, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_EQ(decoding[i].drops, 1);
}

/* A function that takes longer than the limit does not override it. */
static void slow(void)
{
    enum { LIMIT_MS = 500, LONGER_MS = 600 };
    static const struct {
        int offering_ms, negotiating_ms;
        ws_status (*set_limit)(ws_config *config, int64_t ms);
    } cases[] = {
        {LONGER_MS, 0, ws_config_set_open_timeout_ms},
        {0, LONGER_MS, ws_config_set_open_timeout_ms},
        {0, LONGER_MS, ws_config_set_handshake_timeout_ms},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        seen own = {.offering_ms = cases[i].offering_ms, .negotiating_ms = cases[i].negotiating_ms};
        ws_config *config = config_with(&own);
        CHECK_OK(cases[i].set_limit(config, LIMIT_MS));
        ws_session *session = NULL;
        ws_error *error = NULL;
        CHECK_STATUS(ws_connect(environment("ECHO_WS_URL"), config, &session, &error), WS_ERR_TIMEOUT);
        CHECK(session == NULL);
        CHECK(strstr(ws_error_message(error), "500 ms") != NULL);
        /* The limit is over before there is a request. */
        if (cases[i].offering_ms > 0)
            CHECK(strstr(ws_error_message(error), "preparing the handshake request") != NULL);
        ws_error_free(error);
        ws_config_free(config);
        CHECK_EQ(own.offers, 1);
        /* A function that is called after the limit could be the second to take a long time. On a machine that is busy the
         * server's answer may be late as well. */
        CHECK(own.negotiations <= (own.negotiating_ms > 0));
        CHECK_EQ(own.drops, own.negotiations);
        CHECK_EQ(own.releases, 1);
    }
}

int main(void)
{
    refused();
    slow();
    not_agreed();
    agreed();
    failing();
    return 0;
}
