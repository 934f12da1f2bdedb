/* end URL: sends a text and a Close, prints what still arrives, and the server's Close. */

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
    ws_send_text(session, "last", WS_NUL_TERMINATED);
    ws_close(session, WS_CLOSE_NORMAL, "bye", WS_NUL_TERMINATED);
    ws_frame *frame;
    ws_status status;
    while ((status = ws_recv(session, &frame, -1)) == WS_OK) {
        printf("%s\n", (const char *)frame->data);
        ws_frame_free(frame);
    }
    ws_close_info info = {.struct_size = sizeof info};
    if (status == WS_ERR_CLOSED && ws_get_close_info(session, &info) == WS_OK)
        printf("closed: %u %s\n", (unsigned)info.remote_code, info.reason);
    else
        fprintf(stderr, "cannot receive: %s\n", ws_strerror(status));
    ws_session_free(session);
    return status != WS_ERR_CLOSED;
}
