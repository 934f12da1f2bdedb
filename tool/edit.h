/* A line at the bottom of the terminal to type in, while messages come in above it. */

#ifndef EDIT_H
#define EDIT_H

#include <stdbool.h>
#include <stddef.h>

/* False: the terminal is not one to edit on. */
bool edit_start(void);
void edit_end(void);

/* The next line, valid UTF-8 without its end and valid until the next call. NULL at the end of the input, or when
 * `stop` became readable. */
const char *edit_next(int stop, size_t *size);

#endif
