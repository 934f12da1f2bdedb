/* The options of --deflate. */

#ifndef DEFLATE_H
#define DEFLATE_H

#include <ktorws.h>

/* "level=9,client_max_window_bits=10,...", changed by reading it; NULL for the defaults. */
void deflate_install(ws_config *config, char *text);

#endif
