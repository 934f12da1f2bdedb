/* What people see: notes on standard error, colours, and the one line at the bottom of a terminal that is drawn again
 * behind everything else: the line being edited, or progress. */

#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stddef.h>

typedef enum { PLAIN, DIM, RED, CYAN, GREEN } colour;

/* Whether standard input, output and error are terminals; set by screen_start. */
extern bool input_is_terminal, output_is_terminal, error_is_terminal;

void screen_start(void);

/* Columns of the terminal. */
size_t screen_width(void);

/* The sequence that begins a colour on a descriptor, "" where it has none. PLAIN ends it. */
const char *screen_colour(int descriptor, colour wanted);

/* Around everything that is written to the terminal: takes the bottom line away and puts it back. */
void screen_lock(void);
void screen_unlock(void);

/* Has `draw` draw the bottom line from now on, with the lock held; NULL: there is none. `descriptor` is where it is. */
void screen_set_bottom(int descriptor, void (*draw)(void));

/* Draws the bottom line again. */
void screen_refresh(void);

/* Begins the line at the bottom anew: the cursor stands in the first column of an empty line. */
void screen_wipe_line(int descriptor);

/* "ktorws: ..." on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on standard error that begins with a sign: "* ", "> ", "< ". */
void note(char sign, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes all of it, whatever the descriptor is like. False: errno says why not. */
bool write_fully(int descriptor, const void *data, size_t size);

/* Text from elsewhere for a terminal, with control characters made visible. The caller frees it. */
char *printable(const char *text, size_t size, size_t *printable_size);

#endif
