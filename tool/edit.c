#include "edit.h"

#include "memory.h"
#include "screen.h"
#include "terminal.h"
#include "utf8.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY = 1000, PROMPT_COLUMNS = 2 };

/* Guarded by screen_lock: other threads draw it. */
static char *line;
static size_t length, capacity, point;

static char *entered;
static strings history;
static size_t place; /* the line of the history that is shown; its count: a new one */

static uint8_t keys[4096];
static size_t keys_start, keys_end;

/* A character of which not all bytes have come, and a sequence of keys. */
static char partial[4];
static size_t partial_size;
static utf8 partial_state;
static enum { KEY, ESCAPE, SEQUENCE } state;
static unsigned parameter;

static size_t columns_of(uint32_t character)
{
    /* controls are shown as one dot */
    int columns = character < 0x20 || character == 0x7F ? 1 : wcwidth((wchar_t)character);
    return columns < 0 ? 1 : (size_t)columns;
}

static size_t next_character(size_t at, size_t *columns)
{
    uint32_t character;
    size_t size = utf8_decode(line + at, length - at, &character);
    *columns = columns_of(character);
    return at + size;
}

static size_t character_before(size_t at)
{
    do
        at--;
    while (at > 0 && ((uint8_t)line[at] & 0xC0) == 0x80);
    return at;
}

/* One row: a longer line is moved so that the cursor is in sight. */
static void draw(void)
{
    size_t room = screen_width() - PROMPT_COLUMNS - 1;
    size_t columns;
    size_t before = 0;
    for (size_t at = 0; at < point; before += columns)
        at = next_character(at, &columns);
    size_t start = 0;
    while (before > room) {
        start = next_character(start, &columns);
        before -= columns;
    }
    size_t end = start;
    for (size_t used = 0; end < length; used += columns) {
        size_t next = next_character(end, &columns);
        if (used + columns > room)
            break;
        end = next;
    }

    char *text = resize(NULL, end - start + 64);
    size_t size =
        (size_t)sprintf(text, "\r%s>%s ", screen_colour(STDOUT_FILENO, GREEN), screen_colour(STDOUT_FILENO, PLAIN));
    for (size_t i = start; i < end; i++) {
        uint8_t byte = (uint8_t)line[i];
        text[size++] = byte < 0x20 || byte == 0x7F ? '.' : line[i];
    }
    size += (size_t)sprintf(text + size, "\033[K\r\033[%zuC", PROMPT_COLUMNS + before);
    write_fully(STDOUT_FILENO, text, size);
    free(text);
}

bool edit_start(void)
{
    const char *kind = getenv("TERM");
    if (!input_is_terminal || !output_is_terminal || kind == NULL || strcmp(kind, "dumb") == 0 || !terminal_set_keys())
        return false;
    screen_set_bottom(STDOUT_FILENO, draw);
    return true;
}

void edit_end(void)
{
    screen_set_bottom(STDOUT_FILENO, NULL);
    screen_wipe_line(STDOUT_FILENO);
    terminal_restore();
    strings_free(&history);
    free(line);
    free(entered);
    line = entered = NULL;
    length = capacity = point = 0;
}

static void insert(const char *text, size_t size)
{
    if (capacity - length < size + 1) {
        capacity = (length + size + 1) * 2;
        line = resize(line, capacity);
    }
    memmove(line + point + size, line + point, length - point);
    memcpy(line + point, text, size);
    point += size;
    length += size;
}

static void erase(size_t from, size_t to)
{
    if (to > from)
        memmove(line + from, line + to, length - to);
    length -= to - from;
    point = from;
}

static void erase_word(void)
{
    size_t from = point;
    while (from > 0 && line[from - 1] == ' ')
        from--;
    while (from > 0 && line[from - 1] != ' ')
        from--;
    erase(from, point);
}

static void show_history(size_t wanted)
{
    if (wanted > history.count)
        return;
    place = wanted;
    erase(0, length);
    if (place < history.count)
        insert(history.items[place], strlen(history.items[place]));
}

static void remember(void)
{
    /* a NUL cannot be typed into the line */
    if (entered[0] != '\0' && (history.count == 0 || strcmp(history.items[history.count - 1], entered) != 0)) {
        if (history.count == HISTORY) {
            free(history.items[0]);
            memmove(history.items, history.items + 1, --history.count * sizeof *history.items);
        }
        strings_add(&history, entered);
    }
    place = history.count;
}

static void move_left(void)
{
    if (point > 0)
        point = character_before(point);
}

static void move_right(void)
{
    size_t columns;
    if (point < length)
        point = next_character(point, &columns);
}

static void erase_next(void)
{
    size_t columns;
    if (point < length)
        erase(point, next_character(point, &columns));
}

static void end_sequence(uint8_t key)
{
    state = KEY;
    if (key == 'A' && place > 0)
        show_history(place - 1);
    else if (key == 'B')
        show_history(place + 1);
    else if (key == 'C')
        move_right();
    else if (key == 'D')
        move_left();
    else if (key == 'H' || (key == '~' && (parameter == 1 || parameter == 7)))
        point = 0;
    else if (key == 'F' || (key == '~' && (parameter == 4 || parameter == 8)))
        point = length;
    else if (key == '~' && parameter == 3)
        erase_next();
}

static void take_character(uint8_t byte)
{
    if (utf8_check(&partial_state, &byte, 1) == 0) {
        partial_state = (utf8){0};
        partial_size = 0;
        write_fully(STDOUT_FILENO, "\a", 1);
        return;
    }
    partial[partial_size++] = (char)byte;
    if (utf8_is_whole(&partial_state)) {
        insert(partial, partial_size);
        partial_size = 0;
    }
}

typedef enum { GOES_ON, ENTERED, ENDED } step;

static step take_key(uint8_t key)
{
    if (state == ESCAPE) {
        state = key == '[' || key == 'O' ? SEQUENCE : KEY;
        parameter = 0;
        return GOES_ON;
    }
    if (state == SEQUENCE) {
        if (key >= '0' && key <= '9')
            parameter = (parameter * 10 + key - '0') % 1000;
        else if (key >= 0x40)
            end_sequence(key);
        return GOES_ON;
    }
    switch (key) {
    case '\r':
    case '\n':
        return ENTERED;
    case 0x01: /* ^A */
        point = 0;
        break;
    case 0x02: /* ^B */
        move_left();
        break;
    case 0x04: /* ^D */
        if (length == 0)
            return ENDED;
        erase_next();
        break;
    case 0x05: /* ^E */
        point = length;
        break;
    case 0x06: /* ^F */
        move_right();
        break;
    case 0x08: /* ^H */
    case 0x7F:
        if (point > 0)
            erase(character_before(point), point);
        break;
    case 0x0B: /* ^K */
        length = point;
        break;
    case 0x0C: /* ^L */
        write_fully(STDOUT_FILENO, "\033[H\033[2J", 7);
        break;
    case 0x0E: /* ^N */
        show_history(place + 1);
        break;
    case 0x10: /* ^P */
        if (place > 0)
            show_history(place - 1);
        break;
    case 0x15: /* ^U */
        erase(0, point);
        break;
    case 0x17: /* ^W */
        erase_word();
        break;
    case 0x1B:
        state = ESCAPE;
        break;
    default:
        if (key >= 0x20 || key == '\t')
            take_character(key);
    }
    return GOES_ON;
}

/* The line stays above, as what was sent. */
static void enter_line(size_t *size)
{
    free(entered);
    entered = copy_text(line == NULL ? "" : line, length);
    *size = length;
    erase(0, length);
    remember();
    size_t shown_size;
    char *shown = printable(entered, *size, &shown_size);
    char start[32];
    int start_size = sprintf(start, "%s> ", screen_colour(STDOUT_FILENO, GREEN));
    write_fully(STDOUT_FILENO, start, (size_t)start_size);
    write_fully(STDOUT_FILENO, shown, shown_size);
    start_size = sprintf(start, "%s\n", screen_colour(STDOUT_FILENO, PLAIN));
    write_fully(STDOUT_FILENO, start, (size_t)start_size);
    free(shown);
}

static bool read_keys(int stop)
{
    for (;;) {
        struct pollfd waiting[] = {{.fd = stop, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
        poll(waiting, 2, -1);
        if (waiting[0].revents != 0)
            return false;
        ssize_t got = read(STDIN_FILENO, keys, sizeof keys);
        if (got > 0) {
            keys_start = 0;
            keys_end = (size_t)got;
            return true;
        }
        if (got == 0 || (errno != EINTR && errno != EAGAIN))
            return false;
    }
}

const char *edit_next(int stop, size_t *size)
{
    for (;;) {
        if (keys_start == keys_end && !read_keys(stop))
            return NULL;
        step result = GOES_ON;
        screen_lock();
        while (result == GOES_ON && keys_start < keys_end)
            result = take_key(keys[keys_start++]);
        if (result == ENTERED)
            enter_line(size);
        screen_unlock();
        if (result == ENTERED)
            return entered;
        if (result == ENDED)
            return NULL;
    }
}
