/* How far a large transfer is, at the bottom of a terminal while standard output goes elsewhere. */

#ifndef PROGRESS_H
#define PROGRESS_H

#include "options.h"

#include <ktorws.h>
#include <stdint.h>

void progress_start(const options *chosen);
void progress_end(void);

/* Draws it if it is time to. Returns when it will be again, -1 for never. */
int64_t progress_show(const ws_session *session);

/* "1.2 MB" and the like; valid until the next call but three. One thread. */
const char *readable_size(double bytes);

#endif
