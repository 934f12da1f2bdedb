#include "conversation.h"

#include "clock.h"

void conversation_close(conversation *talk)
{
    const options *chosen = talk->options;
    /* first, for the thread that finds that it cannot send any more */
    atomic_store(&talk->is_closing, true);
    ws_close(talk->session, chosen->close_code, chosen->close_reason, WS_NUL_TERMINATED);
    /* whoever receives looks at its deadlines again */
    ws_interrupt(talk->session);
}

/* The bytes of all that was sent and received: while they grow the server is there. */
static uint64_t bytes_so_far(const ws_session *session)
{
    ws_statistics numbers = {.struct_size = sizeof numbers};
    return ws_stats(session, &numbers) == WS_OK ? numbers.wire_sent + numbers.wire_received : 0;
}

/* Whether the server was silent for too long. */
static bool is_silent(conversation *talk)
{
    uint64_t bytes = bytes_so_far(talk->session);
    if (bytes != talk->heard_bytes) {
        talk->heard_bytes = bytes;
        talk->heard_ms = now_ms();
    }
    return ms_until(talk->heard_ms + talk->options->close_timeout_ms) == 0;
}

ws_status conversation_receive(conversation *talk, ws_frame **frames, size_t capacity, size_t *count,
                               int64_t deadline_ms)
{
    /* The time in which the output was not taken does not count against the server. */
    talk->heard_ms = now_ms();
    for (;;) {
        int64_t timeout = deadline_ms < 0 ? -1 : ms_until(deadline_ms);
        if (atomic_load(&talk->is_closing)) {
            int64_t silence = ms_until(talk->heard_ms + talk->options->close_timeout_ms);
            if (timeout < 0 || silence < timeout)
                timeout = silence;
        }
        ws_status status = ws_recv_batch(talk->session, frames, capacity, count, timeout);
        if (status != WS_ERR_TIMEOUT)
            return status;
        if (atomic_load(&talk->is_closing) && !talk->has_given_up && is_silent(talk)) {
            talk->has_given_up = true;
            ws_abort(talk->session);
            continue;
        }
        if (deadline_ms >= 0 && ms_until(deadline_ms) == 0)
            return WS_ERR_TIMEOUT;
    }
}

exit_status conversation_end(conversation *talk, ws_status status)
{
    /* The server has closed, or is gone: only its end of TCP may be missing. */
    if (ws_wait_closed(talk->session, talk->options->close_timeout_ms) != WS_OK)
        ws_abort(talk->session);
    talk->end = status;
    talk->closed = (ws_close_reason){.struct_size = sizeof talk->closed, .reason = ""};
    ws_close_info(talk->session, &talk->closed);
    return talk->has_given_up ? ENDED_TIMEOUT : exit_status_of_end(status, &talk->closed);
}
