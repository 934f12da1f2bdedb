/* What the C clients of the benchmarks share: a client says how to connect, send and receive, works.c does the rest. */

#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

/* The works of a client that has permessage-deflate. */
#define TEXT_WORKS "json-4k,json-64k,deflate-4k,deflate-alone-4k,deflate-64k"

/* Of clients whose messages come to them, in callbacks or from a descriptor, and of what they are compared with. */
#define CALLBACK_WORKS "callback-rtt-64,callback-rtt-4k,callback-burst-64,callback-big-1m"

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

/* A client of many connections at once, each known by its place: from 0, in the order of opening. */
struct many {
    /* options->connections of them, to url_of_host() of each. */
    void (*open)(const struct options *options);
    void (*send)(size_t place, const uint8_t *message, size_t size);
    /* Waits for a message of any of them, passes it to check_message, and returns its place. */
    size_t (*receive)(size_t size);
    /* Closes them all, and returns how many had the whole closing handshake. */
    size_t (*close)(void);
    /* After that; they can be opened again. */
    void (*release)(void);
    /* How many pings were answered, of a client that sends them every RESTS_PER_PING * options->count ms; else NULL. */
    uint64_t (*pongs)(void);
};

enum { RESTS_PER_PING = 6 };

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
    /* For a client that is called back, in place of the two: echoes of count messages, of which so many are sent at
     * once; the next are sent when all of these have come back. Samples get what each took, unless NULL. */
    void (*echo)(void *connection, const uint8_t *message, size_t size, size_t count, size_t at_once, double *samples);
    /* NULL for a client without works of many connections. */
    const struct many *many;
};

/* The main function of a program with these clients; the last one has no name. */
int bench_main(int argc, char **argv, const struct client *clients);

/* Does the work and prints its metrics as JSON; SKIPPED for a work that it does not know. */
int run_work(const struct client *client, const struct options *options);

/* The same for works of many connections. */
int run_many(const struct client *client, const struct options *options, const uint8_t *message);

/* The URL of the connection at that place: hosts in turn, since one address would run out of ports. */
enum { URL_SIZE = 256 };
void url_of_host(char url[URL_SIZE], const struct options *options, size_t place);

/* Before the connection at that place is opened: the work is skipped if the machine has too little memory left. */
void check_memory(const struct options *options, size_t place);

/* Calls open for each connection of the options, on a few threads. */
void open_on_threads(const struct options *options, void (*open)(size_t place, const char *url));

/* Says why on stderr and ends the program. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

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

/* What the process has: resident bytes, those that malloc has given, threads, open files. */
double resident_bytes(void);
double heap_bytes(void);
size_t thread_count(void);
/* When it does not change any more: libraries close the last ones on threads of their own. */
size_t descriptor_count(void);

/* Lets the process have as many open files as it may; the work is skipped if these are too few. */
void allow_descriptors(size_t needed);

/* Of the machine: all memory, and MemAvailable of /proc/meminfo. */
double memory_bytes(void);
double available_bytes(void);

/* Sleeps. */
void rest_ms(size_t milliseconds);

/* Sorts the samples. */
double percentile(double *samples, size_t count, double part);

#endif
