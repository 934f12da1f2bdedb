/* ktorws: a WebSocket client for the shell. See ktorws.1. */

#include "conversation.h"
#include "latency.h"
#include "output.h"
#include "reconnect.h"
#include "report.h"
#include "screen.h"
#include "signals.h"
#include "talk.h"
#include "throughput.h"

#include <locale.h>
#include <pthread.h>

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

/* The first Ctrl-C. */
static void begin_end(void *argument)
{
    conversation *talk = argument;
    const options *chosen = talk->options;
    pthread_mutex_lock(&opening);
    if (talk->session != NULL && error_is_terminal && !chosen->is_quiet && !chosen->is_json)
        note('*', "closing; once more ends at once");
    if (talk->session != NULL)
        conversation_stop(talk);
    else
        ws_config_interrupt(talk->options->connection.config);
    pthread_mutex_unlock(&opening);
}

static void print_log(uint32_t level, uint64_t session_id, const char *message, void *user_data)
{
    (void)level;
    (void)session_id;
    (void)user_data;
    note('#', "%s", message);
}

static void configure(options *chosen)
{
    ws_config *config = chosen->connection.config;
    /* conversation_receive has the close timeout: a reader of standard output that is slow must not run into it. */
    ws_config_set_close_timeout_ms(config, -1);
    if (chosen->mode == MODE_LATENCY)
        ws_config_set_deliver_control(config, WS_CONTROL_PONG);
    else if (chosen->mode == MODE_TALK && chosen->shows_control)
        ws_config_set_deliver_control(config, WS_CONTROL_PING | WS_CONTROL_PONG | WS_CONTROL_CLOSE);
    else if (chosen->mode == MODE_TALK && chosen->is_json)
        ws_config_set_deliver_control(config, WS_CONTROL_PING | WS_CONTROL_PONG);
    reconnect_install(chosen);
    if (chosen->verbosity > 1)
        ws_set_log_callback(WS_LOG_DEBUG, print_log, NULL);
}

static exit_status open_session(conversation *talk)
{
    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(talk->options->url, talk->options->connection.config, &session, &error);
    pthread_mutex_lock(&opening);
    talk->session = session;
    pthread_mutex_unlock(&opening);
    if (status != WS_OK) {
        if (status == WS_ERR_INTERRUPTED && signals_came())
            signals_die();
        report_failure(talk->options, error);
        exit_status result = exit_status_of_opening(status, error);
        ws_error_free(error);
        return output_flush() ? result : ENDED_OUTPUT;
    }
    report_opened(talk->options, session);
    output_flush();
    if (signals_came())
        conversation_stop(talk);
    return ENDED_CLEANLY;
}

static exit_status run(conversation *talk)
{
    exit_status result = open_session(talk);
    if (result != ENDED_CLEANLY)
        return result;
    switch (talk->options->mode) {
    case MODE_LATENCY:
        return latency_run(talk);
    case MODE_THROUGHPUT:
        return throughput_run(talk);
    default:
        return talk_run(talk);
    }
}

int main(int argc, char **argv)
{
    static options chosen;
    static conversation talk;
    setlocale(LC_CTYPE, "");
    screen_start();
    options_parse(&chosen, argc, argv);
    configure(&chosen);
    talk.options = &chosen;
    signals_start(begin_end, &talk);
    exit_status result = run(&talk);
    /* signals come to an end before what they use */
    signals_stop();
    ws_session_free(talk.session);
    /* No thread uses the options any more after this. */
    ws_shutdown(1000);
    options_free(&chosen);
    return result;
}
