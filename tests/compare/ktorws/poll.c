/* poll URL: sends the lines of standard input and prints what arrives, in one loop. */

#define _POSIX_C_SOURCE 200809L
#include <ktorws.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    ws_session *session;
    ws_error *error;
    if (ws_connect(argv[1], NULL, &session, &error) != WS_OK) {
        fprintf(stderr, "cannot connect: %s\n", ws_error_message(error));
        ws_error_free(error);
        return 1;
    }
    /* poll does not see what a buffer holds. */
    setvbuf(stdin, NULL, _IONBF, 0);
    struct pollfd waited[] = {
        {.fd = ws_event_fd(session), .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN},
    };
    char *line = NULL;
    size_t capacity = 0;
    ws_status status = WS_ERR_TIMEOUT;
    while (status == WS_ERR_TIMEOUT && poll(waited, 2, -1) > 0) {
        ws_frame *frame;
        while ((status = ws_recv(session, &frame, 0)) == WS_OK) {
            printf("%s\n", (const char *)frame->data);
            fflush(stdout);
            ws_frame_free(frame);
        }
        if (waited[1].revents == 0)
            continue;
        if (getline(&line, &capacity, stdin) > 0) {
            if (ws_send_text(session, line, strcspn(line, "\n")) != WS_OK)
                fprintf(stderr, "not sent: %s", line);
        } else {
            ws_close(session, WS_CLOSE_NORMAL, NULL, 0);
            waited[1].fd = -1;
        }
    }
    if (status != WS_ERR_CLOSED)
        fprintf(stderr, "cannot receive: %s\n", ws_strerror(status));
    free(line);
    ws_session_free(session);
    return status != WS_ERR_CLOSED;
}
