/* Sends each line of standard input as a text message and prints every message that arrives: as chat.c does, but with
 * one thread, which waits for both with poll().
 *
 *     poll URL [CA_FILE]
 *
 * The descriptor of ws_event_fd is readable exactly while ws_recv has something to return without waiting. The end of
 * the input starts the closing handshake; the loop ends when ws_recv says that the session has ended. */

#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <ktorws.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* While so many bytes wait to be sent no line is read, so that sending never keeps this thread waiting. */
enum { ENOUGH_TO_SEND = 64 * 1024 };

/* What was read of the input, up to a line that is not complete yet. stdio would hide from poll() what it has read. */
typedef struct input {
    char text[64 * 1024];
    size_t size;
    int has_ended;
} input;

static ws_status send_line(ws_session *session, const char *line, size_t size)
{
    ws_status status = ws_send_text(session, line, size);
    if (status != WS_ERR_INVALID_ARGUMENT)
        return status;
    fprintf(stderr, "poll: not sent, the line is not UTF-8\n");
    return WS_OK;
}

/* Sends all lines that are complete. */
static ws_status send_lines(ws_session *session, input *in)
{
    ws_status status = WS_OK;
    char *line = in->text, *end = in->text + in->size, *newline;
    while (status == WS_OK && (newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        status = send_line(session, line, (size_t)(newline - line));
        line = newline + 1;
    }
    in->size = (size_t)(end - line);
    memmove(in->text, line, in->size);
    return status;
}

/* The input is readable. */
static ws_status take_input(ws_session *session, input *in)
{
    ssize_t count = read(STDIN_FILENO, in->text + in->size, sizeof in->text - in->size);
    if (count < 0 && errno == EINTR)
        return WS_OK;
    if (count < 0)
        perror("poll: reading");
    if (count > 0) {
        in->size += (size_t)count;
        ws_status status = send_lines(session, in);
        if (status != WS_OK || in->size < sizeof in->text)
            return status;
        fprintf(stderr, "poll: a line is too long\n");
        in->size = 0;
    }
    in->has_ended = 1;
    /* The last line may end without a newline. */
    ws_status status = in->size > 0 ? send_line(session, in->text, in->size) : WS_OK;
    return status == WS_OK ? ws_close(session, WS_CLOSE_NORMAL, NULL, 0) : status;
}

/* The session's descriptor is readable. */
static ws_status take_message(ws_session *session)
{
    ws_frame *frame = NULL;
    ws_status status = ws_recv(session, &frame, 0);
    /* Nothing after all is no error: in a program with several threads another one may have taken it. */
    if (status == WS_ERR_TIMEOUT)
        return WS_OK;
    if (status != WS_OK)
        return status;
    if (frame->type == WS_TEXT)
        printf("%s\n", (const char *)frame->data);
    else
        printf("(%zu bytes of binary data)\n", frame->size);
    fflush(stdout);
    ws_frame_free(frame);
    return WS_OK;
}

/* Returns how the session has ended, or an error. */
static ws_status chat(ws_session *session, int descriptor)
{
    static input in;
    while (1) {
        int is_busy = ws_buffered_amount(session) >= ENOUGH_TO_SEND;
        struct pollfd waits[] = {
            {.fd = descriptor, .events = POLLIN},
            /* poll() skips an entry whose descriptor is negative. */
            {.fd = is_busy || in.has_ended ? -1 : STDIN_FILENO, .events = POLLIN},
        };
        /* What is sent makes no descriptor readable: look again soon. */
        if (poll(waits, 2, is_busy ? 10 : -1) < 0) {
            if (errno == EINTR)
                continue;
            perror("poll: poll");
            return WS_ERR_INTERNAL;
        }
        ws_status status = WS_OK;
        if (waits[0].revents != 0)
            status = take_message(session);
        /* The end of a pipe may be told as POLLHUP alone. */
        if (status == WS_OK && waits[1].revents != 0) {
            status = take_input(session, &in);
            /* After the server's Close nothing can be sent any more. What it sent before is still to be received. */
            if (status == WS_ERR_CLOSED) {
                in.has_ended = 1;
                status = WS_OK;
            }
        }
        if (status != WS_OK)
            return status;
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: poll URL [CA_FILE]\n");
        return 2;
    }

    ws_config *config = ws_config_new();
    if (config == NULL) {
        fprintf(stderr, "poll: no memory\n");
        return EXIT_FAILURE;
    }
    if (argc > 2 && ws_config_set_tls_ca_file(config, argv[2]) != WS_OK) {
        fprintf(stderr, "poll: cannot use the CA file %s\n", argv[2]);
        ws_config_free(config);
        return EXIT_FAILURE;
    }

    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(argv[1], config, &session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        fprintf(stderr, "poll: cannot connect to %s: %s\n", argv[1], ws_error_message(error));
        ws_error_free(error);
        return EXIT_FAILURE;
    }

    int descriptor = ws_event_fd(session);
    if (descriptor < 0) {
        fprintf(stderr, "poll: there is no descriptor to be had\n");
        ws_session_free(session);
        return EXIT_FAILURE;
    }

    status = chat(session, descriptor);
    if (status != WS_ERR_CLOSED)
        fprintf(stderr, "poll: the conversation broke off: %s\n", ws_strerror(status));
    /* The descriptor is ours, and would outlive the session. */
    close(descriptor);
    ws_session_free(session);
    return status == WS_ERR_CLOSED ? EXIT_SUCCESS : EXIT_FAILURE;
}
