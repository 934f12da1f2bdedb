/* Records feeds: prints each message of each feed as one line of JSON, until Ctrl-C.
 *
 *     recorder URL... >messages.jsonl
 *
 * A line has the number of the feed, the time in milliseconds since 1970, and the message:
 *
 *     {"feed":1,"ms":1760000000000,"text":"hello"}
 *
 * A "binary" message is in hexadecimal digits. The events "opened", "lost" (why), "resumed" and "ended" (why) are in
 * their place among the messages. Statistics go to standard error once a second. */

#define _POSIX_C_SOURCE 200809L
#include <ktorws.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUEUE_MESSAGES = 10000, QUEUE_BYTES = 16 << 20, STATISTICS_MS = 1000 };

typedef struct {
    int number;
    ws_session *session;
} feed;

/* For the signal handler. ws_group_interrupt ends a wait. The flag is for a group that always has messages. */
static ws_group *volatile current;
static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
    ws_group_interrupt(current); /* NULL is allowed. */
}

static long long clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* The library has checked that a text is UTF-8. JSON requires that these characters are escaped. */
static void print_escaped(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < ' ' || text[i] == '"' || text[i] == '\\')
            printf("\\u%04x", (unsigned)text[i]);
        else
            putchar(text[i]);
    }
}

static void print_hexadecimal(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%02x", (unsigned)data[i]);
}

static void print_line(const feed *from, const char *name, void (*print)(const uint8_t *, size_t), const void *data,
                       size_t size)
{
    printf("{\"feed\":%d,\"ms\":%lld,\"%s\":\"", from->number, clock_ms(CLOCK_REALTIME), name);
    print(data, size);
    printf("\"}\n");
}

static void record(const feed *from, const ws_frame *frame)
{
    static const char *const names[] = {
        [WS_FRAME_TEXT] = "text", [WS_FRAME_BINARY] = "binary",   [WS_FRAME_OPENED] = "opened",
        [WS_FRAME_LOST] = "lost", [WS_FRAME_RESUMED] = "resumed",
    };
    print_line(from, names[frame->type], frame->type == WS_FRAME_BINARY ? print_hexadecimal : print_escaped,
               frame->data, frame->size);
}

static void record_end(const feed *from, ws_status status)
{
    const ws_error *error = ws_session_error(from->session);
    const char *why = error != NULL ? ws_error_message(error) : ws_strerror(status);
    print_line(from, "ended", print_escaped, why, strlen(why));
}

static void print_statistics(const feed *feeds, int count)
{
    for (int i = 0; i < count; i++) {
        /* All numbers are 0 until the session is open. */
        ws_stats stats = {.struct_size = sizeof stats};
        ws_get_stats(feeds[i].session, &stats);
        fprintf(stderr, "%sfeed %d: %llu messages, %llu bytes, %llu reconnects, %llu dropped", i > 0 ? "; " : "",
                feeds[i].number, (unsigned long long)stats.messages_received,
                (unsigned long long)stats.payload_received, (unsigned long long)stats.reconnects,
                (unsigned long long)stats.incoming_dropped);
    }
    fputc('\n', stderr);
}

/* Writes the lines before it waits. */
static ws_status receive(ws_group *group, ws_session **session, ws_frame **frame, long long timeout_ms)
{
    ws_status status = ws_group_recv(group, session, frame, 0);
    if (status != WS_ERR_TIMEOUT)
        return status;
    fflush(stdout);
    return ws_group_recv(group, session, frame, timeout_ms > 0 ? timeout_ms : 0);
}

/* Returns the number of feeds that failed. */
static int record_all(ws_group *group, const feed *feeds, int count)
{
    int failures = 0, is_closing = 0;
    long long statistics_at = clock_ms(CLOCK_MONOTONIC) + STATISTICS_MS;
    while (ws_group_size(group) > 0) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        ws_status status = receive(group, &session, &frame, statistics_at - clock_ms(CLOCK_MONOTONIC));
        if (status == WS_OK) {
            record(ws_get_user_data(session), frame);
            ws_frame_free(frame);
        } else if (session != NULL) {
            record_end(ws_get_user_data(session), status);
            failures += status != WS_ERR_CLOSED && !is_closing;
        }
        /* Does not wait: this loop receives until each session has ended. */
        if ((is_interrupted || ferror(stdout)) && !is_closing) {
            ws_group_close(group, WS_CLOSE_NORMAL, NULL, 0, 0);
            is_closing = 1;
        }
        if (clock_ms(CLOCK_MONOTONIC) >= statistics_at) {
            print_statistics(feeds, count);
            statistics_at += STATISTICS_MS;
        }
    }
    print_statistics(feeds, count);
    return failures;
}

static ws_config *configure(ws_group *group)
{
    ws_reconnect_options reconnect = {
        .struct_size = sizeof reconnect,
        .first_delay_ms = 100,
        .max_delay_ms = 10000,
        .flags = WS_RECONNECT_FIRST,
    };
    ws_config *config = ws_config_new();
    ws_config_set_group(config, group);
    ws_config_install_deflate(config, NULL);
    ws_config_set_reconnect(config, &reconnect);
    ws_config_set_deliver_events(config, WS_EVENT_OPENED | WS_EVENT_LOST | WS_EVENT_RESUMED);
    /* Detects a dead connection within half a minute. */
    ws_config_set_ping_interval_ms(config, 10000);
    /* If the disk is slow, messages are dropped and counted, and the servers are not delayed. */
    ws_config_set_incoming_queue(config, QUEUE_MESSAGES, QUEUE_BYTES, WS_QUEUE_DROP_OLDEST);
    return config;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: recorder URL...\n");
        return 2;
    }
    int count = argc - 1;
    feed *feeds = calloc((size_t)count, sizeof *feeds);
    ws_group *group = ws_group_new();
    ws_config *config = configure(group);
    if (feeds == NULL || group == NULL || config == NULL)
        return EXIT_FAILURE;
    current = group;
    /* A second Ctrl-C ends the program at once. */
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    int failures = 0;
    for (int i = 0; i < count && failures == 0; i++) {
        feeds[i].number = i + 1;
        ws_config_set_user_data(config, &feeds[i]);
        ws_status status = ws_connect_async(argv[i + 1], config, &feeds[i].session);
        if (status != WS_OK) {
            fprintf(stderr, "recorder: %s: %s\n", argv[i + 1], ws_strerror(status));
            failures++;
        }
    }
    ws_config_free(config);
    if (failures == 0)
        failures = record_all(group, feeds, count);
    current = NULL;
    ws_group_free(group);
    for (int i = 0; i < count; i++)
        ws_session_free(feeds[i].session);
    free(feeds);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    fprintf(stderr, "recorder: cannot write\n");
    return EXIT_FAILURE;
}
