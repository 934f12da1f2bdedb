/* Several sessions in an event loop with epoll(7): each greets its server and waits for the answer.
 *
 *     epoll URL... */

#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef struct {
    const char *url;
    ws_session *session;
} talk;

/* Returns whether the session goes on. */
static int begin(int loop, talk *self)
{
    ws_error *error = NULL;
    if (ws_connect(self->url, NULL, &self->session, &error) != WS_OK) {
        fprintf(stderr, "epoll: cannot connect to %s: %s\n", self->url, ws_error_message(error));
        ws_error_free(error);
        return 0;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, ws_event_fd(self->session), &event) == 0 &&
        ws_send_text(self->session, "hello", WS_NUL_TERMINATED) == WS_OK)
        return 1;
    fprintf(stderr, "epoll: %s: cannot greet the server\n", self->url);
    ws_session_free(self->session);
    return 0;
}

/* The descriptor is readable: receives until there is nothing more. Returns whether the session goes on. */
static int go_on(talk *self, int *failures)
{
    ws_frame *frame = NULL;
    ws_status status;
    while ((status = ws_recv(self->session, &frame, 0)) == WS_OK) {
        printf("%s\n", (const char *)frame->data);
        ws_frame_free(frame);
        ws_close(self->session, WS_CLOSE_NORMAL, NULL, 0);
    }
    if (status == WS_ERR_TIMEOUT)
        return 1;
    if (status != WS_ERR_CLOSED) {
        fprintf(stderr, "epoll: %s: %s\n", self->url, ws_strerror(status));
        ++*failures;
    }
    /* The session owns the descriptor. Freeing the session closes it, which removes it from the epoll set. */
    ws_session_free(self->session);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: epoll URL...\n");
        return 2;
    }
    int loop = epoll_create1(EPOLL_CLOEXEC);
    talk *talks = calloc((size_t)argc, sizeof *talks);
    if (loop < 0 || talks == NULL)
        return EXIT_FAILURE;
    int open = 0, failures = 0;
    for (int i = 1; i < argc; i++) {
        talks[i].url = argv[i];
        if (begin(loop, &talks[i]))
            open++;
        else
            failures++;
    }
    while (open > 0) {
        struct epoll_event events[16];
        int count = epoll_wait(loop, events, 16, -1);
        for (int i = 0; i < count; i++)
            open -= !go_on(events[i].data.ptr, &failures);
    }
    close(loop);
    free(talks);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
