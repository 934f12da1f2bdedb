/* reconnect URL: subscribes and prints what arrives. It connects again, with growing random delays, when the connection
 * is lost or cannot be opened, until the server closes the session. */

#include <ktorws.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    ws_config *config = ws_config_new();
    ws_reconnect_options reconnect = {
        .struct_size = sizeof reconnect, .first_delay_ms = 100, .max_delay_ms = 10000, .flags = WS_RECONNECT_FIRST};
    ws_config_set_reconnect(config, &reconnect);
    ws_config_set_deliver_events(config, WS_EVENT_OPENED | WS_EVENT_RESUMED);
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
        if (frame->type == WS_FRAME_TEXT)
            printf("%s\n", (const char *)frame->data);
        else
            ws_send_text(session, "subscribe", WS_NUL_TERMINATED);
        ws_frame_free(frame);
    }
    if (status != WS_ERR_CLOSED)
        fprintf(stderr, "cannot receive: %s\n", ws_strerror(status));
    ws_session_end(session, 5000);
    return status != WS_ERR_CLOSED;
}
