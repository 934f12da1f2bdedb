#include "reconnect.h"

#include "json.h"
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

void reconnect_tell(const options *chosen)
{
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
        .flags = WS_RECONNECT_KEEP_UNSENT | WS_RECONNECT_FIRST,
        .decide = decide,
        .user_data = chosen,
    };
    ws_config_set_reconnect(settings->config, &how);
    ws_config_set_deliver_events(settings->config, WS_EVENT_RESUMED);
}
