/* Messages that can be recognised: each says who sent it and which of theirs it is, and the rest follows from that. */

#ifndef MESSAGES_H
#define MESSAGES_H

#include "chance.h"
#include "check.h"

enum { HEAD = 24, LARGEST_BODY = 200 * 1024, LARGEST_MESSAGE = HEAD + LARGEST_BODY };

/* The bodies are pieces of it. */
static char letters[2 * LARGEST_BODY];

static inline void make_letters(void)
{
    chance from = {1};
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)('a' + below(&from, 26));
}

static inline const char *body_of(unsigned sender, unsigned number)
{
    return letters + (sender * 7919U + number * 104729U) % LARGEST_BODY;
}

/* Mostly small, some of the size of a packet, a few large. */
static inline unsigned body_size(chance *from)
{
    unsigned kind = below(from, 100);
    return below(from, kind < 90 ? 200 : kind < 98 ? 8 * 1024 : LARGEST_BODY + 1);
}

static inline uint32_t type_of(unsigned number)
{
    return number % 2 == 0 ? WS_FRAME_BINARY : WS_FRAME_TEXT;
}

/* Writes a message and returns its size. */
static inline size_t write_message(char *message, unsigned sender, unsigned number, unsigned size)
{
    snprintf(message, HEAD + 1, "%08x%08x%08x", sender, number, size);
    memcpy(message + HEAD, body_of(sender, number), size);
    return HEAD + (size_t)size;
}

/* Checks that a message is whole, and reads who sent it. */
static inline void read_message(const char *message, size_t length, uint32_t type, unsigned *sender, unsigned *number)
{
    char head[HEAD + 1] = "";
    unsigned size = 0;
    CHECK(length >= HEAD);
    memcpy(head, message, HEAD);
    CHECK_EQ(sscanf(head, "%8x%8x%8x", sender, number, &size), 3);
    CHECK_EQ(length, HEAD + (size_t)size);
    CHECK_EQ(type, type_of(*number));
    CHECK(memcmp(message + HEAD, body_of(*sender, *number), size) == 0);
}

#endif
