#include "talk.h"

#include "clock.h"
#include "edit.h"
#include "input.h"
#include "message.h"
#include "output.h"
#include "progress.h"
#include "reconnect.h"
#include "report.h"
#include "screen.h"
#include "signals.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* At the end of the input, without --count and --wait, the next answer is waited for so long. */
enum { ANSWER_MS = 1000 };

/* What the thread that sends and the one that receives share. */
typedef struct {
    conversation *talk;
    bool is_edited;
    int stop[2];                   /* a pipe: closing its writing end stops the one that sends */
    _Atomic int64_t waits_from;    /* when the input ended, and its answers are waited for; -1 before */
    _Atomic uint64_t sent;         /* messages */
    atomic_bool has_sent_messages; /* those of --message */
    bool is_amid_message;          /* fragments of it were sent, and not the last */
    atomic_bool is_input_bad;
    atomic_bool is_input_cut; /* the server closed while there was something to send */
} exchange;

/* False: there is nothing to send to any more. */
static bool send_piece(exchange *both, const void *data, size_t size, bool is_last)
{
    conversation *talk = both->talk;
    uint32_t type = both->is_amid_message      ? WS_FRAME_CONTINUATION
                    : talk->options->is_binary ? WS_FRAME_BINARY
                                               : WS_FRAME_TEXT;
    ws_status status;
    do
        status = ws_send(talk->session, type, data, size, is_last ? 0 : WS_SEND_MORE, -1);
    while (status == WS_ERR_INTERRUPTED);
    if (status == WS_OK) {
        both->sent += is_last;
        both->is_amid_message = !is_last;
        return true;
    }
    if (status == WS_ERR_CLOSED && !atomic_load(&talk->is_closing))
        atomic_store(&both->is_input_cut, true);
    return false;
}

static bool send_messages(exchange *both)
{
    const strings *messages = &both->talk->options->messages;
    for (size_t i = 0; i < messages->count; i++) {
        if (!send_piece(both, messages->items[i], strlen(messages->items[i]), true))
            return false;
    }
    return true;
}

static bool send_lines(exchange *both)
{
    size_t size;
    const char *line;
    while ((line = edit_next(both->stop[0], &size)) != NULL) {
        if (!send_piece(both, line, size, true))
            return false;
    }
    return true;
}

static bool send_input(exchange *both)
{
    input in;
    input_start(&in, both->talk->options, both->stop[0]);
    bool goes_on = true;
    const uint8_t *data;
    size_t size;
    bool is_last;
    input_result result = INPUT_PIECE;
    while (goes_on && (result = input_next(&in, &data, &size, &is_last)) != INPUT_END) {
        if (result == INPUT_PIECE)
            goes_on = send_piece(both, data, size, is_last);
        else if (result != INPUT_BAD || !input_is_terminal)
            goes_on = false;
    }
    input_free(&in);
    if (result == INPUT_CUT && !atomic_load(&both->talk->is_closing))
        atomic_store(&both->is_input_cut, true);
    if (result == INPUT_FAILED || (result == INPUT_BAD && !goes_on))
        atomic_store(&both->is_input_bad, true);
    return goes_on;
}

static void *send_all(void *argument)
{
    exchange *both = argument;
    conversation *talk = both->talk;
    const options *chosen = talk->options;
    bool goes_on = send_messages(both);
    atomic_store(&both->has_sent_messages, true);
    if (goes_on && chosen->messages.count == 0 && chosen->reads_input)
        goes_on = both->is_edited ? send_lines(both) : send_input(both);

    bool is_answered = goes_on && chosen->answers == 0 && chosen->reads_input;
    if (atomic_load(&both->is_input_bad)) {
        conversation_close(talk);
    } else {
        if (chosen->wait_ms >= 0 || is_answered)
            atomic_store(&both->waits_from, now_ms());
        ws_interrupt(talk->session);
    }
    return NULL;
}

typedef struct {
    uint64_t count;  /* of messages shown */
    bool is_late;    /* the time of --wait is over, and --count was not reached */
    bool is_broken;  /* standard output takes nothing */
    int64_t last_ms; /* when messages last came */
    /* --count is reached: when something of --message was last sent, and how much had been */
    int64_t sent_ms;
    uint64_t sent_bytes;
} received;

/* Frees the frames. */
static void show_frames(exchange *both, received *so_far, ws_frame **frames, size_t count)
{
    const options *chosen = both->talk->options;
    for (size_t i = 0; i < count; i++) {
        bool is_message = frames[i]->type == WS_FRAME_TEXT || frames[i]->type == WS_FRAME_BINARY;
        bool is_wanted = chosen->answers == 0 || so_far->count < chosen->answers;
        if (frames[i]->type == WS_FRAME_RESUMED) {
            reconnect_tell(chosen);
        } else if (!is_message) {
            control_show(chosen, frames[i]);
        } else if (is_wanted && !so_far->is_broken) {
            message_show(chosen, frames[i], both->is_edited);
            so_far->count++;
            so_far->last_ms = now_ms();
        }
        ws_frame_free(frames[i]);
    }
}

/* Until when messages are waited for, -1 as long as it takes. */
static int64_t waits_until(exchange *both, const received *so_far)
{
    const options *chosen = both->talk->options;
    int64_t from = atomic_load(&both->waits_from);
    if (from < 0)
        return -1;
    if (chosen->wait_ms >= 0)
        return from + chosen->wait_ms;
    if (so_far->count >= both->sent)
        return from;
    return (so_far->last_ms > from ? so_far->last_ms : from) + ANSWER_MS;
}

/* With --count reached: the deadline for the server to take the rest of the messages of --message. */
static int64_t takes_until(exchange *both, received *so_far)
{
    ws_stats numbers = {.struct_size = sizeof numbers};
    ws_get_stats(both->talk->session, &numbers);
    if (so_far->sent_ms == 0 || numbers.wire_sent != so_far->sent_bytes)
        so_far->sent_ms = now_ms();
    so_far->sent_bytes = numbers.wire_sent;
    return so_far->sent_ms + both->talk->options->close_timeout_ms;
}

/* Closes when what is waited for has come, or its time is over; else says when that will be, -1 for never. */
static int64_t close_in_time(exchange *both, received *so_far)
{
    conversation *talk = both->talk;
    const options *chosen = talk->options;
    if (atomic_load(&talk->is_closing))
        return -1;
    if (chosen->answers > 0 && so_far->count >= chosen->answers) {
        int64_t until = takes_until(both, so_far);
        if (!atomic_load(&both->has_sent_messages) && ms_until(until) > 0)
            return until;
        conversation_stop(talk);
        return -1;
    }
    int64_t until = waits_until(both, so_far);
    if (until < 0 || ms_until(until) > 0)
        return until;
    so_far->is_late = chosen->answers > so_far->count;
    if (chosen->wait_ms >= 0)
        conversation_stop(talk);
    else
        conversation_close(talk);
    return -1;
}

static ws_status receive_all(exchange *both, received *so_far)
{
    enum { BATCH = 64 };
    conversation *talk = both->talk;
    ws_frame *frames[BATCH];
    for (;;) {
        int64_t deadline = close_in_time(both, so_far);
        int64_t next = progress_show(talk->session);
        if (next >= 0 && (deadline < 0 || next < deadline))
            deadline = next;
        size_t count = 0;
        ws_status status = conversation_receive(talk, frames, BATCH, &count, deadline);
        if (status == WS_OK) {
            show_frames(both, so_far, frames, count);
            if (!output_flush() && !so_far->is_broken) {
                so_far->is_broken = true;
                conversation_stop(talk);
            }
        } else if (status != WS_ERR_TIMEOUT && status != WS_ERR_INTERRUPTED) {
            return status;
        }
    }
}

static exit_status judge(exchange *both, const received *so_far, exit_status result)
{
    const options *chosen = both->talk->options;
    if (so_far->is_broken) {
        /* A reader that has enough, like head, is nothing to complain of. */
        if (output_error() != EPIPE)
            complain("cannot write to standard output: %s", strerror(output_error()));
        return ENDED_OUTPUT;
    }
    if (atomic_load(&both->is_input_bad))
        return ENDED_INPUT;
    if (so_far->is_late) {
        report_problem(chosen, "%" PRIu64 " of %" PRIu64 " messages have come in time", so_far->count, chosen->answers);
        return ENDED_TIMEOUT;
    }
    if (result != ENDED_CLEANLY || signals_came())
        return result;
    if (atomic_load(&both->is_input_cut)) {
        report_problem(chosen, "the server closed before all of the input was sent");
        return ENDED_EARLY;
    }
    if (so_far->count < chosen->answers) {
        report_problem(chosen, "the server closed after %" PRIu64 " of %" PRIu64 " messages", so_far->count,
                       chosen->answers);
        return ENDED_EARLY;
    }
    return result;
}

exit_status talk_run(conversation *talk)
{
    const options *chosen = talk->options;
    exchange both = {.talk = talk, .waits_from = -1};
    pthread_t sender;
    if (pipe(both.stop) != 0) {
        complain("cannot make a pipe: %s", strerror(errno));
        return ENDED_INTERNAL;
    }
    both.is_edited =
        chosen->messages.count == 0 && chosen->reads_input && chosen->framing == FRAMING_LINES && edit_start();
    int failure = pthread_create(&sender, NULL, send_all, &both);
    if (failure != 0) {
        complain("cannot start a thread: %s", strerror(failure));
        return ENDED_INTERNAL;
    }
    progress_start(chosen);

    received so_far = {0};
    ws_status status = receive_all(&both, &so_far);
    close(both.stop[1]);
    pthread_join(sender, NULL);
    close(both.stop[0]);
    progress_end();
    if (both.is_edited)
        edit_end();
    exit_status result = conversation_end(talk, status);
    result = judge(&both, &so_far, result);
    report_end(talk);
    return output_flush() || so_far.is_broken ? result : ENDED_OUTPUT;
}
