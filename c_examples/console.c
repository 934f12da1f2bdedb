/* A conversation with a server that may restart: sends the lines that are typed, and prints the messages that arrive.
 *
 *     console URL
 *
 * epoll(7) waits for the terminal and for the session. While the server is away, at the beginning too, lines wait for
 * the next connection. The end of the input (Ctrl-D) closes the session. For long inputs see pipeline.c. */

#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void send_line(ws_session *session, const char *line, size_t size)
{
    /* Does not wait, so that messages are printed meanwhile. */
    ws_status status = ws_send(session, WS_FRAME_TEXT, line, size, 0, 0);
    if (status != WS_OK)
        printf("-- not sent: %s\n", ws_strerror(status));
}

/* Sends the whole lines of what was typed, and keeps the rest. Returns 0 at the end of the input. */
static int send_lines(ws_session *session)
{
    static char text[1 << 16];
    static size_t used;
    ssize_t count = read(STDIN_FILENO, text + used, sizeof text - used);
    if (count <= 0 && used > 0)
        send_line(session, text, used);
    if (count <= 0)
        return 0;
    used += (size_t)count;
    char *line = text, *end;
    while ((end = memchr(line, '\n', used - (size_t)(line - text))) != NULL) {
        send_line(session, line, (size_t)(end - line));
        line = end + 1;
    }
    used -= (size_t)(line - text);
    memmove(text, line, used);
    if (used == sizeof text) {
        printf("-- not sent: the line is too long\n");
        used = 0;
    }
    return 1;
}

static void print(const ws_frame *frame)
{
    switch (frame->type) {
    case WS_FRAME_OPENED:
        printf("-- connected\n");
        break;
    case WS_FRAME_LOST:
        printf("-- lost: %s\n", (const char *)frame->data);
        break;
    case WS_FRAME_RESUMED:
        printf("-- resumed\n");
        break;
    case WS_FRAME_BINARY:
        printf("-- %zu bytes of binary data\n", frame->size);
        break;
    default:
        printf("%s\n", (const char *)frame->data);
    }
}

/* Prints what has arrived. Returns WS_ERR_TIMEOUT, or how the session ended. */
static ws_status print_frames(ws_session *session, int *is_open)
{
    ws_frame *frame = NULL;
    ws_status status;
    while ((status = ws_recv(session, &frame, 0)) == WS_OK) {
        print(frame);
        *is_open |= frame->type == WS_FRAME_OPENED;
        ws_frame_free(frame);
    }
    fflush(stdout);
    return status;
}

static int watch(int loop, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    return epoll_ctl(loop, EPOLL_CTL_ADD, descriptor, &event);
}

/* Returns how the session ended. */
static ws_status converse(ws_session *session, int loop)
{
    if (watch(loop, ws_event_fd(session)) != 0)
        return WS_ERR_INTERNAL;
    /* A file is always readable, and epoll refuses it. */
    int is_file = 0;
    for (;;) {
        struct epoll_event events[2];
        int count = epoll_wait(loop, events, 2, is_file ? 0 : -1);
        int is_ready = is_file, is_open = 0;
        for (int i = 0; i < count; i++)
            is_ready |= events[i].data.fd == STDIN_FILENO;
        if (is_ready && !send_lines(session)) {
            /* The loop receives until the session has ended. */
            ws_close(session, WS_CLOSE_NORMAL, NULL, 0);
            epoll_ctl(loop, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
            is_file = 0;
        }
        ws_status status = print_frames(session, &is_open);
        if (status != WS_ERR_TIMEOUT)
            return status;
        /* Before the session is open nothing can be sent. */
        if (is_open)
            is_file = watch(loop, STDIN_FILENO) != 0;
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: console URL\n");
        return 2;
    }
    ws_reconnect_options reconnect = {
        .struct_size = sizeof reconnect,
        .first_delay_ms = 100,
        .max_delay_ms = 5000,
        .flags = WS_RECONNECT_FIRST | WS_RECONNECT_KEEP_UNSENT,
    };
    ws_config *config = ws_config_new();
    ws_config_set_reconnect(config, &reconnect);
    ws_config_set_deliver_events(config, WS_EVENT_OPENED | WS_EVENT_LOST | WS_EVENT_RESUMED);
    ws_config_set_ping_interval_ms(config, 10000);
    ws_session *session = NULL;
    int loop = epoll_create1(EPOLL_CLOEXEC);
    if (config == NULL || loop < 0)
        return EXIT_FAILURE;
    ws_status status = ws_connect_async(argv[1], config, &session);
    ws_config_free(config);
    if (status == WS_OK)
        status = converse(session, loop);
    ws_close_info info = {.struct_size = sizeof info};
    if (status == WS_ERR_CLOSED && ws_get_close_info(session, &info) == WS_OK) {
        printf("-- closed: %u %s\n", (unsigned)info.remote_code, info.reason);
    } else {
        const ws_error *error = ws_session_error(session);
        fprintf(stderr, "console: %s\n", error != NULL ? ws_error_message(error) : ws_strerror(status));
    }
    ws_session_free(session);
    close(loop);
    return status == WS_ERR_CLOSED ? EXIT_SUCCESS : EXIT_FAILURE;
}
