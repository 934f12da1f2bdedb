/* The terminal's modes, and how they get back to what they were, however the command ends. */

#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>

/* Keys one by one and without echo, from standard input; signals stay keys' work. False: it cannot be done. */
bool terminal_set_keys(void);

/* As it was, for as long as the command is stopped, and as it was set again. */
void terminal_pause(void);
void terminal_resume(void);

/* As it was. It may be called in a signal handler. */
void terminal_restore(void);

/* A handler that does so and lets the signal do what it would have done. */
void terminal_die(int number);

/* A line from /dev/tty without echo, NULL if there is none. The caller wipes and frees it. */
char *terminal_ask(const char *prompt);

#endif
