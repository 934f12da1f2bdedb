/* Messages of text: lines of a file. */

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct texts load_texts(const char *name, size_t size)
{
    FILE *file = fopen(name, "rb");
    if (file == NULL)
        fail("no file %s", name);
    struct texts texts = {.size = size, .count = 0, .lines = NULL};
    size_t length = 0;
    size_t capacity = 0;
    for (;;) {
        if (capacity - length < size) {
            capacity = capacity * 2 + size;
            texts.lines = realloc(texts.lines, capacity);
            if (texts.lines == NULL)
                fail("no memory");
        }
        size_t more = fread(texts.lines + length, 1, capacity - length, file);
        if (more == 0)
            break;
        length += more;
    }
    fclose(file);
    texts.count = length / (size + 1);
    if (texts.count == 0)
        fail("%s has no message of %zu bytes", name, size);
    for (size_t i = 0; i < texts.count; i++)
        if (memchr(text_at(&texts, i), '\n', size + 1) != text_at(&texts, i) + size)
            fail("a line of %s is not %zu bytes long", name, size);
    return texts;
}

const uint8_t *text_at(const struct texts *texts, size_t index)
{
    return texts->lines + index % texts->count * (texts->size + 1);
}
