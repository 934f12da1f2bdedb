#include "screen.h"

#include "memory.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool input_is_terminal, output_is_terminal, error_is_terminal;

static bool may_colour;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*draw_bottom)(void);
static int bottom_descriptor;

void screen_start(void)
{
    input_is_terminal = isatty(STDIN_FILENO) == 1;
    output_is_terminal = isatty(STDOUT_FILENO) == 1;
    error_is_terminal = isatty(STDERR_FILENO) == 1;
    const char *no_colour = getenv("NO_COLOR");
    const char *kind = getenv("TERM");
    may_colour = (no_colour == NULL || no_colour[0] == '\0') && kind != NULL && strcmp(kind, "dumb") != 0;
}

size_t screen_width(void)
{
    struct winsize size;
    int descriptor = output_is_terminal ? STDOUT_FILENO : STDERR_FILENO;
    if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

const char *screen_colour(int descriptor, colour wanted)
{
    static const char *const sequences[] = {"\033[0m", "\033[2m", "\033[31m", "\033[36m", "\033[32m"};
    bool is_terminal = descriptor == STDOUT_FILENO ? output_is_terminal : error_is_terminal;
    return may_colour && is_terminal ? sequences[wanted] : "";
}

bool write_fully(int descriptor, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t written = write(descriptor, at, size);
        if (written >= 0) {
            at += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN) {
            /* Whoever started the command has made it non-blocking. */
            struct pollfd ready = {.fd = descriptor, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

void screen_wipe_line(int descriptor)
{
    static const char sequence[] = "\r\033[K";
    write_fully(descriptor, sequence, sizeof sequence - 1);
}

void screen_lock(void)
{
    pthread_mutex_lock(&lock);
    if (draw_bottom != NULL)
        screen_wipe_line(bottom_descriptor);
}

void screen_unlock(void)
{
    if (draw_bottom != NULL)
        draw_bottom();
    pthread_mutex_unlock(&lock);
}

void screen_set_bottom(int descriptor, void (*draw)(void))
{
    screen_lock();
    draw_bottom = draw;
    bottom_descriptor = descriptor;
    screen_unlock();
}

void screen_refresh(void)
{
    screen_lock();
    screen_unlock();
}

static void write_line(colour wanted, const char *start, const char *format, va_list arguments)
{
    char *text;
    if (vasprintf(&text, format, arguments) < 0)
        return;
    /* What servers say must not be able to drive the terminal, nor to forge a line. */
    size_t size;
    char *shown = printable(text, strlen(text), &size);
    char *line;
    int length = asprintf(&line, "%s%s%s%s\n", screen_colour(STDERR_FILENO, wanted), start, shown,
                          screen_colour(STDERR_FILENO, PLAIN));
    if (length >= 0) {
        screen_lock();
        write_fully(STDERR_FILENO, line, (size_t)length);
        screen_unlock();
        free(line);
    }
    free(shown);
    free(text);
}

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(RED, "ktorws: ", format, arguments);
    va_end(arguments);
}

void note(char sign, const char *format, ...)
{
    char start[] = {sign, ' ', '\0'};
    va_list arguments;
    va_start(arguments, format);
    write_line(DIM, start, format, arguments);
    va_end(arguments);
}

char *printable(const char *text, size_t size, size_t *printable_size)
{
    char *shown = resize(NULL, size * 4 + 1);
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        uint8_t next = i + 1 < size ? (uint8_t)text[i + 1] : 0;
        if (byte < 0x20 && byte != '\t') {
            shown[length++] = '^';
            shown[length++] = (char)(byte + '@');
        } else if (byte == 0x7F) {
            shown[length++] = '^';
            shown[length++] = '?';
        } else if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {
            /* C1 controls: U+009B begins a sequence as ESC [ does */
            length += (size_t)sprintf(shown + length, "\\x%02x", next);
            i++;
        } else {
            shown[length++] = text[i];
        }
    }
    shown[length] = '\0';
    *printable_size = length;
    return shown;
}
