/* Standard input, cut into messages. */

#ifndef INPUT_H
#define INPUT_H

#include "options.h"
#include "utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    INPUT_PIECE,   /* a message, or with FRAMING_ONE a part of it */
    INPUT_BAD,     /* a message that is not UTF-8; it was said, and the next one may be fine */
    INPUT_END,     /* of the input */
    INPUT_STOPPED, /* the stop descriptor became readable */
    INPUT_CUT,     /* the same, with more of the input there */
    INPUT_FAILED,  /* it was said why */
} input_result;

typedef struct {
    int stop;
    framing framing;
    bool is_text;
    size_t block;

    uint8_t *buffer;
    size_t capacity, start, end; /* what was read and not given yet */
    size_t searched;             /* how much of it has no end of a message */
    bool has_ended;
    uint64_t number; /* messages so far, to say which one is bad */

    /* FRAMING_ONE reads a block ahead, to know which one is the last. */
    uint8_t *ahead;
    size_t ahead_size;
    bool has_ahead;
    utf8 text;
    uint64_t offset;
} input;

void input_start(input *in, const options *chosen, int stop);
void input_free(input *in);

/* The piece is valid until the next call. `*is_last`: it ends its message. */
input_result input_next(input *in, const uint8_t **data, size_t *size, bool *is_last);

#endif
