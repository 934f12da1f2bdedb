#include "throughput.h"

#include "clock.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "progress.h"
#include "reconnect.h"
#include "report.h"
#include "screen.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often the rate is shown, and how long the last echoes may be silent. */
enum { PERIOD_MS = 1000, SILENCE_MS = 5000 };

typedef struct {
    conversation *talk;
    uint8_t *block; /* what every message holds, but for its number in front */
    int64_t stops_ms;
    _Atomic uint64_t sent;
    atomic_bool has_stopped;
    uint64_t echoed;
    bool is_other; /* something else than our message came back */
    char line[128];
} load;

static load *shown;

static void draw(void)
{
    size_t width = screen_width() - 1;
    size_t length = strlen(shown->line);
    write_fully(STDERR_FILENO, shown->line, length < width ? length : width);
}

/* Bytes that do not shrink, so that compression shows what it costs at worst. */
static uint8_t *make_block(size_t size)
{
    uint8_t *block = resize(NULL, size);
    uint64_t state = 0x9E3779B97F4A7C15;
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        block[i] = (uint8_t)(state >> 32);
    }
    return block;
}

static size_t number_size(size_t block)
{
    return block < sizeof(uint64_t) ? block : sizeof(uint64_t);
}

static void *send_blocks(void *argument)
{
    load *all = argument;
    size_t size = all->talk->options->block;
    uint8_t *message = resize(NULL, size);
    memcpy(message, all->block, size);
    while (ms_until(all->stops_ms) > 0 && !atomic_load(&all->talk->is_closing)) {
        uint64_t number = atomic_load(&all->sent);
        memcpy(message, &number, number_size(size));
        ws_status status = ws_send(all->talk->session, WS_FRAME_BINARY, message, size, 0, ms_until(all->stops_ms));
        if (status == WS_OK)
            atomic_store(&all->sent, number + 1);
        else if (status != WS_ERR_INTERRUPTED)
            break;
    }
    free(message);
    atomic_store(&all->has_stopped, true);
    ws_interrupt(all->talk->session);
    return NULL;
}

/* A text may be a greeting; a binary message has to be ours. */
static void take_frame(load *all, const ws_frame *frame)
{
    size_t size = all->talk->options->block;
    if (frame->type == WS_FRAME_RESUMED)
        reconnect_tell(all->talk->options);
    if (frame->type != WS_FRAME_BINARY)
        return;
    size_t prefix = number_size(size);
    if (frame->size != size || memcmp(frame->data, &all->echoed, prefix) != 0 ||
        memcmp(frame->data + prefix, all->block + prefix, size - prefix) != 0)
        all->is_other = true;
    else
        all->echoed++;
}

static void show_rate(load *all, uint64_t messages, int64_t us)
{
    double seconds = (double)(us > 0 ? us : 1) / 1e6;
    double bytes = (double)messages * (double)all->talk->options->block;
    if (all->talk->options->is_json) {
        json_begin("rate");
        json_number("messages", messages);
        json_number("bytes", messages * all->talk->options->block);
        json_ms("ms", us);
        json_end();
        output_flush();
    } else if (shown != NULL) {
        screen_lock();
        snprintf(all->line, sizeof all->line, "%s/s, %.0f messages/s each way", readable_size(bytes / seconds),
                 (double)messages / seconds);
        screen_unlock();
    }
}

static void show_summary(const load *all, int64_t us)
{
    const options *chosen = all->talk->options;
    uint64_t bytes = all->echoed * chosen->block;
    double seconds = (double)(us > 0 ? us : 1) / 1e6;
    if (chosen->is_json) {
        json_begin("summary");
        json_number("sent", atomic_load(&all->sent));
        json_number("received", all->echoed);
        json_number("bytes", bytes);
        json_ms("ms", us);
        json_number("bytes_per_second", (uint64_t)((double)bytes / seconds));
        json_end();
        return;
    }
    output_begin();
    output_print("%" PRIu64 " of %" PRIu64 " messages of %zu bytes echoed in %.3f s: %s/s, %.0f messages/s each way\n",
                 all->echoed, atomic_load(&all->sent), chosen->block, seconds, readable_size((double)bytes / seconds),
                 (double)all->echoed / seconds);
    output_end();
}

static ws_status measure(load *all)
{
    enum { BATCH = 64 };
    conversation *talk = all->talk;
    ws_frame *frames[BATCH];
    uint64_t echoed_before = 0;
    int64_t period_us = now_us();
    int64_t heard_ms = now_ms();
    for (;;) {
        size_t count = 0;
        uint64_t before = all->echoed;
        bool is_closing = atomic_load(&talk->is_closing);
        int64_t next_ms = is_closing ? -1 : period_us / 1000 + PERIOD_MS;
        ws_status status = conversation_receive(talk, frames, BATCH, &count, next_ms);
        if (status != WS_OK && status != WS_ERR_TIMEOUT && status != WS_ERR_INTERRUPTED)
            return status;
        for (size_t i = 0; i < count; i++) {
            take_frame(all, frames[i]);
            ws_frame_free(frames[i]);
        }
        if (is_closing)
            continue;
        heard_ms = all->echoed > before ? now_ms() : heard_ms;
        if (ms_until(period_us / 1000 + PERIOD_MS) == 0) {
            show_rate(all, all->echoed - echoed_before, now_us() - period_us);
            echoed_before = all->echoed;
            period_us = now_us();
        }
        bool is_complete = atomic_load(&all->has_stopped) && all->echoed >= atomic_load(&all->sent);
        bool is_silent = atomic_load(&all->has_stopped) && ms_until(heard_ms + SILENCE_MS) == 0;
        if (is_complete || is_silent || all->is_other || output_error() != 0)
            conversation_stop(talk);
    }
}

exit_status throughput_run(conversation *talk)
{
    const options *chosen = talk->options;
    load all = {.talk = talk, .block = make_block(chosen->block), .stops_ms = now_ms() + chosen->duration_ms};
    pthread_t sender;
    int64_t started_us = now_us();
    int failure = pthread_create(&sender, NULL, send_blocks, &all);
    if (failure != 0) {
        complain("cannot start a thread: %s", strerror(failure));
        return ENDED_INTERNAL;
    }
    if (error_is_terminal && !chosen->is_json && !chosen->is_quiet) {
        shown = &all;
        screen_set_bottom(STDERR_FILENO, draw);
    }
    ws_status status = measure(&all);
    int64_t us = now_us() - started_us;
    pthread_join(sender, NULL);
    if (shown != NULL)
        screen_set_bottom(STDERR_FILENO, NULL);
    shown = NULL;
    show_summary(&all, us);
    exit_status result = conversation_end(talk, status);
    free(all.block);
    if (all.is_other) {
        report_problem(chosen, "the server answers something else: --throughput needs one that echoes");
        result = ENDED_PROTOCOL;
    } else if (result == ENDED_CLEANLY && all.echoed < atomic_load(&all.sent)) {
        report_problem(chosen, "not all messages were echoed");
        result = ENDED_TIMEOUT;
    }
    report_end(talk);
    return output_flush() ? result : ENDED_OUTPUT;
}
