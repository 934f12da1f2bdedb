/* A relay in front of a TLS server: it cuts, resets, half-closes, stalls and corrupts what it passes on. */

#define _GNU_SOURCE
#include "server.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PIECE = 16 * 1024,
    IDLE_LIMIT_MS = 30000,
    /* Behind a corrupted length one side may wait for bytes that the other does not send. */
    CORRUPTED_LIMIT_MS = 1000,
};

static int connect_to_port(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* How many bytes pass until something happens to them; 0: nothing ever does. */
static unsigned long bytes_until_fault(connection *self)
{
    switch (below(&self->dice, 3)) {
    case 0:
        return 0;
    case 1:
        return 1 + below(&self->dice, 5000);
    default:
        return 1 + below(&self->dice, 500000);
    }
}

/* Passes on what has come. Whether the direction goes on. */
static bool pass(connection *from, connection *to, unsigned long *left, int *idle_limit_ms)
{
    uint8_t bytes[PIECE];
    ssize_t got = recv(from->fd, bytes, below(&from->dice, 8) == 0 ? 1 + below(&from->dice, 50) : sizeof bytes, 0);
    if (got < 0 && errno == EINTR)
        return true;
    if (got <= 0) {
        shutdown(to->fd, SHUT_WR);
        return false;
    }
    size_t size = (size_t)got;
    if (*left > 0 && *left <= size) {
        switch (below(&from->dice, 5)) {
        case 0:
            make_reset(from->fd);
            make_reset(to->fd);
            return false;
        case 1:
            bytes[*left - 1] ^= 1;
            *idle_limit_ms = CORRUPTED_LIMIT_MS;
            break;
        case 2:
            send_bytes(to, bytes, *left - 1);
            shutdown(to->fd, SHUT_WR);
            return false;
        case 3:
            stay_silent_us(below(&from->dice, 300000));
            break;
        default:
            send_bytes(to, bytes, *left - 1);
            return false;
        }
        *left = 0;
    } else if (*left > 0) {
        *left -= size;
    }
    return send_bytes(to, bytes, size);
}

void relay(connection *self, unsigned port)
{
    connection other = {.fd = connect_to_port(port), .dice = {roll(&self->dice)}};
    if (other.fd < 0)
        return;
    unsigned long up = bytes_until_fault(self), down = bytes_until_fault(self);
    struct pollfd both[] = {{.fd = self->fd, .events = POLLIN}, {.fd = other.fd, .events = POLLIN}};
    bool goes_on = true;
    int idle_limit_ms = IDLE_LIMIT_MS;
    while (goes_on && (both[0].fd >= 0 || both[1].fd >= 0)) {
        if (poll(both, 2, idle_limit_ms) <= 0)
            break;
        if (both[0].revents != 0 && !pass(self, &other, &up, &idle_limit_ms)) {
            goes_on = up == 0;
            both[0].fd = -1;
        }
        if (goes_on && both[1].fd >= 0 && both[1].revents != 0 && !pass(&other, self, &down, &idle_limit_ms)) {
            goes_on = down == 0;
            both[1].fd = -1;
        }
    }
    close(other.fd);
}
