/* file URL FILE: sends a file as one binary message in fragments, and prints the answer. */

#include <ktorws.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    FILE *file = fopen(argv[2], "rb");
    if (file == NULL) {
        perror(argv[2]);
        return 1;
    }
    ws_session *session;
    ws_error *error;
    if (ws_connect(argv[1], NULL, &session, &error) != WS_OK) {
        fprintf(stderr, "cannot connect: %s\n", ws_error_message(error));
        ws_error_free(error);
        return 1;
    }
    static char block[65536];
    uint32_t type = WS_FRAME_BINARY, flags = WS_SEND_MORE;
    ws_status status = WS_OK;
    while (status == WS_OK && flags != 0) {
        size_t size = fread(block, 1, sizeof block, file);
        if (ferror(file)) {
            perror(argv[2]);
            return 1;
        }
        flags = feof(file) ? 0 : WS_SEND_MORE;
        status = ws_send(session, type, block, size, flags, -1);
        type = WS_FRAME_CONTINUATION;
    }
    ws_frame *frame = NULL;
    if (status == WS_OK)
        status = ws_recv(session, &frame, 5000);
    if (status == WS_OK)
        printf("%s\n", (const char *)frame->data);
    else
        fprintf(stderr, "not sent: %s\n", ws_strerror(status));
    ws_frame_free(frame);
    ws_session_end(session, 5000);
    fclose(file);
    return status != WS_OK;
}
