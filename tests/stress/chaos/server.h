/* What the files of the server share. It runs in a process of its own, a thread for each connection. */

#ifndef CHAOS_SERVER_H
#define CHAOS_SERVER_H

#include "../chance.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct connection {
    int fd;
    chance dice;
    /* What was read and not used yet. */
    uint8_t *in;
    size_t held, capacity;
    /* The client keeps to RFC 6455. */
    bool strict;
} connection;

/* A frame of the client, unmasked, in the connection's memory. */
typedef struct client_frame {
    uint8_t first;
    uint8_t *payload;
    size_t size;
    size_t whole;
} client_frame;

typedef enum reading { READ, ENDED, BROKEN } reading;

/* Something that no client may send. */
void complain(const char *what);

/* ---- server_frames.c ---- */

bool read_more(connection *self);
void discard(connection *self, size_t size);
reading read_frame(connection *self, client_frame *frame);
bool send_bytes(connection *self, const void *data, size_t size);
/* In pieces, with pauses. */
bool send_pieces(connection *self, const void *data, size_t size);
bool send_frame(connection *self, unsigned first, const void *data, size_t size);
/* As several frames, now and then with pings between. */
bool send_fragmented(connection *self, unsigned first, const void *data, size_t size);
/* The next close() sends a reset. */
void make_reset(int fd);
void stay_silent_us(unsigned us);
/* A read that waits for so long ends. */
void set_read_limit_ms(connection *self, unsigned ms);

/* ---- server_acts.c ---- */

/* Echoes; after so many messages it misbehaves. Negative: never. */
void echo(connection *self, long until_fault);
/* Sends numbered messages, then a Close. */
void send_sequence(connection *self, unsigned messages);
/* Sends and receives for a while, then misbehaves. */
void misbehave(connection *self);

/* ---- server_opening.c ---- */

/* Answers the opening handshake, and serves what its path asks for. */
void serve_connection(connection *self);

/* ---- relay.c ---- */

/* Passes bytes on, to and from the port, and cuts, stalls and corrupts them. */
void relay(connection *self, unsigned port);

#endif
