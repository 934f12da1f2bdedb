#include "latency.h"

#include "clock.h"
#include "json.h"
#include "memory.h"
#include "output.h"
#include "reconnect.h"
#include "report.h"
#include "screen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long the last pongs are waited for. */
enum { LAST_MS = 2000 };

typedef struct {
    uint64_t sent;
    int64_t *times; /* of the answered pings, in microseconds, in their order */
    size_t count, capacity;
    double jitter; /* the mean of the differences between neighbours */
    char line[160];
} pings;

/* The bottom line shows the one there is. */
static pings *shown;

static void draw(void)
{
    size_t width = screen_width() - 1;
    size_t length = strlen(shown->line);
    write_fully(STDOUT_FILENO, shown->line, length < width ? length : width);
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

typedef struct {
    int64_t least, mean, median, high, most, jitter;
} summary;

/* Nearest rank: the smallest time that so many of a hundred do not exceed. */
static int64_t percentile(const int64_t *sorted, size_t count, size_t percent)
{
    size_t rank = (count * percent + 99) / 100;
    return sorted[rank > 0 ? rank - 1 : 0];
}

static summary summarize(const pings *all)
{
    summary result = {0};
    if (all->count == 0)
        return result;
    int64_t *sorted = resize(NULL, all->count * sizeof *sorted);
    memcpy(sorted, all->times, all->count * sizeof *sorted);
    qsort(sorted, all->count, sizeof *sorted, compare);
    int64_t sum = 0;
    for (size_t i = 0; i < all->count; i++)
        sum += sorted[i];
    result = (summary){
        .least = sorted[0],
        .mean = sum / (int64_t)all->count,
        .median = percentile(sorted, all->count, 50),
        .high = percentile(sorted, all->count, 99),
        .most = sorted[all->count - 1],
        .jitter = (int64_t)all->jitter,
    };
    free(sorted);
    return result;
}

static void format_summary(const pings *all, char *text, size_t size)
{
    summary result = summarize(all);
    snprintf(text, size, "min/avg/p50/p99/max %.3f/%.3f/%.3f/%.3f/%.3f ms, jitter %.3f ms", (double)result.least / 1e3,
             (double)result.mean / 1e3, (double)result.median / 1e3, (double)result.high / 1e3,
             (double)result.most / 1e3, (double)result.jitter / 1e3);
}

static void add(pings *all, int64_t us)
{
    if (all->count == all->capacity) {
        all->capacity = all->capacity * 2 + 64;
        all->times = resize(all->times, all->capacity * sizeof *all->times);
    }
    if (all->count > 0) {
        int64_t difference = llabs(us - all->times[all->count - 1]);
        all->jitter += ((double)difference - all->jitter) / (double)all->count;
    }
    all->times[all->count++] = us;
}

/* A payload is the ping's number and when it was sent. */
static void send_ping(conversation *talk, pings *all)
{
    char payload[64];
    int size = snprintf(payload, sizeof payload, "ktorws %" PRIu64 " %" PRId64, all->sent + 1, now_us());
    /* One that has to wait would measure something else. */
    if (ws_send(talk->session, WS_FRAME_PING, payload, (size_t)size, 0, 0) == WS_OK)
        all->sent++;
}

static void take_frame(const options *chosen, pings *all, const ws_frame *frame, int64_t at_us)
{
    uint64_t number;
    int64_t sent_us;
    if (frame->type == WS_FRAME_RESUMED)
        reconnect_tell(chosen);
    if (frame->type != WS_FRAME_PONG ||
        sscanf((const char *)frame->data, "ktorws %" SCNu64 " %" SCNd64, &number, &sent_us) != 2 || number > all->sent)
        return;
    int64_t us = at_us - sent_us;
    add(all, us);
    if (chosen->is_json) {
        json_begin("latency");
        json_number("number", number);
        json_ms("ms", us);
        json_end();
        output_flush();
    } else if (shown != NULL) {
        screen_lock();
        int length = snprintf(all->line, sizeof all->line, "%" PRIu64 ": %.3f ms  ", number, (double)us / 1e3);
        format_summary(all, all->line + length, sizeof all->line - (size_t)length);
        screen_unlock();
    } else {
        output_begin();
        output_print("%" PRIu64 ": %.3f ms\n", number, (double)us / 1e3);
        output_end();
        output_flush();
    }
}

static void show_summary(const options *chosen, const pings *all)
{
    summary result = summarize(all);
    if (chosen->is_json) {
        json_begin("summary");
        json_number("sent", all->sent);
        json_number("received", all->count);
        if (all->count > 0) {
            json_ms("min_ms", result.least);
            json_ms("avg_ms", result.mean);
            json_ms("p50_ms", result.median);
            json_ms("p99_ms", result.high);
            json_ms("max_ms", result.most);
            json_ms("jitter_ms", result.jitter);
        }
        json_end();
        return;
    }
    char text[160] = "";
    if (all->count > 0)
        format_summary(all, text, sizeof text);
    output_begin();
    output_print("%" PRIu64 " pings, %zu pongs%s%s\n", all->sent, all->count, all->count > 0 ? ": " : "", text);
    output_end();
}

static ws_status measure(conversation *talk, pings *all)
{
    const options *chosen = talk->options;
    int64_t next_ms = now_ms();
    for (;;) {
        bool is_closing = atomic_load(&talk->is_closing);
        bool is_done = chosen->ping_count > 0 && all->sent >= chosen->ping_count;
        if (!is_closing && is_done && (all->count >= all->sent || ms_until(next_ms) == 0)) {
            conversation_stop(talk);
            is_closing = true;
        } else if (!is_closing && !is_done && ms_until(next_ms) == 0) {
            send_ping(talk, all);
            is_done = all->sent == chosen->ping_count;
            next_ms = now_ms() + (is_done ? LAST_MS : chosen->interval_ms);
        }
        ws_frame *frame;
        size_t count = 0;
        ws_status status = conversation_receive(talk, &frame, 1, &count, is_closing ? -1 : next_ms);
        if (status == WS_OK) {
            take_frame(chosen, all, frame, now_us());
            ws_frame_free(frame);
            if (output_error() != 0 && !is_closing)
                conversation_stop(talk);
        } else if (status != WS_ERR_TIMEOUT && status != WS_ERR_INTERRUPTED) {
            return status;
        }
    }
}

exit_status latency_run(conversation *talk)
{
    const options *chosen = talk->options;
    pings all = {0};
    if (output_is_terminal && !chosen->is_json) {
        shown = &all;
        screen_set_bottom(STDOUT_FILENO, draw);
    }
    ws_status status = measure(talk, &all);
    if (shown != NULL)
        screen_set_bottom(STDOUT_FILENO, NULL);
    shown = NULL;
    show_summary(chosen, &all);
    exit_status result = conversation_end(talk, status);
    free(all.times);
    if (result == ENDED_CLEANLY && all.count == 0 && all.sent > 0) {
        report_problem(chosen, "no ping was answered");
        result = ENDED_TIMEOUT;
    }
    report_end(talk);
    return output_flush() ? result : ENDED_OUTPUT;
}
