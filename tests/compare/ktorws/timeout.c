/* timeout URL: receives with a time limit, after which the session continues. Sends a text and prints the answer. */

#include <ktorws.h>
#include <stdio.h>

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
    ws_frame *frame = NULL;
    ws_status status = ws_recv(session, &frame, 200);
    if (status == WS_ERR_TIMEOUT) {
        printf("nothing yet\n");
        status = ws_send_text(session, "hello", WS_NUL_TERMINATED);
        if (status == WS_OK)
            status = ws_recv(session, &frame, 5000);
    }
    if (status == WS_OK)
        printf("%s\n", (const char *)frame->data);
    else
        fprintf(stderr, "no message: %s\n", ws_strerror(status));
    ws_frame_free(frame);
    ws_session_end(session, 5000);
    return status != WS_OK;
}
