#include "talk.h"

#include "clock.h"
#include "edit.h"
#include "input.h"
#include "message.h"
#include "output.h"
#include "progress.h"
#include "report.h"
#include "screen.h"
#include "signals.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the thread that sends and the one that receives share. */
typedef struct {
    conversation *talk;
    bool is_edited;
    int stop[2];                   /* a pipe: closing its writing end stops the one that sends */
    _Atomic int64_t waits_from;    /* when the input ended, with --wait; -1 before */
    atomic_bool has_sent_messages; /* those of --message */
    bool is_amid_message;          /* fragments of it were sent, and not the last */
    atomic_bool is_input_bad;
    atomic_bool is_input_cut; /* the server closed while there was something to send */
} exchange;

/* False: there is nothing to send to any more. */
static bool send_piece(exchange *both, const void *data, size_t size, bool is_last)
{
    conversation *talk = both->talk;
    uint32_t type = both->is_amid_message ? WS_CONTINUATION : talk->options->is_binary ? WS_BINARY : WS_TEXT;
    ws_status status;
    do
        status = ws_send(talk->session, type, data, size, is_last ? 0 : WS_SEND_MORE, -1);
    while (status == WS_ERR_INTERRUPTED);
    if (status == WS_OK) {
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

    bool is_waited_for = chosen->answers > 0 || chosen->wait_ms >= 0 || !chosen->reads_input;
    if (atomic_load(&both->is_input_bad) || (goes_on && !is_waited_for)) {
        conversation_close(talk);
    } else if (chosen->wait_ms >= 0) {
        atomic_store(&both->waits_from, now_ms());
        ws_interrupt(talk->session);
    } else {
        ws_interrupt(talk->session);
    }
    return NULL;
}

typedef struct {
    uint64_t count; /* of messages shown */
    bool is_late;   /* the time of --wait is over, and --count was not reached */
    bool is_broken; /* standard output takes nothing */
} received;

/* Frees the frames. */
static void show_frames(exchange *both, received *so_far, ws_frame **frames, size_t count)
{
    const options *chosen = both->talk->options;
    for (size_t i = 0; i < count; i++) {
        bool is_message = frames[i]->type == WS_TEXT || frames[i]->type == WS_BINARY;
        bool is_wanted = chosen->answers == 0 || so_far->count < chosen->answers;
        if (!is_message) {
            control_show(chosen, frames[i]);
        } else if (is_wanted && !so_far->is_broken) {
            message_show(chosen, frames[i], both->is_edited);
            so_far->count++;
        }
        ws_frame_free(frames[i]);
    }
}

static ws_status receive_all(exchange *both, received *so_far)
{
    enum { BATCH = 64 };
    conversation *talk = both->talk;
    const options *chosen = talk->options;
    ws_frame *frames[BATCH];
    for (;;) {
        int64_t deadline = -1;
        int64_t waits_from = atomic_load(&both->waits_from);
        bool is_closing = atomic_load(&talk->is_closing);
        bool is_enough = chosen->answers > 0 && so_far->count >= chosen->answers;
        if (is_enough && !is_closing && atomic_load(&both->has_sent_messages)) {
            conversation_close(talk);
            is_closing = true;
        }
        if (waits_from >= 0 && !is_closing)
            deadline = waits_from + chosen->wait_ms;
        int64_t next = progress_show(talk->session);
        bool is_progress = next >= 0 && (deadline < 0 || next < deadline);

        size_t count = 0;
        ws_status status = conversation_receive(talk, frames, BATCH, &count, is_progress ? next : deadline);
        if (status == WS_OK) {
            show_frames(both, so_far, frames, count);
            if (!output_flush() && !so_far->is_broken) {
                so_far->is_broken = true;
                conversation_close(talk);
            }
        } else if (status == WS_ERR_TIMEOUT) {
            if (!is_progress && !is_closing) {
                so_far->is_late = chosen->answers > so_far->count;
                conversation_close(talk);
            }
        } else if (status != WS_ERR_INTERRUPTED) {
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
