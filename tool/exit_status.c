#include "exit_status.h"

static exit_status of_status(ws_status status)
{
    switch (status) {
    case WS_OK:
    case WS_ERR_CLOSED:
        return ENDED_CLEANLY;
    case WS_ERR_URL:
    case WS_ERR_INVALID_ARGUMENT:
    case WS_ERR_UNSUPPORTED:
        return ENDED_USAGE;
    case WS_ERR_RESOLVE:
        return ENDED_RESOLVE;
    case WS_ERR_CONNECT:
        return ENDED_CONNECT;
    case WS_ERR_PROXY:
    case WS_ERR_PROXY_AUTH:
        return ENDED_PROXY;
    case WS_ERR_TLS:
        return ENDED_TLS;
    case WS_ERR_TLS_CERTIFICATE:
        return ENDED_CERTIFICATE;
    case WS_ERR_HANDSHAKE_STATUS:
    case WS_ERR_TOO_MANY_REDIRECTS:
        return ENDED_REFUSED;
    case WS_ERR_HANDSHAKE_INVALID:
        return ENDED_HANDSHAKE;
    case WS_ERR_PROTOCOL:
    case WS_ERR_UTF8:
    case WS_ERR_FRAME_TOO_BIG:
    case WS_ERR_MESSAGE_TOO_BIG:
    case WS_ERR_EXTENSION:
    case WS_ERR_COMPRESSION:
        return ENDED_PROTOCOL;
    case WS_ERR_CLOSED_ABNORMALLY:
    case WS_ERR_PING_TIMEOUT:
    case WS_ERR_IDLE_TIMEOUT:
    case WS_ERR_IO:
    case WS_ERR_ABORTED:
        return ENDED_ABNORMALLY;
    case WS_ERR_TIMEOUT:
        return ENDED_TIMEOUT;
    default:
        return ENDED_INTERNAL;
    }
}

exit_status exit_status_of_opening(ws_status status, const ws_error *error)
{
    if (status != WS_ERR_IO)
        return of_status(status);
    /* A server that hangs up does not speak what was expected of it. */
    switch (ws_error_phase(error)) {
    case WS_PHASE_TLS:
        return ENDED_TLS;
    case WS_PHASE_HANDSHAKE:
        return ENDED_HANDSHAKE;
    default:
        return ENDED_CONNECT;
    }
}

exit_status exit_status_of_end(ws_status status, const ws_close_info *closed)
{
    if (status != WS_ERR_CLOSED)
        return of_status(status);
    switch (closed->remote_code) {
    case WS_CLOSE_NORMAL:
    case WS_CLOSE_GOING_AWAY:
    case WS_CLOSE_NO_STATUS:
        return ENDED_CLEANLY;
    default:
        /* A server that answers our Close says the same code. */
        if (closed->initiator == WS_CLOSED_BY_LOCAL && closed->remote_code == closed->local_code)
            return ENDED_CLEANLY;
        return ENDED_CLOSE_CODE;
    }
}
