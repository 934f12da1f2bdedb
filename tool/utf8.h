/* UTF-8 as RFC 3629 has it, also in pieces. */

#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins as all zeros. */
typedef struct {
    uint8_t missing;         /* bytes that the character under way still needs */
    uint8_t lowest, highest; /* what the next of them may be */
} utf8;

/* How many of the bytes are UTF-8, going on where the last call ended: `size`, or the place of the first bad one. */
size_t utf8_check(utf8 *state, const void *data, size_t size);

/* Whether a text may end here. */
bool utf8_is_whole(const utf8 *state);

bool utf8_is_valid(const void *data, size_t size);

/* The character at the beginning of `text`, which is valid UTF-8 and not empty, and how many bytes it has. */
size_t utf8_decode(const char *text, size_t size, uint32_t *character);

#endif
