/* Arguments, clocks, statistics and checks of the C clients. */

#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

_Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "failed: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

_Noreturn void skip(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(SKIPPED);
}

void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL)
        fail("no memory");
    return memory;
}

uint8_t pattern(size_t position)
{
    return (uint8_t)(position * 31 + 7);
}

static const uint8_t *expected_text;

void expect_text(const uint8_t *text)
{
    expected_text = text;
}

void check_message(const uint8_t *data, size_t size, size_t expected_size)
{
    if (size != expected_size)
        fail("a message of %zu bytes came, not of %zu", size, expected_size);
    if (expected_text != NULL) {
        if (memcmp(data, expected_text, size) != 0)
            fail("another text came than was sent");
        return;
    }
    if (data[0] != pattern(0) || data[size - 1] != pattern(size - 1))
        fail("a message came with other bytes than were sent");
}

double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int compare(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

double percentile(double *samples, size_t count, double part)
{
    qsort(samples, count, sizeof *samples, compare);
    return samples[(size_t)((double)(count - 1) * part)];
}

/* The payload that the work's name ends in. */
static size_t size_of_work(const char *work)
{
    const char *dash = strrchr(work, '-');
    char *unit = NULL;
    size_t size = dash == NULL ? 0 : strtoul(dash + 1, &unit, 10);
    if (size == 0)
        return 64;
    return *unit == 'm' ? size << 20 : *unit == 'k' ? size << 10 : size;
}

static enum deflate deflate_of_work(const char *work)
{
    if (strncmp(work, "deflate-", 8) != 0)
        return DEFLATE_OFF;
    return strncmp(work, "deflate-alone-", 14) == 0 ? DEFLATE_ALONE : DEFLATE_TAKEOVER;
}

static size_t number(const char *text)
{
    char *end;
    size_t value = strtoul(text, &end, 10);
    if (value == 0 || *end != '\0')
        fail("%s is not a positive number", text);
    return value;
}

static void usage(const char *program)
{
    fprintf(stderr,
            "usage: %s --list\n"
            "       %s --client NAME --settings\n"
            "       %s --client NAME --work WORK --url URL --count N [--size BYTES] [--ca FILE] [--texts FILE] "
            "[--connections N] [--hosts N]\n",
            program, program, program);
    exit(2);
}

static int list(const struct client *clients, const char *program)
{
    for (const struct client *client = clients; client->name != NULL; client++)
        printf("%s\t%s\t%s\n", client->name, program, client->works);
    return 0;
}

static const struct client *find(const struct client *clients, const char *name)
{
    for (const struct client *client = clients; client->name != NULL; client++)
        if (strcmp(client->name, name) == 0)
            return client;
    fail("no client %s here", name);
}

static int can_do(const struct client *client, const char *work)
{
    size_t length = strlen(work);
    for (const char *at = client->works; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, work, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return 1;
    }
    return 0;
}

int bench_main(int argc, char **argv, const struct client *clients)
{
    struct options options = {.count = 1, .connections = 1, .hosts = 1};
    int settings = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            return list(clients, argv[0]);
        if (strcmp(argv[i], "--settings") == 0) {
            settings = 1;
            continue;
        }
        if (i + 1 == argc)
            usage(argv[0]);
        const char *name = argv[i++];
        const char *value = argv[i];
        if (strcmp(name, "--client") == 0)
            options.client = value;
        else if (strcmp(name, "--work") == 0)
            options.work = value;
        else if (strcmp(name, "--url") == 0)
            options.url = value;
        else if (strcmp(name, "--ca") == 0)
            options.ca_file = value;
        else if (strcmp(name, "--texts") == 0)
            options.texts_file = value;
        else if (strcmp(name, "--count") == 0)
            options.count = number(value);
        else if (strcmp(name, "--size") == 0)
            options.size = number(value);
        else if (strcmp(name, "--connections") == 0)
            options.connections = number(value);
        else if (strcmp(name, "--hosts") == 0)
            options.hosts = number(value);
        else
            usage(argv[0]);
    }
    if (options.client == NULL)
        usage(argv[0]);
    const struct client *client = find(clients, options.client);
    if (settings) {
        printf("%s\n", client->settings);
        return 0;
    }
    if (options.work == NULL || options.url == NULL)
        usage(argv[0]);
    if (!can_do(client, options.work))
        skip("not a work of this client");
    if (options.size == 0)
        options.size = size_of_work(options.work);
    options.deflate = deflate_of_work(options.work);
    if (client->start != NULL)
        client->start(&options);
    return run_work(client, &options);
}
