/* What the command's exit status says. ktorws.1 has the same table. */

#ifndef EXIT_STATUS_H
#define EXIT_STATUS_H

#include <ktorws.h>

typedef enum {
    ENDED_CLEANLY = 0,
    ENDED_INTERNAL = 1,
    ENDED_USAGE = 2,
    ENDED_RESOLVE = 3,
    ENDED_CONNECT = 4,
    ENDED_PROXY = 5,
    ENDED_TLS = 6,
    ENDED_CERTIFICATE = 7,
    ENDED_REFUSED = 8,
    ENDED_HANDSHAKE = 9,
    ENDED_PROTOCOL = 10,
    ENDED_ABNORMALLY = 11,
    ENDED_TIMEOUT = 12,
    ENDED_CLOSE_CODE = 13,
    ENDED_INPUT = 14,
    ENDED_OUTPUT = 15,
    ENDED_EARLY = 16,
} exit_status;

/* Of a session that could not be opened. */
exit_status exit_status_of_opening(ws_status status, const ws_error *error);

/* Of a session that has ended with `status`, with these codes. */
exit_status exit_status_of_end(ws_status status, const ws_close_info *closed);

#endif
