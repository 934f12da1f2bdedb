#include "memory.h"

#include "exit_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *resize(void *memory, size_t size)
{
    void *grown = realloc(memory, size > 0 ? size : 1);
    if (grown == NULL) {
        fputs("ktorws: no memory\n", stderr);
        exit(ENDED_INTERNAL);
    }
    return grown;
}

char *copy_text(const char *text, size_t length)
{
    char *copy = resize(NULL, length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void strings_add(strings *list, const char *text)
{
    list->items = resize(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = copy_text(text, strlen(text));
}

void strings_free(strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (strings){0};
}
