#include "reconnect.h"

#include "json.h"
#include "output.h"
#include "screen.h"

#include <stdbool.h>

static int32_t tell_attempt(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested,
                            int64_t *delay_ms, void *user_data)
{
    const options *chosen = user_data;
    (void)session;
    if (suggested == 0)
        return 0;
    if (chosen->is_json) {
        json_begin("lost");
        json_string("status", ws_status_name(ws_error_status(why)));
        json_string("message", ws_error_message(why));
        json_number("attempt", attempt);
        json_ms("delay_ms", *delay_ms * 1000);
        json_end();
        output_flush();
    } else if (!chosen->is_quiet) {
        note('*', "%s; attempt %u in %.3f s", ws_error_message(why), attempt, (double)*delay_ms / 1e3);
    }
    return 1;
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
        .decide = tell_attempt,
        .user_data = chosen,
    };
    ws_config_set_reconnect(settings->config, &how);
    ws_callbacks calls = {.struct_size = sizeof calls, .on_reconnect = tell_reconnected};
    ws_config_set_callbacks(settings->config, &calls, chosen);
}
