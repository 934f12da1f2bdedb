/* Sends one text message to an echo server and prints what comes back, in GLib's main loop.
 *
 *     glib URL [CA_FILE [MESSAGE]]
 *
 * An empty CA_FILE means the system's trust store. The same works in a GTK program: its main loop is GLib's. */

#include <glib-unix.h>
#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct client {
    ws_session *session;
    GMainLoop *loop;
    /* How the session has ended. */
    ws_status end;
} client;

/* GLib calls this whenever the session's descriptor is readable: ws_recv has something to return without waiting. */
static gboolean on_readable(gint descriptor, GIOCondition condition, gpointer user_data)
{
    client *self = user_data;
    (void)descriptor, (void)condition;
    ws_frame *frame = NULL;
    ws_status status = ws_recv(self->session, &frame, 0);
    if (status == WS_ERR_TIMEOUT)
        return G_SOURCE_CONTINUE;
    if (status != WS_OK) {
        self->end = status;
        g_main_loop_quit(self->loop);
        return G_SOURCE_REMOVE;
    }
    printf("received: %s\n", (const char *)frame->data);
    ws_frame_free(frame);
    /* That was all we wanted. The closing handshake goes on while the loop runs. */
    status = ws_close(self->session, WS_CLOSE_NORMAL, "bye", WS_NUL_TERMINATED);
    if (status != WS_OK) {
        fprintf(stderr, "glib: closing: %s\n", ws_strerror(status));
        ws_abort(self->session);
    }
    return G_SOURCE_CONTINUE;
}

static int talk(ws_session *session, const char *message)
{
    int descriptor = ws_event_fd(session);
    if (descriptor < 0) {
        fprintf(stderr, "glib: there is no descriptor to be had\n");
        return EXIT_FAILURE;
    }
    client self = {.session = session, .loop = g_main_loop_new(NULL, FALSE), .end = WS_OK};
    g_unix_fd_add(descriptor, G_IO_IN, on_readable, &self);

    ws_status status = ws_send_text(session, message, WS_NUL_TERMINATED);
    if (status == WS_OK)
        printf("sent: %s\n", message);
    else
        fprintf(stderr, "glib: sending: %s\n", ws_strerror(status));
    /* Also then: the loop ends with the session. */
    if (status != WS_OK)
        ws_abort(session);
    g_main_loop_run(self.loop);

    g_main_loop_unref(self.loop);
    close(descriptor);
    if (self.end != WS_ERR_CLOSED) {
        fprintf(stderr, "glib: receiving: %s\n", ws_strerror(self.end));
        return EXIT_FAILURE;
    }
    printf("closed\n");
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: glib URL [CA_FILE [MESSAGE]]\n");
        return 2;
    }
    const char *ca_file = argc > 2 ? argv[2] : "";
    const char *message = argc > 3 ? argv[3] : "hello";

    ws_config *config = ws_config_new();
    if (config == NULL) {
        fprintf(stderr, "glib: no memory\n");
        return EXIT_FAILURE;
    }
    if (ca_file[0] != '\0' && ws_config_set_tls_ca_file(config, ca_file) != WS_OK) {
        fprintf(stderr, "glib: cannot use the CA file %s\n", ca_file);
        ws_config_free(config);
        return EXIT_FAILURE;
    }

    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(argv[1], config, &session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        fprintf(stderr, "glib: cannot connect to %s: %s\n", argv[1], ws_error_message(error));
        ws_error_free(error);
        return EXIT_FAILURE;
    }

    int result = talk(session, message);
    ws_session_free(session);
    return result;
}
