/* What the C clients of the benchmarks share: a client says how to connect, send and receive, works.c does the rest. */

#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* The works of a client that has permessage-deflate. */
#define TEXT_WORKS "json-4k,json-64k,deflate-4k,deflate-alone-4k,deflate-64k"

/* The exit status of a client that cannot do the work. */
enum { SKIPPED = 77 };

/* Messages of a burst, and of a batch. */
enum { BURST = 256 };

/* Whether a client offers permessage-deflate, and what for. */
enum deflate {
    DEFLATE_OFF,
    DEFLATE_TAKEOVER,
    DEFLATE_ALONE, /* no context takeover, either way */
};

struct options {
    const char *client;
    const char *work;
    const char *url;
    const char *ca_file;    /* NULL without TLS */
    const char *texts_file; /* messages are lines of it, sent as text; else NULL */
    enum deflate deflate;
    size_t count;
    size_t size;
    size_t connections;
    size_t hosts;
};

/* All functions end the program when something goes wrong. */
struct client {
    const char *name;
    const char *works; /* as in --list */
    const char *settings;
    /* With permessage-deflate: the codec, its level and its memory level; else NULL. */
    const char *codec;
    /* Before anything else, and outside what is measured. */
    void (*start)(const struct options *options);
    /* Messages of options->size will be sent. */
    void *(*open)(const struct options *options, const char *url);
    void (*close)(void *connection);
    /* The same message count times. */
    void (*send)(void *connection, const uint8_t *message, size_t size, size_t count);
    /* Count messages of that size, each passed to check_message. */
    void (*receive)(void *connection, size_t size, size_t count);
};

/* The main function of a program with these clients; the last one has no name. */
int bench_main(int argc, char **argv, const struct client *clients);

/* Does the work and prints its metrics as JSON; SKIPPED for a work that it does not know. */
int run_work(const struct client *client, const struct options *options);

/* Says why on stderr and ends the program. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void skip(const char *reason);

void *allocate(size_t size);

/* The byte of every payload at that position. */
uint8_t pattern(size_t position);

/* Size, first and last byte; all bytes after expect_text(). */
void check_message(const uint8_t *data, size_t size, size_t expected_size);
void expect_text(const uint8_t *text);

/* Messages of one size. */
struct texts {
    uint8_t *lines;
    size_t size;
    size_t count;
};

struct texts load_texts(const char *name, size_t size);

/* Again from the first after the last. */
const uint8_t *text_at(const struct texts *texts, size_t index);

/* Microseconds, monotonic. */
double now_us(void);

/* Microseconds of CPU, user and system, of the process. */
double cpu_us(void);

/* Sorts the samples. */
double percentile(double *samples, size_t count, double part);

#endif
