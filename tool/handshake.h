/* The headers of the opening handshake, shown. */

#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include "memory.h"

#include <ktorws.h>

/* Both ways, on standard error; `names`: headers of the request besides the usual ones. */
void handshake_show(const ws_session *session, const strings *names);

/* The answer of a server that has refused. */
void handshake_show_refusal(const ws_error *error);

/* Those of the answer as members of a JSON object. */
void handshake_write(const ws_session *session);

#endif
