/* --reconnect, and what is told of it. */

#ifndef RECONNECT_H
#define RECONNECT_H

#include "options.h"

/* Sets the configuration; `chosen` has to outlive its sessions. */
void reconnect_install(options *chosen);

#endif
