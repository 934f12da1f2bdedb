/* Sends each line of standard input as a text message and prints every message that arrives.
 *
 *     chat URL [CA_FILE]
 *
 * Two threads share one session: this one sends, another receives. The end of the input starts
 * the closing handshake; the receiving thread then sees WS_ERR_CLOSED and ends. */

#define _POSIX_C_SOURCE 200809L
#include <ktorws.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void *print_messages(void *argument)
{
    ws_session *session = argument;
    ws_frame *frame = NULL;
    ws_status status;
    while ((status = ws_recv(session, &frame, -1)) == WS_OK) {
        if (frame->type == WS_FRAME_TEXT)
            printf("%s\n", (const char *)frame->data);
        else
            printf("(%zu bytes of binary data)\n", frame->size);
        fflush(stdout);
        ws_frame_free(frame);
    }
    if (status != WS_ERR_CLOSED)
        fprintf(stderr, "chat: the conversation broke off: %s\n", ws_strerror(status));
    return (void *)(intptr_t)status;
}

static ws_status send_lines(ws_session *session)
{
    ws_status status = WS_OK;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    while (status == WS_OK && (length = getline(&line, &capacity, stdin)) >= 0) {
        size_t size = (size_t)length;
        if (size > 0 && line[size - 1] == '\n')
            size--;
        status = ws_send_text(session, line, size);
        if (status == WS_ERR_UTF8) {
            fprintf(stderr, "chat: not sent, the line is not UTF-8\n");
            status = WS_OK;
        }
    }
    free(line);
    return status;
}

static int chat(ws_session *session)
{
    pthread_t receiver;
    if (pthread_create(&receiver, NULL, print_messages, session) != 0) {
        fprintf(stderr, "chat: cannot start a thread\n");
        return EXIT_FAILURE;
    }

    ws_status sent = send_lines(session);
    /* After the server's Close nothing can be sent any more: the receiver tells how it ended. */
    if (sent != WS_OK && sent != WS_ERR_CLOSED)
        fprintf(stderr, "chat: cannot send: %s\n", ws_strerror(sent));
    ws_status closing = ws_close(session, WS_CLOSE_NORMAL, NULL, 0);
    if (closing != WS_OK) {
        fprintf(stderr, "chat: cannot close: %s\n", ws_strerror(closing));
        ws_abort(session);
    }

    void *received = NULL;
    pthread_join(receiver, &received);
    return (intptr_t)received == WS_ERR_CLOSED ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: chat URL [CA_FILE]\n");
        return 2;
    }

    ws_config *config = ws_config_new();
    if (config == NULL) {
        fprintf(stderr, "chat: no memory\n");
        return EXIT_FAILURE;
    }
    /* If the file cannot be used, ws_connect fails and says so. */
    if (argc > 2)
        ws_config_add_tls_ca_file(config, argv[2]);

    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(argv[1], config, &session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        fprintf(stderr, "chat: cannot connect to %s: %s\n", argv[1], ws_error_message(error));
        ws_error_free(error);
        return EXIT_FAILURE;
    }

    int result = chat(session);
    ws_session_free(session);
    return result;
}
