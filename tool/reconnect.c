#include "reconnect.h"

#include "clock.h"
#include "json.h"
#include "numbers.h"
#include "output.h"
#include "screen.h"

#include <stdio.h>

static void tell_attempt(const options *chosen, const ws_error *why, uint32_t attempt, int64_t delay_ms)
{
    if (chosen->is_json) {
        json_begin("lost");
        json_string("status", ws_status_name(ws_error_status(why)));
        json_string("message", ws_error_message(why));
        json_number("attempt", attempt);
        json_ms("delay_ms", delay_ms * 1000);
        json_end();
        output_flush();
    } else if (!chosen->is_quiet) {
        note('*', "%s; attempt %u in %.3f s", ws_error_message(why), attempt, (double)delay_ms / 1e3);
    }
}

/* A server that has closed with 1000, or without a code, may have something again later. */
static bool is_ordinary_close(const ws_error *why)
{
    unsigned code;
    return ws_error_status(why) == WS_ERR_CLOSED &&
           sscanf(ws_error_message(why), "the server closed the session with code %u", &code) == 1 &&
           (code == 0 || code == WS_CLOSE_NORMAL);
}

static int32_t decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
                      void *user_data)
{
    (void)session;
    if (suggested == 0 && !is_ordinary_close(why))
        return 0;
    tell_attempt(user_data, why, attempt, *delay_ms);
    return 1;
}

static bool may_pass(const ws_error *error)
{
    switch (ws_error_http_status(error)) {
    case 0:
        break;
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
    switch (ws_error_status(error)) {
    case WS_ERR_RESOLVE:
    case WS_ERR_CONNECT:
    case WS_ERR_PROXY:
    case WS_ERR_TIMEOUT:
    case WS_ERR_IO:
        return true;
    default:
        return false;
    }
}

/* Milliseconds that the server asks to be left alone. */
static int64_t retry_after(const ws_error *error)
{
    enum { MOST_S = 300 };
    const char *value = ws_error_http_header(error, "Retry-After", 0);
    uint64_t seconds;
    if (value == NULL || !parse_count(value, 0, UINT64_MAX, &seconds))
        return 0;
    return (int64_t)(seconds < MOST_S ? seconds : MOST_S) * 1000;
}

bool reconnect_opening(const options *chosen, const ws_error *error, uint32_t attempt, int64_t *delay_ms)
{
    enum { FIRST_MS = 500, MOST_MS = 30000, DOUBLINGS = 6 };
    const connection *settings = &chosen->connection;
    if (!settings->reconnects || !may_pass(error) ||
        (settings->reconnect_attempts > 0 && attempt > settings->reconnect_attempts))
        return false;
    int64_t full = (int64_t)FIRST_MS << (attempt - 1 < DOUBLINGS ? attempt - 1 : DOUBLINGS);
    full = full < MOST_MS ? full : MOST_MS;
    /* Clients that were lost together do not come back together. */
    int64_t own = full / 2 + now_us() % (full / 2);
    int64_t asked = retry_after(error);
    *delay_ms = asked > own ? asked : own;
    tell_attempt(chosen, error, attempt, *delay_ms);
    return true;
}

static void tell_reconnected(ws_session *session, const ws_error *lost, void *user_data)
{
    const options *chosen = user_data;
    (void)session;
    (void)lost;
    if (chosen->is_json) {
        json_begin("reconnected");
        json_end();
        output_flush();
    } else if (!chosen->is_quiet) {
        note('*', "connected again");
    }
}

void reconnect_install(options *chosen)
{
    connection *settings = &chosen->connection;
    if (!settings->reconnects)
        return;
    ws_reconnect_options how = {
        .struct_size = sizeof how,
        .max_attempts = settings->reconnect_attempts,
        .flags = WS_RECONNECT_KEEP_UNSENT,
        .decide = decide,
        .user_data = chosen,
    };
    ws_config_set_reconnect(settings->config, &how);
    ws_callbacks calls = {.struct_size = sizeof calls, .on_reconnect = tell_reconnected};
    ws_config_set_callbacks(settings->config, &calls, chosen);
}
