/* Sends one text message to an echo server and prints what comes back.
 *
 *     echo URL [CA_FILE [MESSAGE]]
 *
 * An empty CA_FILE means the system's trust store. */

#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what, ws_status status)
{
    fprintf(stderr, "echo: %s: %s\n", what, ws_strerror(status));
    return EXIT_FAILURE;
}

static int talk(ws_session *session, const char *message)
{
    ws_status status = ws_send_text(session, message, WS_NUL_TERMINATED);
    if (status != WS_OK)
        return fail("sending", status);
    printf("sent: %s\n", message);

    ws_frame *frame = NULL;
    status = ws_recv(session, &frame, 5000);
    if (status != WS_OK)
        return fail("receiving", status);
    /* A text's data is always followed by a NUL. */
    printf("received: %s\n", (const char *)frame->data);
    ws_frame_free(frame);

    status = ws_close(session, WS_CLOSE_NORMAL, "bye", WS_NUL_TERMINATED);
    if (status != WS_OK)
        return fail("closing", status);
    status = ws_wait_closed(session, -1);
    if (status != WS_OK)
        return fail("waiting for the end", status);

    ws_close_info info = {.struct_size = sizeof info};
    status = ws_get_close_info(session, &info);
    if (status != WS_OK)
        return fail("asking how it ended", status);
    printf("closed: %u %s (%s)\n", (unsigned)info.remote_code, info.reason, info.clean ? "clean" : "not clean");
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: echo URL [CA_FILE [MESSAGE]]\n");
        return 2;
    }
    const char *ca_file = argc > 2 ? argv[2] : "";
    const char *message = argc > 3 ? argv[3] : "hello";

    ws_config *config = ws_config_new();
    if (config == NULL)
        return fail("no configuration", WS_ERR_NO_MEMORY);
    /* If the file cannot be used, ws_connect fails and says so. */
    if (ca_file[0] != '\0')
        ws_config_add_tls_ca_file(config, ca_file);

    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(argv[1], config, &session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        fprintf(stderr, "echo: cannot connect to %s: %s\n", argv[1], ws_error_message(error));
        ws_error_free(error);
        return EXIT_FAILURE;
    }

    int result = talk(session, message);
    ws_session_free(session);
    /* Few programs need this: it ends the library's threads, so that a leak checker finds nothing. */
    status = ws_shutdown(5000);
    return status == WS_OK ? result : fail("shutting down", status);
}
