/* chat URL: one thread sends the lines of standard input, another prints what arrives. */

#define _POSIX_C_SOURCE 200809L
#include <ktorws.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *print_messages(void *session)
{
    ws_frame *frame;
    ws_status status;
    while ((status = ws_recv(session, &frame, -1)) == WS_OK) {
        printf("%s\n", (const char *)frame->data);
        fflush(stdout);
        ws_frame_free(frame);
    }
    if (status != WS_ERR_CLOSED)
        fprintf(stderr, "cannot receive: %s\n", ws_strerror(status));
    return NULL;
}

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
    pthread_t receiver;
    if (pthread_create(&receiver, NULL, print_messages, session) != 0) {
        fprintf(stderr, "cannot start a thread\n");
        return 1;
    }
    char *line = NULL;
    size_t capacity = 0;
    ws_status status = WS_OK;
    while (status == WS_OK && getline(&line, &capacity, stdin) > 0)
        status = ws_send_text(session, line, strcspn(line, "\n"));
    if (status != WS_OK)
        fprintf(stderr, "cannot send: %s\n", ws_strerror(status));
    free(line);
    ws_close(session, WS_CLOSE_NORMAL, NULL, 0);
    pthread_join(receiver, NULL);
    ws_session_free(session);
    return status != WS_OK;
}
