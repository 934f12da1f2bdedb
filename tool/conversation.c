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

void conversation_stop(conversation *talk)
{
    int64_t never = 0;
    atomic_compare_exchange_strong(&talk->stopped_ms, &never, now_ms());
    conversation_close(talk);
}

/* A server that goes on sending is given so many times the close timeout. */
enum { LONGER = 10 };
/* A thread that is elsewhere for less than that was not kept by its output. */
enum { QUICK_MS = 5 };

/* Until when the server may answer our Close. The time in which the output was not taken does not count. */
static int64_t due_ms(const conversation *talk)
{
    int64_t timeout = talk->options->close_timeout_ms;
    int64_t stopped = atomic_load(&talk->stopped_ms);
    if (stopped != 0)
        return stopped + talk->blocked_ms + timeout;
    int64_t silence = talk->heard_ms + timeout;
    int64_t most = talk->sent_ms + talk->held_ms + LONGER * timeout;
    return silence < most ? silence : most;
}

static void note_time(conversation *talk)
{
    int64_t now = now_ms();
    if (talk->left_ms != 0) {
        int64_t away = now - talk->left_ms;
        talk->held_ms += away;
        talk->blocked_ms += away >= QUICK_MS ? away : 0;
    }
    talk->heard_ms = now;
    if (talk->sent_ms == 0)
        talk->sent_ms = now;
}

/* While bytes come and go the server is there. */
static void note_bytes(conversation *talk)
{
    ws_stats numbers = {.struct_size = sizeof numbers};
    if (ws_get_stats(talk->session, &numbers) != WS_OK)
        return;
    int64_t now = now_ms();
    if (numbers.wire_sent != talk->sent_bytes) {
        talk->heard_ms = talk->sent_ms = now;
        talk->held_ms = 0;
    }
    if (numbers.wire_received != talk->received_bytes)
        talk->heard_ms = now;
    talk->sent_bytes = numbers.wire_sent;
    talk->received_bytes = numbers.wire_received;
}

ws_status conversation_receive(conversation *talk, ws_frame **frames, size_t capacity, size_t *count,
                               int64_t deadline_ms)
{
    if (atomic_load(&talk->is_closing))
        note_time(talk);
    for (;;) {
        int64_t timeout = deadline_ms < 0 ? -1 : ms_until(deadline_ms);
        bool is_closing = atomic_load(&talk->is_closing);
        if (is_closing && talk->sent_ms == 0)
            note_time(talk);
        if (is_closing && !talk->has_given_up) {
            int64_t left = ms_until(due_ms(talk));
            timeout = timeout < 0 || left < timeout ? left : timeout;
        }
        ws_status status = ws_recv_batch(talk->session, frames, capacity, count, timeout);
        if (is_closing) {
            note_bytes(talk);
            talk->left_ms = now_ms();
        }
        if (is_closing && !talk->has_given_up && ms_until(due_ms(talk)) == 0) {
            talk->has_given_up = true;
            ws_abort(talk->session);
        } else if (status == WS_ERR_TIMEOUT && deadline_ms >= 0 && ms_until(deadline_ms) == 0) {
            return status;
        }
        if (status != WS_ERR_TIMEOUT)
            return status;
    }
}

exit_status conversation_end(conversation *talk, ws_status status)
{
    /* The server has closed, or is gone: only its end of TCP may be missing. */
    if (ws_wait_closed(talk->session, talk->options->close_timeout_ms) != WS_OK)
        ws_abort(talk->session);
    talk->end = status;
    talk->closed = (ws_close_info){.struct_size = sizeof talk->closed, .reason = ""};
    ws_get_close_info(talk->session, &talk->closed);
    return talk->has_given_up ? ENDED_TIMEOUT : exit_status_of_end(status, &talk->closed);
}
