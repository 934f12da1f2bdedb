/* The terminal's modes, and how they get back to what they were, however the command ends. */

#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>

/* Keys one by one and without echo, from standard input; signals stay keys' work. False: it cannot be done. */
bool terminal_set_keys(void);

/* The same again: after a stop the shell may have changed the modes. */
void terminal_resume(void);

/* As it was. It may be called in a signal handler. */
void terminal_restore(void);

/* A line from /dev/tty without echo, NULL if there is none. The caller wipes and frees it. */
char *terminal_ask(const char *prompt);

#endif
