/* The headers of the opening handshake, shown. */

#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include <ktorws.h>

/* Both ways, on standard error. */
void handshake_show(const ws_session *session);

/* The answer of a server that has refused. */
void handshake_show_refusal(const ws_error *error);

/* Those of the answer as members of a JSON object. */
void handshake_write(const ws_session *session);

#endif
