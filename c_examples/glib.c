/* A session in a GLib main loop, as GTK programs have one: greets the server, prints the answer, and says goodbye.
 *
 *     glib URL */

#include <glib-unix.h>
#include <glib.h>
#include <ktorws.h>
#include <stdlib.h>

typedef struct {
    GMainLoop *loop;
    ws_session *session;
    ws_status status;
} talk;

/* The descriptor is readable: receives until there is nothing more. */
static gboolean on_event(gint fd, GIOCondition condition, gpointer user_data)
{
    (void)fd, (void)condition;
    talk *self = user_data;
    ws_frame *frame = NULL;
    while ((self->status = ws_recv(self->session, &frame, 0)) == WS_OK) {
        g_print("%s\n", (const char *)frame->data);
        ws_frame_free(frame);
        ws_close(self->session, WS_CLOSE_NORMAL, NULL, 0);
    }
    if (self->status == WS_ERR_TIMEOUT)
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(self->loop);
    return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        g_printerr("usage: glib URL\n");
        return 2;
    }
    talk self = {.loop = g_main_loop_new(NULL, FALSE)};
    ws_error *error = NULL;
    if (ws_connect(argv[1], NULL, &self.session, &error) != WS_OK) {
        g_printerr("glib: cannot connect to %s: %s\n", argv[1], ws_error_message(error));
        ws_error_free(error);
        g_main_loop_unref(self.loop);
        return EXIT_FAILURE;
    }
    g_unix_fd_add(ws_event_fd(self.session), G_IO_IN, on_event, &self);
    ws_send_text(self.session, "hello", WS_NUL_TERMINATED);
    g_main_loop_run(self.loop);
    /* The loop no longer watches the descriptor, which the session owns and now closes. */
    ws_session_free(self.session);
    g_main_loop_unref(self.loop);
    if (self.status != WS_ERR_CLOSED)
        g_printerr("glib: %s\n", ws_strerror(self.status));
    return self.status == WS_ERR_CLOSED ? EXIT_SUCCESS : EXIT_FAILURE;
}
