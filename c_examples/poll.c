/* Sends each line of standard input as a text message and prints every message that arrives, on one thread.
 *
 *     poll URL
 *
 * poll(2) waits for the session's event descriptor and for standard input. When the descriptor is readable, the program
 * calls ws_recv until it returns WS_ERR_TIMEOUT. */

#define _POSIX_C_SOURCE 200809L
#include <ktorws.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sends the whole lines of what was typed, and keeps the rest. Returns 0 at the end of the input. */
static int send_lines(ws_session *session)
{
    static char text[4096];
    static size_t used;
    ssize_t count = read(STDIN_FILENO, text + used, sizeof text - used);
    if (count <= 0)
        return 0;
    used += (size_t)count;
    char *line = text, *end;
    while ((end = memchr(line, '\n', used - (size_t)(line - text))) != NULL) {
        if (ws_send_text(session, line, (size_t)(end - line)) != WS_OK)
            fprintf(stderr, "poll: not sent\n");
        line = end + 1;
    }
    used -= (size_t)(line - text);
    memmove(text, line, used);
    if (used == sizeof text) {
        fprintf(stderr, "poll: a line is too long\n");
        used = 0;
    }
    return 1;
}

/* Prints the messages that have arrived. Returns WS_ERR_TIMEOUT, or how the session ended. */
static ws_status print_messages(ws_session *session)
{
    ws_frame *frame = NULL;
    ws_status status;
    while ((status = ws_recv(session, &frame, 0)) == WS_OK) {
        printf("%s\n", (const char *)frame->data);
        ws_frame_free(frame);
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: poll URL\n");
        return 2;
    }
    ws_session *session = NULL;
    ws_error *error = NULL;
    if (ws_connect(argv[1], NULL, &session, &error) != WS_OK) {
        fprintf(stderr, "poll: cannot connect to %s: %s\n", argv[1], ws_error_message(error));
        ws_error_free(error);
        return EXIT_FAILURE;
    }

    enum { SESSION, INPUT };
    struct pollfd waited[] = {
        [SESSION] = {.fd = ws_event_fd(session), .events = POLLIN},
        [INPUT] = {.fd = STDIN_FILENO, .events = POLLIN},
    };
    ws_status status = WS_ERR_TIMEOUT;
    while (status == WS_ERR_TIMEOUT && poll(waited, 2, -1) > 0) {
        if (waited[SESSION].revents != 0)
            status = print_messages(session);
        if (waited[INPUT].revents != 0 && !send_lines(session)) {
            /* What is still to come is received until the session says that it is closed. */
            ws_close(session, WS_CLOSE_NORMAL, NULL, 0);
            waited[INPUT].fd = -1;
        }
    }
    if (status != WS_ERR_CLOSED)
        fprintf(stderr, "poll: the conversation broke off: %s\n", ws_strerror(status));
    /* Closes the descriptor too. */
    ws_session_free(session);
    return status == WS_ERR_CLOSED ? EXIT_SUCCESS : EXIT_FAILURE;
}
