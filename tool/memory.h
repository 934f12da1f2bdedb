/* Memory that is there, or the end of the command. */

#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

/* As realloc. */
void *resize(void *memory, size_t size);

/* A copy of the `length` bytes at `text`, with a NUL behind it. */
char *copy_text(const char *text, size_t length);

typedef struct {
    char **items;
    size_t count;
} strings;

/* The strings are the list's, the text is copied. */
void strings_add(strings *list, const char *text);
void strings_free(strings *list);

#endif
