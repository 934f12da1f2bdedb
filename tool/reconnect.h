/* --reconnect, and what is told of it. */

#ifndef RECONNECT_H
#define RECONNECT_H

#include "options.h"

/* Sets the configuration; `chosen` has to outlive its sessions. */
void reconnect_install(options *chosen);

/* Says that there is another connection; for WS_FRAME_RESUMED. */
void reconnect_tell(const options *chosen);

#endif
