/* SIGINT, SIGTERM and SIGHUP: the first one begins a clean end, the second one ends the command. */

#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>

/* From now on, before any other thread: `on_first` is called on a thread of its own. */
void signals_start(void (*on_first)(void *argument), void *argument);
void signals_stop(void);

/* Whether one has come. */
bool signals_came(void);

/* Ends the command by the signal that came, as whoever started it expects. */
void signals_die(void);

#endif
