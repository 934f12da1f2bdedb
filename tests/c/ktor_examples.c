/* The examples of Ktor's documentation of client sessions, as programs in C: each prints what it prints there. A function
 * that takes a session and a file is the block of an example; what follows it is the server's part. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"

/* An example that runs beside the test, which steers the server. */
typedef struct example {
    pthread_t thread;
    ws_session *session;
    void (*block)(ws_session *session, FILE *out);
    FILE *out;
    char *printed;
    size_t size;
} example;

static void *run_block(void *argument)
{
    example *self = argument;
    self->block(self->session, self->out);
    return NULL;
}

static void begin(example *self, ws_session *session, void (*block)(ws_session *session, FILE *out))
{
    *self = (example){.session = session, .block = block};
    self->out = open_memstream(&self->printed, &self->size);
    CHECK(self->out != NULL);
    start(&self->thread, run_block, self);
}

/* Frees the session. */
static void expect_printed(example *self, const char *expected)
{
    join(self->thread);
    CHECK_EQ(fclose(self->out), 0);
    CHECK_STR(self->printed, expected);
    free(self->printed);
    ws_session_free(self->session);
}

/* The block has sent its message. */
static void wait_until_sent(const ws_session *session, uint64_t messages)
{
    ws_stats numbers = {.struct_size = sizeof numbers};
    do {
        sched_yield();
        CHECK_OK(ws_get_stats(session, &numbers));
    } while (numbers.messages_sent < messages);
}

/* Blocks see control frames, as the examples do. */
static ws_config *config_with_control(void)
{
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_deliver_control(config, WS_CONTROL_PING | WS_CONTROL_PONG | WS_CONTROL_CLOSE));
    return config;
}

static ws_session *connect_example(const char *path)
{
    ws_config *config = config_with_control();
    ws_session *session = connect_with(PLAIN, path, config);
    ws_config_free(config);
    return session;
}

/* Properties of the session, its outgoing and incoming channel. */
static void use_channels(ws_session *session, FILE *out)
{
    CHECK_OK(ws_set_max_frame_size(session, 1024 * 1024));
    CHECK_OK(ws_set_masking(session, 1));
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "Hello WebSocket!", WS_NUL_TERMINATED, 0, -1));
    ws_frame *frame;
    for (int is_open = 1; is_open && ws_recv(session, &frame, -1) == WS_OK; ws_frame_free(frame)) {
        switch (frame->type) {
        case WS_FRAME_TEXT:
            fprintf(out, "Text: %s\n", (const char *)frame->data);
            break;
        case WS_FRAME_BINARY:
            fprintf(out, "Binary: %zu bytes\n", frame->size);
            break;
        case WS_FRAME_CLOSE:
            is_open = 0;
            break;
        }
    }
}

static void of_channels(void)
{
    example channels;
    begin(&channels, connect_example(""), use_channels);
    wait_until_sent(channels.session, 1);
    CHECK_EQ(ws_get_max_frame_size(channels.session), 1024 * 1024);
    CHECK_OK(ws_send_binary(channels.session, "12345", 5));
    CHECK_OK(ws_close(channels.session, WS_CLOSE_NORMAL, NULL, 0));
    expect_printed(&channels, "Text: Hello WebSocket!\nBinary: 5 bytes\n");
}

/* An extension of the application, which changes no message. */
static int32_t pass(void *instance, const ws_extension_piece *piece, ws_sink *output)
{
    (void)instance;
    return ws_sink_write(output, piece->data, piece->size);
}

static int32_t pass_out(void *instance, const ws_extension_piece *piece, uint32_t *rsv, ws_sink *output)
{
    *rsv = 0;
    return pass(instance, piece, output);
}

static int is_configured;

static int32_t negotiate(void *user_data, const char *parameters, void **instance)
{
    (void)user_data;
    (void)parameters;
    *instance = &is_configured;
    return WS_OK;
}

static void configure(void *instance)
{
    *(int *)instance = 1;
}

/* extensionOrNull, and extension, which throws. */
static void find_extensions(ws_session *session, FILE *out)
{
    ws_deflate_info deflate = {.struct_size = sizeof deflate};
    if (ws_get_deflate_info(session, &deflate) == WS_OK)
        fprintf(out, "Using compression: %u\n", (unsigned)deflate.level);
    const ws_extension *custom = ws_extension_find(session, "x-custom");
    if (custom != NULL)
        configure(custom->instance);
    else
        fprintf(out, "Custom extension not available\n");
}

static void list_extensions(ws_session *session, FILE *out)
{
    fprintf(out, "Active extensions:\n");
    for (size_t i = 0; i < ws_extension_count(session); i++)
        fprintf(out, "- %s\n", ws_extension_at(session, i)->name);
    ws_deflate_info deflate = {.struct_size = sizeof deflate};
    if (ws_get_deflate_info(session, &deflate) == WS_OK)
        fprintf(out, "Compression enabled: level %u\n", (unsigned)deflate.level);
}

static void of_extensions(void)
{
    const ws_extension_vtable custom = {
        .struct_size = sizeof custom, .name = "x-custom", .negotiate = negotiate, .encode = pass_out, .decode = pass};
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_install_extension(config, &custom, NULL));
    const ws_deflate_options options = {.struct_size = sizeof options, .level = 7};
    CHECK_OK(ws_config_install_deflate(config, &options));
    example found;
    begin(&found, connect_steered_at("deflate", config), find_extensions);
    expect_printed(&found, "Using compression: 7\nCustom extension not available\n");
    CHECK_EQ(is_configured, 0);
    begin(&found, connect_steered_at("extension", config), find_extensions);
    expect_printed(&found, "");
    CHECK_EQ(is_configured, 1);
    begin(&found, connect_steered_at("deflate", config), list_extensions);
    expect_printed(&found, "Active extensions:\n- permessage-deflate\nCompression enabled: level 7\n");
    begin(&found, connect_steered_at("extension", config), list_extensions);
    expect_printed(&found, "Active extensions:\n- x-custom\n");
    ws_config_free(config);
}

/* The default session. */
static void talk(ws_session *session, FILE *out)
{
    fprintf(out, "Connected to: %s\n", ws_request_url(session));
    fprintf(out, "Max frame size: %llu\n", (unsigned long long)ws_get_max_frame_size(session));
    CHECK_OK(ws_send_text(session, "Hello!", WS_NUL_TERMINATED));
    ws_frame *frame;
    for (int goes_on = 1; goes_on && ws_recv(session, &frame, -1) == WS_OK; ws_frame_free(frame)) {
        if (frame->type == WS_FRAME_TEXT) {
            fprintf(out, "Received: %s\n", (const char *)frame->data);
            goes_on = strcmp((const char *)frame->data, "bye") != 0;
        } else if (frame->type == WS_FRAME_CLOSE) {
            fprintf(out, "Connection closed\n");
            goes_on = 0;
        }
    }
}

static void of_a_default_session(void)
{
    for (int is_bye = 0; is_bye <= 1; is_bye++) {
        example talking;
        begin(&talking, connect_example(""), talk);
        wait_until_sent(talking.session, 1);
        CHECK_OK(is_bye ? ws_send_text(talking.session, "bye", WS_NUL_TERMINATED)
                        : ws_close(talking.session, WS_CLOSE_NORMAL, NULL, 0));
        char expected[256];
        snprintf(expected, sizeof expected, "Connected to: %s\nMax frame size: 67108864\nReceived: Hello!\n%s\n",
                 environment("ECHO_WS_URL"), is_bye ? "Received: bye" : "Connection closed");
        expect_printed(&talking, expected);
    }
}

/* webSocketSession, with pongs of the application and a close in `finally`. */
static void manage(ws_session *session, FILE *out)
{
    CHECK_OK(ws_set_max_frame_size(session, 512 * 1024));
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, "CONNECT", WS_NUL_TERMINATED, 0, -1));
    int is_open = 1;
    while (is_open && !ws_is_closed_for_receive(session)) {
        ws_frame *frame;
        if (ws_recv(session, &frame, -1) != WS_OK)
            break;
        if (frame->type == WS_FRAME_TEXT)
            fprintf(out, "text %s\n", (const char *)frame->data);
        else if (frame->type == WS_FRAME_PING)
            CHECK_OK(ws_send(session, WS_FRAME_PONG, frame->data, frame->size, 0, -1));
        else if (frame->type == WS_FRAME_CLOSE)
            is_open = 0;
        ws_frame_free(frame);
    }
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
}

static void of_a_managed_session(void)
{
    ws_config *config = config_with_control();
    CHECK_OK(ws_config_set_auto_pong(config, 0));
    example managed;
    begin(&managed, connect_steered(PLAIN, config), manage);
    ws_config_free(config);
    CHECK_STR(server("message 0"), "CONNECT");
    STEER("pings 2");
    CHECK_STR(server("pongs 2"), "in order");
    STEER("texts 1");
    STEER("close 1000");
    expect_printed(&managed, "text 0\n");
}

static void *watch_health(void *argument)
{
    example *self = argument;
    while (ws_wait_closed(self->session, 5000) == WS_ERR_TIMEOUT && !ws_is_closed_for_receive(self->session))
        ;
    return self;
}

/* Pings, beside a job that watches the connection. */
static void monitor(ws_session *session, FILE *out)
{
    fprintf(out, "Ping interval: %lldms\n", (long long)ws_get_ping_interval_ms(session));
    fprintf(out, "Timeout: %lldms\n", (long long)ws_get_ping_timeout_ms(session));
    example watching = {.session = session, .out = out};
    start(&watching.thread, watch_health, &watching);
    ws_frame *frame;
    for (int is_open = 1; is_open && ws_recv(session, &frame, -1) == WS_OK; ws_frame_free(frame)) {
        switch (frame->type) {
        case WS_FRAME_TEXT:
            fprintf(out, "text %s\n", (const char *)frame->data);
            break;
        case WS_FRAME_PING:
            fprintf(out, "Received ping\n"); /* the pong is sent automatically */
            break;
        case WS_FRAME_PONG:
            fprintf(out, "Received pong\n");
            break;
        case WS_FRAME_CLOSE:
            fprintf(out, "Connection closed: %s\n", (const char *)frame->data);
            is_open = 0;
            break;
        }
    }
    void *lost;
    CHECK_EQ(pthread_join(watching.thread, &lost), 0);
    if (lost == &watching)
        fprintf(out, "Connection lost\n");
}

static void of_a_monitored_session(void)
{
    ws_config *config = config_with_control();
    CHECK_OK(ws_config_set_ping_interval_ms(config, 60000));
    example monitored;
    begin(&monitored, connect_steered(PLAIN, config), monitor);
    ws_config_free(config);
    STEER("pings 1");
    CHECK_STR(server("pongs 1"), "in order");
    STEER("pong x");
    STEER("texts 1");
    STEER("close 1001");
    expect_printed(&monitored, "Ping interval: 60000ms\nTimeout: 120000ms\nReceived ping\nReceived pong\ntext 0\n"
                               "Connection closed: \nConnection lost\n");
    begin(&monitored, connect_example("close/4000/enough"), monitor);
    expect_printed(&monitored, "Ping interval: 0ms\nTimeout: 0ms\nConnection closed: enough\nConnection lost\n");
}

int main(void)
{
    of_channels();
    of_extensions();
    of_a_default_session();
    of_a_managed_session();
    of_a_monitored_session();
    return 0;
}
