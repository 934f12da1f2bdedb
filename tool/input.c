#include "input.h"

#include "memory.h"
#include "screen.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void input_start(input *in, const options *chosen, int stop)
{
    *in = (input){
        .stop = stop,
        .framing = chosen->framing,
        .is_text = !chosen->is_binary,
        .block = chosen->block,
    };
}

void input_free(input *in)
{
    free(in->buffer);
    free(in->ahead);
}

/* Reads up to `size` bytes, waiting for the first. INPUT_PIECE: `*got` is not 0. */
static input_result read_some(input *in, uint8_t *into, size_t size, size_t *got)
{
    *got = 0;
    if (in->has_ended)
        return INPUT_END;
    for (;;) {
        struct pollfd waiting[] = {{.fd = in->stop, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
        if (poll(waiting, 2, -1) < 0 && errno != EINTR)
            break;
        bool is_stopped = waiting[0].revents != 0;
        if (is_stopped && waiting[1].revents == 0)
            return INPUT_STOPPED;
        ssize_t count = read(STDIN_FILENO, into, size);
        if (count > 0 && is_stopped)
            return INPUT_CUT;
        if (count > 0) {
            *got = (size_t)count;
            return INPUT_PIECE;
        }
        if (count == 0) {
            in->has_ended = true;
            return INPUT_END;
        }
        if (errno != EINTR && errno != EAGAIN)
            break;
    }
    complain("cannot read standard input: %s", strerror(errno));
    return INPUT_FAILED;
}

/* Reads on behind what is in the buffer. */
static input_result fill(input *in)
{
    if (in->start > 0) {
        memmove(in->buffer, in->buffer + in->start, in->end - in->start);
        in->end -= in->start;
        in->start = 0;
    }
    if (in->capacity - in->end < in->block) {
        in->capacity = in->capacity * 2 + in->block;
        in->buffer = resize(in->buffer, in->capacity);
    }
    size_t got;
    input_result result = read_some(in, in->buffer + in->end, in->capacity - in->end, &got);
    in->end += got;
    return result;
}

static input_result give(input *in, const uint8_t *data, size_t size)
{
    in->number++;
    if (!in->is_text)
        return INPUT_PIECE;
    utf8 state = {0};
    size_t good = utf8_check(&state, data, size);
    if (good == size && utf8_is_whole(&state))
        return INPUT_PIECE;
    const char *kind = in->framing == FRAMING_LINES ? "line" : "message";
    if (good < size)
        complain("standard input: %s %" PRIu64 " is not UTF-8: byte %zu is 0x%02x", kind, in->number, good + 1,
                 data[good]);
    else
        complain("standard input: %s %" PRIu64 " is not UTF-8: it ends inside a character", kind, in->number);
    return INPUT_BAD;
}

static input_result next_separated(input *in, const uint8_t **data, size_t *size)
{
    int separator = in->framing == FRAMING_LINES ? '\n' : '\0';
    for (;;) {
        uint8_t *from = in->buffer + in->start;
        size_t length = in->end - in->start;
        uint8_t *end = length == in->searched ? NULL : memchr(from + in->searched, separator, length - in->searched);
        if (end != NULL) {
            *size = (size_t)(end - from);
            in->start += *size + 1;
            in->searched = 0;
            *data = from;
            return give(in, from, *size);
        }
        in->searched = length;
        input_result result = fill(in);
        if (result == INPUT_END && length > 0) {
            /* the last one may go without */
            *data = in->buffer + in->start;
            *size = length;
            in->start = in->end;
            in->searched = 0;
            return give(in, *data, *size);
        }
        if (result != INPUT_PIECE)
            return result;
    }
}

static input_result next_prefixed(input *in, const uint8_t **data, size_t *size)
{
    for (;;) {
        const uint8_t *from = in->buffer + in->start;
        size_t length = in->end - in->start;
        if (length >= 4) {
            size_t announced = (size_t)from[0] << 24 | (size_t)from[1] << 16 | (size_t)from[2] << 8 | from[3];
            if (length - 4 >= announced) {
                in->start += 4 + announced;
                *data = from + 4;
                *size = announced;
                return give(in, *data, *size);
            }
        }
        input_result result = fill(in);
        if (result == INPUT_END && length > 0) {
            complain("standard input ends inside message %" PRIu64, in->number + 1);
            return INPUT_FAILED;
        }
        if (result != INPUT_PIECE)
            return result;
    }
}

static input_result next_block(input *in, const uint8_t **data, size_t *size)
{
    if (in->buffer == NULL)
        in->buffer = resize(NULL, in->block);
    *data = in->buffer;
    return read_some(in, in->buffer, in->block, size);
}

/* Text that is cut anywhere is checked as a whole. */
static input_result check_part(input *in, const uint8_t *data, size_t size, bool is_last)
{
    if (!in->is_text)
        return INPUT_PIECE;
    size_t good = utf8_check(&in->text, data, size);
    if (good < size) {
        complain("standard input is not UTF-8: byte %" PRIu64 " is 0x%02x", in->offset + good + 1, data[good]);
        return INPUT_FAILED;
    }
    in->offset += size;
    if (is_last && !utf8_is_whole(&in->text)) {
        complain("standard input is not UTF-8: it ends inside a character");
        return INPUT_FAILED;
    }
    return INPUT_PIECE;
}

static input_result next_part(input *in, const uint8_t **data, size_t *size, bool *is_last)
{
    if (in->number > 0)
        return INPUT_END;
    if (in->buffer == NULL) {
        in->buffer = resize(NULL, in->block);
        in->ahead = resize(NULL, in->block);
    }
    input_result result = INPUT_PIECE;
    if (!in->has_ahead) {
        result = read_some(in, in->ahead, in->block, &in->ahead_size);
        in->has_ahead = true;
    }
    uint8_t *given = in->ahead;
    *data = given;
    *size = in->ahead_size;
    if (result == INPUT_PIECE) {
        in->ahead = in->buffer;
        in->buffer = given;
        result = read_some(in, in->ahead, in->block, &in->ahead_size);
    }
    if (result != INPUT_PIECE && result != INPUT_END)
        return result;
    *is_last = result == INPUT_END;
    in->number = *is_last ? 1 : 0;
    return check_part(in, *data, *size, *is_last);
}

input_result input_next(input *in, const uint8_t **data, size_t *size, bool *is_last)
{
    *is_last = true;
    switch (in->framing) {
    case FRAMING_LENGTH:
        return next_prefixed(in, data, size);
    case FRAMING_BLOCKS:
        return next_block(in, data, size);
    case FRAMING_ONE:
        return next_part(in, data, size, is_last);
    default:
        return next_separated(in, data, size);
    }
}
