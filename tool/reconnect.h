/* --reconnect, and what is told of it. */

#ifndef RECONNECT_H
#define RECONNECT_H

#include "options.h"

/* Whether to try again after the first opening has failed, which the library leaves to its caller: says so, and in
 * `*delay_ms` when. `attempt` counts from 1. */
bool reconnect_opening(const options *chosen, const ws_error *error, uint32_t attempt, int64_t *delay_ms);

/* Sets the configuration; `chosen` has to outlive its sessions. */
void reconnect_install(options *chosen);

#endif
