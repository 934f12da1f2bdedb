/* proxy URL PROXY: sends a text through an HTTP proxy, http://USER:PASSWORD@HOST:PORT, and prints the answer. */

#include <ktorws.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    ws_config *config = ws_config_new();
    ws_config_set_proxy(config, argv[2]);
    ws_session *session;
    ws_error *error;
    ws_status status = ws_connect(argv[1], config, &session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        fprintf(stderr, "cannot connect: %s\n", ws_error_message(error));
        ws_error_free(error);
        return 1;
    }
    ws_frame *frame = NULL;
    status = ws_send_text(session, "hello", WS_NUL_TERMINATED);
    if (status == WS_OK)
        status = ws_recv(session, &frame, 5000);
    if (status == WS_OK)
        printf("%s\n", (const char *)frame->data);
    else
        fprintf(stderr, "no answer: %s\n", ws_strerror(status));
    ws_frame_free(frame);
    ws_session_end(session, 5000);
    return status != WS_OK;
}
