#include "progress.h"

#include "clock.h"
#include "screen.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PERIOD_MS = 500 };

static bool is_shown;
static int64_t started_ms, next_ms;
static uint64_t sent_before, received_before;
static char text[128];

const char *readable_size(double bytes)
{
    static char texts[4][32];
    static unsigned next;
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    unsigned unit = 0;
    for (; bytes >= 1000 && unit < 4; unit++)
        bytes /= 1000;
    char *place = texts[next++ % 4];
    snprintf(place, sizeof texts[0], unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return place;
}

static void draw(void)
{
    size_t width = screen_width() - 1;
    size_t length = strlen(text);
    write_fully(STDERR_FILENO, text, length < width ? length : width);
}

void progress_start(const options *chosen)
{
    is_shown = error_is_terminal && !output_is_terminal && !chosen->is_quiet && !chosen->is_json &&
               (chosen->is_binary || chosen->framing != FRAMING_LINES);
    if (!is_shown)
        return;
    started_ms = now_ms();
    next_ms = started_ms + PERIOD_MS;
    screen_set_bottom(STDERR_FILENO, draw);
}

void progress_end(void)
{
    if (is_shown)
        screen_set_bottom(STDERR_FILENO, NULL);
    is_shown = false;
}

int64_t progress_show(const ws_session *session)
{
    if (!is_shown)
        return -1;
    if (ms_until(next_ms) > 0)
        return next_ms;
    ws_stats numbers = {.struct_size = sizeof numbers};
    ws_get_stats(session, &numbers);
    double seconds = (double)(now_ms() - next_ms + PERIOD_MS) / 1e3;
    screen_lock();
    snprintf(text, sizeof text, "sent %s (%s/s), received %s (%s/s), %llu s", readable_size((double)numbers.wire_sent),
             readable_size((double)(numbers.wire_sent - sent_before) / seconds),
             readable_size((double)numbers.wire_received),
             readable_size((double)(numbers.wire_received - received_before) / seconds),
             (unsigned long long)(now_ms() - started_ms) / 1000);
    screen_unlock();
    sent_before = numbers.wire_sent;
    received_before = numbers.wire_received;
    next_ms = now_ms() + PERIOD_MS;
    return next_ms;
}
