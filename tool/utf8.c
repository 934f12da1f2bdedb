#include "utf8.h"

size_t utf8_check(utf8 *state, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = bytes[i];
        if (state->missing > 0) {
            if (byte < state->lowest || byte > state->highest)
                return i;
            state->missing--;
            state->lowest = 0x80;
            state->highest = 0xBF;
        } else if (byte >= 0x80) {
            if (byte < 0xC2 || byte > 0xF4)
                return i;
            state->missing = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
            /* no overlong forms, no surrogates, nothing above U+10FFFF */
            state->lowest = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
            state->highest = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
        }
    }
    return size;
}

bool utf8_is_whole(const utf8 *state)
{
    return state->missing == 0;
}

bool utf8_is_valid(const void *data, size_t size)
{
    utf8 state = {0};
    return utf8_check(&state, data, size) == size && utf8_is_whole(&state);
}

size_t utf8_decode(const char *text, size_t size, uint32_t *character)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
    if (length > size)
        length = size;
    *character = length == 1 ? bytes[0] : bytes[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++)
        *character = *character << 6 | (bytes[i] & 0x3Fu);
    return length;
}
