/* Frames of the server's side. */

#define _GNU_SOURCE
#include "server.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum { LARGEST_FRAME = 1 << 20 };

void stay_silent_us(unsigned us)
{
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        continue;
}

void set_read_limit_ms(connection *self, unsigned ms)
{
    struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

void make_reset(int fd)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

bool read_more(connection *self)
{
    if (self->capacity < self->held + 4096) {
        size_t capacity = 2 * self->capacity + 8192;
        uint8_t *memory = realloc(self->in, capacity);
        if (memory == NULL)
            return false;
        self->in = memory;
        self->capacity = capacity;
    }
    ssize_t got;
    do
        got = recv(self->fd, self->in + self->held, self->capacity - self->held, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    self->held += (size_t)got;
    return true;
}

void discard(connection *self, size_t size)
{
    memmove(self->in, self->in + size, self->held - size);
    self->held -= size;
}

static bool hold(connection *self, size_t size)
{
    while (self->held < size)
        if (!read_more(self))
            return false;
    return true;
}

reading read_frame(connection *self, client_frame *frame)
{
    if (!hold(self, 2))
        return ENDED;
    bool masked = self->in[1] >> 7;
    size_t size = self->in[1] & 127, more = size == 126 ? 2 : size == 127 ? 8 : 0;
    size_t head = 2 + more + (masked ? 4 : 0);
    if (!hold(self, head))
        return ENDED;
    if (more > 0) {
        size = 0;
        for (size_t i = 0; i < more; i++)
            size = size << 8 | self->in[2 + i];
    }
    if (self->strict && !masked)
        complain("an unmasked frame");
    if (size > LARGEST_FRAME) {
        complain("a frame larger than any that is sent");
        return BROKEN;
    }
    if (!hold(self, head + size))
        return ENDED;
    frame->first = self->in[0];
    frame->payload = self->in + head;
    frame->size = size;
    frame->whole = head + size;
    if (masked)
        for (size_t i = 0; i < size; i++)
            frame->payload[i] ^= self->in[head - 4 + i % 4];
    return READ;
}

bool send_bytes(connection *self, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t sent = send(self->fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

bool send_pieces(connection *self, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        size_t piece = below(&self->dice, 3) == 0 ? size : 1 + below(&self->dice, (unsigned)size);
        if (!send_bytes(self, at, piece))
            return false;
        at += piece;
        size -= piece;
        if (size > 0 && below(&self->dice, 4) == 0)
            stay_silent_us(below(&self->dice, 2000));
    }
    return true;
}

bool send_frame(connection *self, unsigned first, const void *data, size_t size)
{
    uint8_t *frame = malloc(size + 10);
    if (frame == NULL)
        return false;
    size_t head = 2;
    frame[0] = (uint8_t)first;
    if (size < 126) {
        frame[1] = (uint8_t)size;
    } else {
        size_t more = size < 65536 ? 2 : 8;
        frame[1] = more == 2 ? 126 : 127;
        for (size_t i = 0; i < more; i++)
            frame[2 + i] = (uint8_t)((uint64_t)size >> 8 * (more - 1 - i));
        head += more;
    }
    if (size > 0)
        memcpy(frame + head, data, size);
    bool sent =
        below(&self->dice, 12) == 0 ? send_pieces(self, frame, head + size) : send_bytes(self, frame, head + size);
    free(frame);
    return sent;
}

bool send_fragmented(connection *self, unsigned first, const void *data, size_t size)
{
    const uint8_t *at = data;
    unsigned parts = below(&self->dice, 6) == 0 ? 2 + below(&self->dice, 4) : 1;
    bool sent = true;
    for (unsigned i = 0; sent && i < parts; i++) {
        size_t piece = i + 1 == parts ? size : below(&self->dice, (unsigned)size + 1);
        unsigned opcode = i == 0 ? first & 0x7f : 0;
        sent = send_frame(self, opcode | (i + 1 == parts ? 0x80 : 0), at, piece);
        at += piece;
        size -= piece;
        if (sent && below(&self->dice, 16) == 0)
            sent = send_frame(self, 0x89, "ping", below(&self->dice, 5));
    }
    return sent;
}
