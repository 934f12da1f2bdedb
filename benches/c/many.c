/* The works of many connections: group, fair and scale. */

#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPENING_THREADS = 4,
    /* Messages that each connection has under way in fair. */
    WINDOW = 4,
    /* Of scale, each with a message on every connection. */
    SCALE_ROUNDS = 3,
    /* Connections with a message under way at the same time: the kernel bounds what all sockets hold. */
    ECHOES_AT_ONCE = 10000,
    /* After so many connections opening looks at the machine's memory again. */
    LOOK_AT_MEMORY = 1000,
    /* Of all memory, what is to stay available: a twentieth. */
    LEAST_AVAILABLE = 20,
    WARM_UP = 200,
    SLICE_MS = 1000,
};

void url_of_host(char url[URL_SIZE], const struct options *options, size_t place)
{
    static const char first_host[] = "//127.0.0.1:";
    const char *at = strstr(options->url, first_host);
    if (at == NULL)
        fail("%s is not a URL of 127.0.0.1", options->url);
    snprintf(url, URL_SIZE, "%.*s//127.0.0.%zu:%s", (int)(at - options->url), options->url, 1 + place % options->hosts,
             at + strlen(first_host));
}

void check_memory(const struct options *options, size_t place)
{
    if (place % LOOK_AT_MEMORY != 0)
        return;
    double available = available_bytes();
    double least = memory_bytes() / LEAST_AVAILABLE;
    if (available < least)
        skip("with %zu of %zu sessions open, MemAvailable is %.0f MiB, and %.0f MiB are to stay", place,
             options->connections, available / (1 << 20), least / (1 << 20));
}

struct opening {
    const struct options *options;
    void (*open)(size_t place, const char *url);
    atomic_size_t next;
};

static void *open_some(void *argument)
{
    struct opening *opening = argument;
    for (;;) {
        size_t place = atomic_fetch_add(&opening->next, 1);
        if (place >= opening->options->connections)
            return NULL;
        check_memory(opening->options, place);
        char url[URL_SIZE];
        url_of_host(url, opening->options, place);
        opening->open(place, url);
    }
}

void open_on_threads(const struct options *options, void (*open)(size_t place, const char *url))
{
    struct opening opening = {.options = options, .open = open};
    size_t count = options->connections < OPENING_THREADS ? options->connections : OPENING_THREADS;
    pthread_t threads[OPENING_THREADS];
    for (size_t i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, open_some, &opening) != 0)
            fail("no thread");
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

struct work {
    const struct many *many;
    const struct options *options;
    const uint8_t *message;
    /* Of options->connections: messages that each has received. */
    size_t *received;
};

static size_t receive_one(const struct work *work)
{
    size_t place = work->many->receive(work->options->size);
    if (place >= work->options->connections)
        fail("a message of no connection came");
    work->received[place]++;
    return place;
}

/* One message on each connection from first on, then all echoes. */
static void echo_some(const struct work *work, size_t first, size_t count, double *sent, double *took)
{
    for (size_t place = first; place < first + count; place++) {
        if (sent != NULL)
            sent[place] = now_us();
        work->many->send(place, work->message, work->options->size);
    }
    for (size_t i = 0; i < count; i++) {
        size_t place = receive_one(work);
        if (work->received[place] != 1)
            fail("connection %zu received a message that another was to receive", place);
        if (took != NULL)
            took[place] = now_us() - sent[place];
    }
}

/* On every connection: when each message was sent and how long its echo took, unless NULL. */
static void echo_all(const struct work *work, double *sent, double *took)
{
    size_t count = work->options->connections;
    memset(work->received, 0, count * sizeof *work->received);
    for (size_t first = 0; first < count; first += ECHOES_AT_ONCE)
        echo_some(work, first, count - first < ECHOES_AT_ONCE ? count - first : ECHOES_AT_ONCE, sent, took);
}

static void close_all(const struct work *work)
{
    size_t clean = work->many->close();
    if (clean != work->options->connections)
        fail("only %zu of %zu connections were closed cleanly", clean, work->options->connections);
    work->many->release();
}

static int group(const struct work *work)
{
    size_t connections = work->options->connections;
    size_t rounds = work->options->count / connections + (work->options->count < connections);
    work->many->open(work->options);
    for (size_t done = 0; done < WARM_UP || done < rounds * connections / 10; done += connections)
        echo_all(work, NULL, NULL);
    double start = now_us();
    double cpu_start = cpu_us();
    for (size_t i = 0; i < rounds; i++)
        echo_all(work, NULL, NULL);
    double cpu = cpu_us() - cpu_start;
    double count = (double)(rounds * connections);
    printf("{\"cpu_us_per_msg\": %.4f, \"msgs_per_s\": %.1f}\n", cpu / count, count / (now_us() - start) * 1e6);
    close_all(work);
    return 0;
}

/* Every echo is answered with the next message of its connection. */
static void keep_answering(const struct work *work, size_t count)
{
    for (size_t i = 0; i < count; i++)
        work->many->send(receive_one(work), work->message, work->options->size);
}

static int fair(const struct work *work)
{
    size_t connections = work->options->connections;
    size_t count = work->options->count > connections ? work->options->count : connections;
    work->many->open(work->options);
    for (size_t i = 0; i < WINDOW * connections; i++)
        work->many->send(i % connections, work->message, work->options->size);
    keep_answering(work, WINDOW * connections + count / 10);
    memset(work->received, 0, connections * sizeof *work->received);
    double start = now_us();
    double cpu_start = cpu_us();
    keep_answering(work, count);
    double cpu = cpu_us() - cpu_start;
    double us = now_us() - start;
    size_t least = work->received[0];
    size_t most = work->received[0];
    for (size_t place = 1; place < connections; place++) {
        least = work->received[place] < least ? work->received[place] : least;
        most = work->received[place] > most ? work->received[place] : most;
    }
    double mean = (double)count / (double)connections;
    printf("{\"least_part\": %.4f, \"most_part\": %.4f, \"cpu_us_per_msg\": %.4f, \"msgs_per_s\": %.1f}\n",
           (double)least / mean, (double)most / mean, cpu / (double)count, (double)count / us * 1e6);
    for (size_t i = 0; i < WINDOW * connections; i++)
        receive_one(work);
    close_all(work);
    return 0;
}

struct rest {
    double cpu_percent;
    double most_cpu_percent; /* of one slice */
};

static struct rest rest(size_t milliseconds)
{
    struct rest rest = {0, 0};
    double start = now_us();
    double cpu_start = cpu_us();
    double slice_start = start;
    double slice_cpu = cpu_start;
    for (size_t left = milliseconds; left > 0;) {
        size_t slice = left < SLICE_MS ? left : SLICE_MS;
        rest_ms(slice);
        left -= slice;
        double now = now_us();
        double cpu = cpu_us();
        double percent = (cpu - slice_cpu) / (now - slice_start) * 100;
        rest.most_cpu_percent = percent > rest.most_cpu_percent ? percent : rest.most_cpu_percent;
        slice_start = now;
        slice_cpu = cpu;
    }
    rest.cpu_percent = (slice_cpu - cpu_start) / (slice_start - start) * 100;
    return rest;
}

/* A client that pings rests for one interval, in which each connection has its turn. */
static struct rest rest_with_pings(const struct work *work)
{
    uint64_t before = work->many->pongs();
    struct rest rested = rest(RESTS_PER_PING * work->options->count);
    uint64_t pongs = work->many->pongs() - before;
    if (pongs < work->options->connections / 2)
        fail("only %llu pings were answered while %zu connections rested", (unsigned long long)pongs,
             work->options->connections);
    return rested;
}

/* So that what a library has once for all is there before it is measured. */
static void open_and_close_one(const struct work *work)
{
    struct options options = *work->options;
    options.connections = 1;
    const struct work one = {
        .many = work->many, .options = &options, .message = work->message, .received = work->received};
    one.many->open(&options);
    echo_all(&one, NULL, NULL);
    close_all(&one);
}

static int scale(const struct work *work)
{
    const struct many *many = work->many;
    size_t connections = work->options->connections;
    double count = (double)connections;
    size_t samples = SCALE_ROUNDS * connections;
    double *took = allocate(samples * sizeof *took);
    double *sent = allocate(connections * sizeof *sent);
    memset(took, 0, samples * sizeof *took);
    memset(sent, 0, connections * sizeof *sent);
    open_and_close_one(work);
    double resident = resident_bytes();
    double heap = heap_bytes();
    size_t descriptors = descriptor_count();

    double start = now_us();
    many->open(work->options);
    double opening_us = now_us() - start;
    echo_all(work, NULL, NULL);

    start = now_us();
    for (size_t i = 0; i < SCALE_ROUNDS; i++)
        echo_all(work, sent, took + i * connections);
    double echoing_us = now_us() - start;

    /* Libraries release memory some time after the last message. */
    rest_ms(1500);
    resident = resident_bytes() - resident;
    heap = heap_bytes() - heap;
    size_t threads = thread_count();
    struct rest rested = many->pongs != NULL ? rest_with_pings(work) : rest(work->options->count);

    start = now_us();
    size_t clean = many->close();
    double closing_us = now_us() - start;
    many->release();
    double left = (double)descriptor_count() - (double)descriptors;

    printf("{\"connects_per_s\": %.1f, \"echoes_per_s\": %.1f, ", count / opening_us * 1e6,
           (double)samples / echoing_us * 1e6);
    double p50 = percentile(took, samples, 0.5);
    printf("\"echo_p50_ms\": %.3f, \"echo_p99_ms\": %.3f, \"echo_max_ms\": %.3f, ", p50 / 1e3,
           percentile(took, samples, 0.99) / 1e3, percentile(took, samples, 1) / 1e3);
    printf("\"idle_cpu_percent\": %.4f, \"idle_cpu_most_percent\": %.4f, ", rested.cpu_percent,
           rested.most_cpu_percent);
    printf("\"rss_bytes_per_session\": %.1f, \"heap_bytes_per_session\": %.1f, \"threads\": %zu, ", resident / count,
           heap / count, threads);
    printf("\"closes_per_s\": %.1f, \"unclean\": %zu, \"descriptors_left\": %.0f}\n", count / closing_us * 1e6,
           connections - clean, left);
    free(sent);
    free(took);
    return 0;
}

int run_many(const struct client *client, const struct options *options, const uint8_t *message)
{
    allow_descriptors(options->connections);
    struct work work = {.many = client->many, .options = options, .message = message};
    work.received = allocate(options->connections * sizeof *work.received);
    memset(work.received, 0, options->connections * sizeof *work.received);
    int status = SKIPPED;
    if (strcmp(options->work, "group") == 0)
        status = group(&work);
    else if (strcmp(options->work, "fair") == 0)
        status = fair(&work);
    else if (strcmp(options->work, "scale") == 0)
        status = scale(&work);
    free(work.received);
    return status;
}
