/* Receives from several servers in an event loop of its own, with epoll.
 *
 *     epoll CA_FILE URL...
 *
 * An empty CA_FILE means the system's trust store. Every message is printed behind the number of its URL. The program
 * ends when all sessions have ended: with 0 if each of them was closed in an orderly way. */

#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* A session in the loop. */
typedef struct feed {
    int number;
    ws_session *session;
    int descriptor;
} feed;

/* Returns 0 and fills the feed, or says what went wrong. */
static int open_feed(feed *self, int loop, const char *url, const ws_config *config)
{
    ws_error *error = NULL;
    if (ws_connect(url, config, &self->session, &error) != WS_OK) {
        fprintf(stderr, "epoll: cannot connect to %s: %s\n", url, ws_error_message(error));
        ws_error_free(error);
        return -1;
    }
    self->descriptor = ws_event_fd(self->session);
    if (self->descriptor < 0) {
        fprintf(stderr, "epoll: there is no descriptor to be had\n");
        ws_session_free(self->session);
        return -1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, self->descriptor, &event) != 0) {
        perror("epoll: epoll_ctl");
        close(self->descriptor);
        ws_session_free(self->session);
        return -1;
    }
    return 0;
}

static void close_feed(feed *self, int loop)
{
    /* Closing alone would do, unless a duplicate of the descriptor is open somewhere. */
    epoll_ctl(loop, EPOLL_CTL_DEL, self->descriptor, NULL);
    close(self->descriptor);
    ws_session_free(self->session);
}

/* The feed's descriptor is readable. Returns WS_OK while the session goes on.
 *
 * One message at a time gives all sessions their turn: the descriptor stays readable while there are more. With
 * EPOLLET one would have to receive until WS_ERR_TIMEOUT. */
static ws_status take_message(feed *self)
{
    ws_frame *frame = NULL;
    ws_status status = ws_recv(self->session, &frame, 0);
    if (status == WS_ERR_TIMEOUT)
        return WS_OK;
    if (status != WS_OK)
        return status;
    if (frame->type == WS_TEXT)
        printf("%d: %s\n", self->number, (const char *)frame->data);
    else
        printf("%d: (%zu bytes of binary data)\n", self->number, frame->size);
    ws_frame_free(frame);
    return WS_OK;
}

/* Runs until so many feeds have ended. Returns how many of them broke off, -1 if the loop itself does not work. */
static int run(int loop, int open)
{
    int broken = 0;
    while (open > 0) {
        struct epoll_event events[16];
        int count = epoll_wait(loop, events, 16, -1);
        if (count < 0 && errno != EINTR) {
            perror("epoll: epoll_wait");
            return -1;
        }
        for (int i = 0; i < count; i++) {
            feed *ready = events[i].data.ptr;
            ws_status status = take_message(ready);
            if (status == WS_OK)
                continue;
            if (status != WS_ERR_CLOSED) {
                fprintf(stderr, "epoll: %d broke off: %s\n", ready->number, ws_strerror(status));
                broken++;
            }
            close_feed(ready, loop);
            open--;
        }
        fflush(stdout);
    }
    return broken;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: epoll CA_FILE URL...\n");
        return 2;
    }

    ws_config *config = ws_config_new();
    feed *feeds = calloc((size_t)argc, sizeof *feeds);
    int loop = epoll_create1(EPOLL_CLOEXEC);
    int broken = -1;
    if (config == NULL || feeds == NULL || loop < 0) {
        fprintf(stderr, "epoll: no memory or no descriptors\n");
    } else if (argv[1][0] != '\0' && ws_config_set_tls_ca_file(config, argv[1]) != WS_OK) {
        fprintf(stderr, "epoll: cannot use the CA file %s\n", argv[1]);
    } else {
        int open = 0, failed = 0;
        for (int i = 2; i < argc; i++) {
            feed *next = &feeds[open];
            next->number = i - 1;
            if (open_feed(next, loop, argv[i], config) == 0)
                open++;
            else
                failed++;
        }
        broken = run(loop, open);
        if (broken >= 0)
            broken += failed;
    }
    if (loop >= 0)
        close(loop);
    free(feeds);
    ws_config_free(config);
    return broken == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
