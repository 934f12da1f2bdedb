/* keepalive URL: prints what arrives, and pings the server every second. The session ends if a pong takes a second. */

#include <ktorws.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    ws_config *config = ws_config_new();
    ws_config_set_ping_interval_ms(config, 1000);
    ws_config_set_ping_timeout_ms(config, 1000);
    ws_session *session;
    ws_error *error;
    ws_status status = ws_connect(argv[1], config, &session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        fprintf(stderr, "cannot connect: %s\n", ws_error_message(error));
        ws_error_free(error);
        return 1;
    }
    ws_frame *frame;
    while ((status = ws_recv(session, &frame, -1)) == WS_OK) {
        printf("%s\n", (const char *)frame->data);
        ws_frame_free(frame);
    }
    if (status != WS_ERR_CLOSED)
        fprintf(stderr, "cannot receive: %s\n", ws_strerror(status));
    ws_session_end(session, 5000);
    return status != WS_ERR_CLOSED;
}
