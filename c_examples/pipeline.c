/* A filter: sends each line of standard input to a server that answers each with one message, and prints the answers.
 *
 *     seq 100000 | pipeline URL
 *
 * No line waits for the answer to the one before. They go out in batches, compressed if the server agrees, and answers
 * come in batches. The queues of the session bound what is under way: while one is full, answers are received. */

#define _POSIX_C_SOURCE 200809L
#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 256 };

/* Lines that are sent together. */
typedef struct {
    ws_message messages[BATCH];
    char *lines[BATCH];
    size_t capacities[BATCH];
    size_t count;
    size_t sent;
} batch;

/* The next lines. Returns whether there are any. */
static int read_lines(batch *self)
{
    self->sent = 0;
    for (self->count = 0; self->count < BATCH; self->count++) {
        char **line = &self->lines[self->count];
        ssize_t length = getline(line, &self->capacities[self->count], stdin);
        if (length < 0)
            break;
        size_t size = (size_t)length;
        if ((*line)[size - 1] == '\n')
            size--;
        self->messages[self->count] = (ws_message){.data = *line, .size = size, .type = WS_FRAME_TEXT};
    }
    return self->count > 0;
}

/* Prints the answers that have come, waiting for the first of them if wanted; `*unanswered` gets less. */
static ws_status print_answers(ws_session *session, int waiting, uint64_t *unanswered)
{
    ws_frame *frames[BATCH];
    size_t count = 0;
    ws_status status = ws_recv_batch(session, frames, BATCH, &count, waiting ? -1 : 0);
    if (status == WS_ERR_TIMEOUT)
        return WS_OK;
    for (size_t i = 0; i < count; i++) {
        fwrite(frames[i]->data, 1, frames[i]->size, stdout);
        putchar('\n');
        ws_frame_free(frames[i]);
    }
    *unanswered -= count < *unanswered ? count : *unanswered;
    return status;
}

static ws_status filter(ws_session *session, batch *lines)
{
    uint64_t unanswered = 0;
    int more = 1;
    ws_status status = WS_OK;
    while (status == WS_OK) {
        if (lines->sent == lines->count && more)
            more = read_lines(lines);
        if (lines->sent == lines->count && unanswered == 0)
            break;
        size_t accepted = 0;
        /* Without waiting for room: the server may itself wait for us to receive. */
        status = ws_send_batch(session, lines->messages + lines->sent, lines->count - lines->sent, &accepted, 0);
        lines->sent += accepted;
        unanswered += accepted;
        if (status == WS_ERR_UTF8)
            fprintf(stderr, "pipeline: of the next %zu lines, which are not sent, one is not UTF-8\n",
                    lines->count - lines->sent);
        if (status == WS_OK || status == WS_ERR_TIMEOUT)
            status = print_answers(session, !more || status == WS_ERR_TIMEOUT, &unanswered);
    }
    return status;
}

static void print_statistics(ws_session *session)
{
    ws_stats stats = {.struct_size = sizeof stats};
    if (ws_get_stats(session, &stats) == WS_OK)
        fprintf(stderr, "pipeline: %llu messages of %llu bytes, %llu bytes on the wire\n",
                (unsigned long long)stats.messages_sent, (unsigned long long)stats.payload_sent,
                (unsigned long long)stats.wire_sent);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: pipeline URL\n");
        return 2;
    }
    batch *lines = calloc(1, sizeof *lines);
    ws_config *config = ws_config_new();
    if (lines == NULL || config == NULL || ws_config_install_deflate(config, NULL) != WS_OK) {
        fprintf(stderr, "pipeline: no memory\n");
        return EXIT_FAILURE;
    }
    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(argv[1], config, &session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        fprintf(stderr, "pipeline: cannot connect to %s: %s\n", argv[1], ws_error_message(error));
        ws_error_free(error);
    } else {
        status = filter(session, lines);
        if (status != WS_OK)
            fprintf(stderr, "pipeline: %s\n", ws_strerror(status));
        ws_close(session, WS_CLOSE_NORMAL, NULL, 0);
        ws_wait_closed(session, -1);
        print_statistics(session);
        ws_session_free(session);
    }
    for (size_t i = 0; i < BATCH; i++)
        free(lines->lines[i]);
    free(lines);
    return status == WS_OK && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
