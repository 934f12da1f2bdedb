#include "output.h"

#include "screen.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t buffer[64 << 10];
static size_t used;
static int failure;

static void write_out(const void *data, size_t size)
{
    if (failure == 0 && !write_fully(STDOUT_FILENO, data, size))
        failure = errno;
}

static void empty_buffer(void)
{
    size_t size = used;
    used = 0;
    if (size > 0)
        write_out(buffer, size);
}

void output_begin(void)
{
    pthread_mutex_lock(&lock);
    if (output_is_terminal)
        screen_lock();
}

void output_end(void)
{
    if (output_is_terminal) {
        empty_buffer();
        screen_unlock();
    }
    pthread_mutex_unlock(&lock);
}

void output_write(const void *data, size_t size)
{
    if (size > sizeof buffer - used)
        empty_buffer();
    if (size > sizeof buffer) {
        write_out(data, size);
    } else if (size > 0) {
        memcpy(buffer + used, data, size);
        used += size;
    }
}

void output_print(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        failure = ENOMEM;
        return;
    }
    output_write(text, (size_t)length);
    free(text);
}

bool output_flush(void)
{
    pthread_mutex_lock(&lock);
    empty_buffer();
    bool is_fine = failure == 0;
    pthread_mutex_unlock(&lock);
    return is_fine;
}

int output_error(void)
{
    pthread_mutex_lock(&lock);
    int error = failure;
    pthread_mutex_unlock(&lock);
    return error;
}
