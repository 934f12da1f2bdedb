/* What the server does on an open connection. */

#define _GNU_SOURCE
#include "../messages.h"
#include "server.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { CLOSE = 0x88, PING = 0x89, PONG = 0x8a, BINARY = 0x82, TEXT = 0x81 };

/* Reads what still comes, so that nothing unread makes the end a reset. */
static void read_to_end(connection *self, bool after_close)
{
    if (after_close && self->strict && self->held > 0)
        complain("bytes behind a Close");
    self->held = 0;
    while (read_more(self)) {
        if (after_close && self->strict)
            complain("bytes behind a Close");
        self->held = 0;
    }
}

/* Answers a Close, and ends the connection first, as a server does. */
static void answer_close(connection *self, client_frame *frame)
{
    send_frame(self, CLOSE, frame->payload, frame->size < 2 ? 0 : 2);
    discard(self, frame->whole);
    shutdown(self->fd, SHUT_WR);
    read_to_end(self, true);
}

static void send_close(connection *self, unsigned code)
{
    uint8_t payload[] = {(uint8_t)(code >> 8), (uint8_t)code, 'e', 'n', 'd'};
    send_frame(self, CLOSE, payload, below(&self->dice, 2) == 0 ? 2 : sizeof payload);
}

/* Whatever may happen to a connection: it ends, well or badly. */
static void fault(connection *self)
{
    static const unsigned codes[] = {1000, 1001, 1008, 1011, 1012, 1013, 3000, 4999};
    static const uint8_t zeros[2000];
    bool sent = true;
    switch (below(&self->dice, 18)) {
    case 0:
        make_reset(self->fd);
        return;
    case 1:
        return;
    case 2:
        shutdown(self->fd, SHUT_WR);
        set_read_limit_ms(self, 1 + below(&self->dice, 200));
        read_to_end(self, false);
        return;
    case 3: /* a reserved opcode */
        send_frame(self, 0x83, zeros, 5);
        break;
    case 4: /* no UTF-8 */
        send_frame(self, TEXT, "\xff\xfe", 2);
        break;
    case 5:
        stay_silent_us(below(&self->dice, 400000));
        return;
    case 6: /* half a frame */
        send_bytes(self, "\x82\x7f\0\0\0\0\0\1\0\0half", 14);
        break;
    case 7:
        for (unsigned i = 0; sent && i < 300; i++)
            sent = send_frame(self, PING, zeros, 125);
        break;
    case 8: /* a continuation of nothing */
        send_frame(self, 0x80, zeros, 3);
        break;
    case 9: /* a code that is never sent */
        send_close(self, 1005);
        break;
    case 10: /* a reserved bit that nothing was agreed on for */
        send_frame(self, 0x92, zeros, 3);
        break;
    case 11: /* a flood, and nothing is read */
        for (unsigned i = 0; sent && i < 300; i++)
            sent = send_frame(self, BINARY, zeros, below(&self->dice, sizeof zeros));
        break;
    case 12: /* masked */
        send_bytes(self, "\x82\x82\0\0\0\0hi", 8);
        break;
    case 13: /* a message that never ends */
        for (unsigned i = 0; sent && i < 400; i++)
            sent = send_frame(self, i == 0 ? 0x02 : 0x00, zeros, i % 7);
        break;
    case 14: /* more than any limit */
        send_bytes(self, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
        break;
    case 15: /* deflated garbage, or a bit of nobody's */
        send_frame(self, 0xc1, "\xff\xff\xff\xff\xff", 5);
        break;
    default:
        send_close(self, codes[below(&self->dice, sizeof codes / sizeof *codes)]);
        set_read_limit_ms(self, 500);
        read_to_end(self, false);
        return;
    }
    set_read_limit_ms(self, 1 + below(&self->dice, 200));
    read_to_end(self, false);
}

/* The message that is being put together. */
typedef struct assembly {
    uint8_t *data;
    size_t size;
    unsigned first;
    bool open;
} assembly;

static bool assemble(connection *self, assembly *message, const client_frame *frame)
{
    bool continues = (frame->first & 15) == 0;
    if (continues != message->open) {
        if (self->strict)
            complain("fragments of two messages between each other");
        return false;
    }
    if (!continues) {
        message->size = 0;
        message->first = frame->first;
    }
    uint8_t *data = realloc(message->data, message->size + frame->size + 1);
    if (data == NULL)
        return false;
    message->data = data;
    memcpy(data + message->size, frame->payload, frame->size);
    message->size += frame->size;
    message->open = frame->first >> 7 == 0;
    return true;
}

void echo(connection *self, long until_fault)
{
    assembly message = {0};
    client_frame frame;
    bool alive = true;
    while (alive && until_fault != 0 && read_frame(self, &frame) == READ) {
        unsigned opcode = frame.first & 15;
        if (opcode == 8) {
            answer_close(self, &frame);
            free(message.data);
            return;
        }
        if (opcode == 9)
            alive = send_frame(self, PONG, frame.payload, frame.size);
        else if (opcode < 3)
            alive = assemble(self, &message, &frame);
        discard(self, frame.whole);
        if (alive && opcode < 3 && !message.open) {
            alive = send_fragmented(self, message.first, message.data, message.size);
            if (until_fault > 0)
                until_fault--;
        }
        if (below(&self->dice, 100) == 0)
            stay_silent_us(below(&self->dice, 20000));
    }
    free(message.data);
    if (alive && until_fault == 0)
        fault(self);
}

static pthread_once_t letters_made = PTHREAD_ONCE_INIT;

void send_sequence(connection *self, unsigned messages)
{
    pthread_once(&letters_made, make_letters);
    char *message = malloc(LARGEST_MESSAGE);
    bool alive = message != NULL;
    for (unsigned i = 0; alive && i < messages; i++) {
        size_t size = write_message(message, 0, i, body_size(&self->dice) / 4);
        alive = send_fragmented(self, 0x80 | type_of(i), message, size);
        if (below(&self->dice, 50) == 0)
            stay_silent_us(below(&self->dice, 20000));
    }
    free(message);
    if (!alive)
        return;
    send_close(self, 1000);
    /* With the client's answer it is for the server to end the connection: the client waits for that. */
    client_frame frame;
    while (read_frame(self, &frame) == READ) {
        bool answered = (frame.first & 15) == 8;
        discard(self, frame.whole);
        if (answered) {
            shutdown(self->fd, SHUT_WR);
            read_to_end(self, true);
            return;
        }
    }
}

void misbehave(connection *self)
{
    char text[8000];
    memset(text, 'x', sizeof text);
    client_frame frame;
    for (unsigned left = below(&self->dice, 60); left > 0; left--) {
        unsigned size = below(&self->dice, below(&self->dice, 6) == 0 ? sizeof text : 200);
        if (below(&self->dice, 2) == 0 && !send_fragmented(self, TEXT + below(&self->dice, 2), text, size))
            return;
        if (below(&self->dice, 10) == 0 && !send_frame(self, PING, text, below(&self->dice, 126)))
            return;
        set_read_limit_ms(self, 1 + below(&self->dice, 8));
        if (read_frame(self, &frame) != READ)
            continue;
        if ((frame.first & 15) == 8) {
            answer_close(self, &frame);
            return;
        }
        if ((frame.first & 15) == 9)
            send_frame(self, PONG, frame.payload, frame.size);
        discard(self, frame.whole);
    }
    fault(self);
}
