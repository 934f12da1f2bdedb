/* The library in an event loop of the application's own: ws_event_fd in an epoll. */

#include "ktorws_clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct polled {
    ws_session *session;
    int poller;
};

void *open_polled(const struct options *options, const char *url)
{
    struct polled *polled = allocate(sizeof *polled);
    polled->session = open_session(options, url);
    int descriptor = ws_event_fd(polled->session);
    if (descriptor < 0)
        fail("no descriptor for the session's events");
    polled->poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = polled};
    if (polled->poller < 0 || epoll_ctl(polled->poller, EPOLL_CTL_ADD, descriptor, &event) != 0)
        fail("cannot watch a descriptor: %s", strerror(errno));
    return polled;
}

void close_polled(void *opened)
{
    struct polled *polled = opened;
    close_session(polled->session);
    close(polled->poller);
    free(polled);
}

void send_polled(void *opened, const uint8_t *message, size_t size, size_t count)
{
    struct polled *polled = opened;
    send_each(polled->session, message, size, count);
}

/* Receives until there are no more, or until it has all that are wanted. The descriptor is level-triggered. */
void receive_polled(void *opened, size_t size, size_t count)
{
    struct polled *polled = opened;
    while (count > 0) {
        struct epoll_event event;
        if (epoll_wait(polled->poller, &event, 1, -1) < 0)
            fail("epoll_wait: %s", strerror(errno));
        while (count > 0) {
            ws_frame *frame;
            ws_status status = ws_recv(polled->session, &frame, 0);
            if (status == WS_ERR_TIMEOUT)
                break;
            check(status, "receiving");
            check_message(frame->data, frame->size, size);
            ws_frame_free(frame);
            count--;
        }
    }
}
