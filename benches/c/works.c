/* The works: what is done, and what of it is measured. */

#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4 };

struct work {
    const struct client *client;
    const struct options *options;
    const uint8_t *message;
    size_t size;
};

struct measured {
    double us;
    double cpu_us;
};

static struct measured begin(void)
{
    return (struct measured){.us = now_us(), .cpu_us = cpu_us()};
}

static struct measured end(struct measured start)
{
    return (struct measured){.us = now_us() - start.us, .cpu_us = cpu_us() - start.cpu_us};
}

static void print_rate(struct measured measured, size_t count)
{
    printf("{\"msgs_per_s\": %.1f, \"cpu_us_per_msg\": %.4f}\n", (double)count / measured.us * 1e6,
           measured.cpu_us / (double)count);
}

static void print_texts(struct measured measured, const struct work *work)
{
    double count = (double)work->options->count;
    const char *codec = work->options->deflate == DEFLATE_OFF ? "none" : work->client->codec;
    printf("{\"msgs_per_s\": %.1f, \"cpu_us_per_msg\": %.4f, \"codec\": \"%s\"}\n", count / measured.us * 1e6,
           measured.cpu_us / count, codec);
}

static size_t warm_up_count(const struct work *work)
{
    size_t least = work->size < 65536 ? 200 : 3;
    size_t tenth = work->options->count / 10;
    return tenth > least ? tenth : least;
}

/* Echoes of count messages, so many of them sent at once; samples get what each took, unless NULL. */
static void echo(const struct work *work, void *connection, size_t count, size_t at_once, double *samples)
{
    const struct client *client = work->client;
    if (client->echo != NULL) {
        client->echo(connection, work->message, work->size, count, at_once, samples);
        return;
    }
    double last = samples != NULL ? now_us() : 0;
    for (size_t done = 0; done < count; done += at_once) {
        size_t together = count - done < at_once ? count - done : at_once;
        client->send(connection, work->message, work->size, together);
        client->receive(connection, work->size, together);
        if (samples != NULL) {
            double now = now_us();
            samples[done] = now - last;
            last = now;
        }
    }
}

static int round_trips(const struct work *work, int is_big)
{
    size_t count = work->options->count;
    void *connection = work->client->open(work->options, work->options->url);
    double *samples = allocate(count * sizeof *samples);
    memset(samples, 0, count * sizeof *samples);
    echo(work, connection, warm_up_count(work), 1, NULL);

    struct measured measured = begin();
    echo(work, connection, count, 1, samples);
    measured = end(measured);

    double p50 = percentile(samples, count, 0.5);
    double cpu = measured.cpu_us / (double)count;
    if (is_big)
        printf("{\"p50_ms\": %.4f, \"cpu_ms_per_msg\": %.4f}\n", p50 / 1e3, cpu / 1e3);
    else
        printf("{\"p50_us\": %.3f, \"p99_us\": %.3f, \"cpu_us_per_msg\": %.4f, \"msgs_per_s\": %.1f}\n", p50,
               percentile(samples, count, 0.99), cpu, (double)count / measured.us * 1e6);
    free(samples);
    work->client->close(connection);
    return 0;
}

static int burst(const struct work *work)
{
    void *connection = work->client->open(work->options, work->options->url);
    echo(work, connection, warm_up_count(work), BURST, NULL);
    struct measured measured = begin();
    echo(work, connection, work->options->count, BURST, NULL);
    print_rate(end(measured), work->options->count);
    work->client->close(connection);
    return 0;
}

static void echo_texts(const struct work *work, void *connection, const struct texts *texts, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        const uint8_t *text = text_at(texts, i);
        expect_text(text);
        work->client->send(connection, text, work->size, 1);
        work->client->receive(connection, work->size, 1);
    }
}

static int texts(const struct work *work)
{
    if (work->options->texts_file == NULL)
        fail("--texts is needed");
    struct texts texts = load_texts(work->options->texts_file, work->size);
    void *connection = work->client->open(work->options, work->options->url);
    size_t warm_up = warm_up_count(work);
    echo_texts(work, connection, &texts, 0, warm_up);
    struct measured measured = begin();
    echo_texts(work, connection, &texts, warm_up, work->options->count);
    print_texts(end(measured), work);
    work->client->close(connection);
    free(texts.lines);
    return 0;
}

struct sender {
    const struct work *work;
    void *connection;
    size_t count;
    pthread_barrier_t *start;
    pthread_t thread;
};

static void *run_sender(void *argument)
{
    struct sender *sender = argument;
    pthread_barrier_wait(sender->start);
    sender->work->client->send(sender->connection, sender->work->message, sender->work->size, sender->count);
    return NULL;
}

/* Threads that begin to send at once, and what the caller receives meanwhile. */
static struct measured send_on_threads(const struct work *work, void *connection, size_t threads, size_t count,
                                       size_t received, size_t received_size)
{
    struct sender senders[THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)threads + 1);
    for (size_t i = 0; i < threads; i++) {
        size_t share = count / threads + (i < count % threads);
        senders[i] = (struct sender){.work = work, .connection = connection, .count = share, .start = &start};
        if (pthread_create(&senders[i].thread, NULL, run_sender, &senders[i]) != 0)
            fail("no thread");
    }
    struct measured measured = begin();
    pthread_barrier_wait(&start);
    work->client->receive(connection, received_size, received);
    measured = end(measured);
    for (size_t i = 0; i < threads; i++)
        pthread_join(senders[i].thread, NULL);
    pthread_barrier_destroy(&start);
    return measured;
}

static int duplex(const struct work *work)
{
    void *connection = work->client->open(work->options, work->options->url);
    size_t warm_up = warm_up_count(work);
    size_t count = work->options->count;
    send_on_threads(work, connection, 1, warm_up, warm_up, work->size);
    print_rate(send_on_threads(work, connection, 1, count, count, work->size), count);
    work->client->close(connection);
    return 0;
}

/* The server answers when it has as many messages as the URL says. */
static void *open_sink(const struct work *work, size_t count)
{
    char url[256];
    const char *path = strstr(work->options->url, "/sink/");
    if (path == NULL)
        fail("%s is not the URL of a sink", work->options->url);
    snprintf(url, sizeof url, "%.*s/sink/%zu", (int)(path - work->options->url), work->options->url, count);
    return work->client->open(work->options, url);
}

static int stream(const struct work *work)
{
    for (int warm = 0; warm <= 1; warm++) {
        size_t count = warm ? work->options->count : warm_up_count(work);
        void *connection = open_sink(work, count);
        struct measured measured = begin();
        work->client->send(connection, work->message, work->size, count);
        work->client->receive(connection, 1, 1);
        measured = end(measured);
        work->client->close(connection);
        if (warm)
            print_rate(measured, count);
    }
    return 0;
}

static int threads(const struct work *work)
{
    for (int warm = 0; warm <= 1; warm++) {
        size_t count = warm ? work->options->count : warm_up_count(work);
        void *connection = open_sink(work, count);
        struct measured measured = send_on_threads(work, connection, THREADS, count, 1, 1);
        work->client->close(connection);
        if (warm)
            print_rate(measured, count);
    }
    return 0;
}

static int connects(const struct work *work)
{
    size_t count = work->options->count;
    for (size_t i = count / 10 + 1; i > 0; i--)
        work->client->close(work->client->open(work->options, work->options->url));
    struct measured measured = begin();
    for (size_t i = 0; i < count; i++)
        work->client->close(work->client->open(work->options, work->options->url));
    measured = end(measured);
    printf("{\"connects_per_s\": %.1f, \"cpu_us_per_connect\": %.3f}\n", (double)count / measured.us * 1e6,
           measured.cpu_us / (double)count);
    return 0;
}

/* The connections stay open until the program ends. */
static void open_idle(const struct work *work, size_t place)
{
    char url[URL_SIZE];
    url_of_host(url, work->options, place);
    echo(work, work->client->open(work->options, url), 1, 1, NULL);
}

static int idle(const struct work *work)
{
    size_t count = work->options->connections;
    allow_descriptors(count);
    open_idle(work, 0);
    double before = resident_bytes();
    double start = now_us();
    for (size_t i = 0; i < count; i++)
        open_idle(work, i);
    double seconds = (now_us() - start) / 1e6;
    /* Libraries release memory some time after the last message. */
    rest_ms(1500);
    printf("{\"rss_bytes_per_connection\": %.1f, \"connects_per_s\": %.1f}\n",
           (resident_bytes() - before) / (double)count, (double)count / seconds);
    return 0;
}

static int is_work(const char *name, const char *kind)
{
    size_t length = strlen(kind);
    return strncmp(name, kind, length) == 0 && (name[length] == '\0' || name[length] == '-');
}

int run_work(const struct client *client, const struct options *options)
{
    uint8_t *message = allocate(options->size);
    for (size_t i = 0; i < options->size; i++)
        message[i] = pattern(i);
    const struct work work = {.client = client, .options = options, .message = message, .size = options->size};

    const char *name = strncmp(options->work, "tls-", 4) == 0 ? options->work + 4 : options->work;
    int status = SKIPPED;
    if (is_work(name, "rtt") || is_work(name, "callback-rtt"))
        status = round_trips(&work, 0);
    else if (is_work(name, "big") || is_work(name, "callback-big"))
        status = round_trips(&work, 1);
    else if (is_work(name, "json") || is_work(name, "deflate"))
        status = texts(&work);
    else if (is_work(name, "burst") || is_work(name, "callback-burst"))
        status = burst(&work);
    else if (is_work(name, "stream"))
        status = stream(&work);
    else if (is_work(name, "duplex"))
        status = duplex(&work);
    else if (is_work(name, "threads"))
        status = threads(&work);
    else if (is_work(name, "connect"))
        status = connects(&work);
    else if (is_work(name, "idle"))
        status = idle(&work);
    else if (client->many != NULL)
        status = run_many(client, options, message);
    free(message);
    return status;
}
