/* Standard output, buffered, for several threads. */

#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Around what belongs together. On a terminal they also take the bottom line away and put it back. */
void output_begin(void);
void output_end(void);

/* Between the two. Errors are kept: output_flush returns them. */
void output_write(const void *data, size_t size);
void output_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Everything out, waiting as long as the reader takes. False once something could not be written. */
bool output_flush(void);

/* The errno of what could not be written, 0 if all could. */
int output_error(void);

#endif
