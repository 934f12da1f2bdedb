/* The other examples of Ktor's documentation of client sessions, see ktor_examples.c: two jobs of which the first to end
 * cancels the other, and the handling of errors. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"
#include <poll.h>

/* A conversation of two jobs. */
typedef struct chat {
    ws_session *session;
    int input;   /* lines to send */
    int stop[2]; /* a pipe: closing its writing end cancels the job that sends */
    int ends[2]; /* a pipe: a letter for each job that has ended */
    char last[64];
} chat;

static void end_job(chat *self, const char *letter)
{
    CHECK_EQ(write(self->ends[1], letter, 1), 1);
}

static void *send_job(void *argument)
{
    chat *self = argument;
    struct pollfd waits[] = {{.fd = self->input, .events = POLLIN}, {.fd = self->stop[0], .events = POLLIN}};
    char line[64];
    while (poll(waits, 2, -1) > 0 && waits[1].revents == 0) {
        ssize_t size = read(self->input, line, sizeof line);
        if (size <= 0 || ws_send_text(self->session, line, (size_t)size) != WS_OK)
            break;
    }
    end_job(self, "s");
    return NULL;
}

static void *receive_job(void *argument)
{
    chat *self = argument;
    ws_frame *frame;
    for (int is_open = 1; is_open && ws_recv(self->session, &frame, -1) == WS_OK; ws_frame_free(frame)) {
        if (frame->type == WS_FRAME_TEXT)
            snprintf(self->last, sizeof self->last, ">> %s", (const char *)frame->data);
        is_open = frame->type != WS_FRAME_CLOSE;
    }
    end_job(self, "r");
    return NULL;
}

/* Waits for either job, and cancels the other. Returns which was the first. */
static char run_jobs(chat *self)
{
    pthread_t sending, receiving;
    start(&sending, send_job, self);
    start(&receiving, receive_job, self);
    char first;
    CHECK_EQ(read(self->ends[0], &first, 1), 1);
    CHECK_EQ(close(self->stop[1]), 0);
    CHECK_OK(ws_interrupt(self->session));
    join(sending);
    join(receiving);
    return first;
}

static void *run_chat(void *argument)
{
    chat *self = argument;
    static char first;
    first = run_jobs(self);
    return &first;
}

static void of_two_jobs(int is_input_over)
{
    int input[2];
    chat talk = {.last = ""};
    CHECK_EQ(pipe(input), 0);
    CHECK_EQ(pipe(talk.stop), 0);
    CHECK_EQ(pipe(talk.ends), 0);
    talk.input = input[0];
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_deliver_control(config, WS_CONTROL_CLOSE));
    talk.session = connect_steered(PLAIN, config);
    ws_config_free(config);
    STEER("texts 1");
    pthread_t thread;
    start(&thread, run_chat, &talk);
    CHECK_EQ(write(input[1], "hello", 5), 5);
    CHECK_STR(server("message 0"), "hello");
    if (is_input_over)
        CHECK_EQ(close(input[1]), 0);
    else
        STEER("close 1000");
    void *first;
    CHECK_EQ(pthread_join(thread, &first), 0);
    CHECK_EQ(*(char *)first, is_input_over ? 's' : 'r');
    /* The job that was cancelled may not have come to the message; the other one did. */
    if (!is_input_over) {
        CHECK_STR(talk.last, ">> 0");
        CHECK_EQ(close(input[1]), 0);
    }
    const int others[] = {input[0], talk.stop[0], talk.ends[0], talk.ends[1]};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK_EQ(close(others[i]), 0);
    ws_session_free(talk.session);
}

/* A frame that cannot be processed. */
static int process(const ws_frame *frame)
{
    return strcmp((const char *)frame->data, "0") == 0 ? -1 : 0;
}

/* The errors of a frame, of the protocol and of the connection, each in its place. Returns what it says last. */
static const char *handle_errors(const char *url, int *processed, int *not_processed)
{
    static char said[1024];
    ws_session *session;
    ws_error *error;
    if (ws_connect(url, NULL, &session, &error) != WS_OK) {
        snprintf(said, sizeof said, "WebSocket error: %s", ws_error_message(error));
        ws_error_free(error);
        return said;
    }
    CHECK_OK(ws_set_max_frame_size(session, 2 * 1024 * 1024));
    if (processed != NULL)
        STEER("texts 3");
    ws_frame *frame;
    ws_status status;
    while ((status = ws_recv(session, &frame, -1)) == WS_OK) {
        if (process(frame) == 0)
            ++*processed;
        else
            ++*not_processed; /* and goes on */
        ws_frame_free(frame);
        if (*processed == 2)
            STEER("violation opcode");
    }
    const ws_error *end = ws_session_error(session);
    int is_violation = status == WS_ERR_PROTOCOL || status == WS_ERR_UTF8;
    snprintf(said, sizeof said, "%s: %s", is_violation ? "Protocol violation" : "WebSocket error",
             end == NULL ? ws_strerror(status) : ws_error_message(end));
    ws_session_free(session);
    return said;
}

static void of_errors(void)
{
    int processed = 0, not_processed = 0;
    const char *said = handle_errors(environment("STEERED_WS_URL"), &processed, &not_processed);
    CHECK(strncmp(said, "Protocol violation: ", 20) == 0 && strlen(said) > 20);
    CHECK_EQ(processed, 2);
    CHECK_EQ(not_processed, 1);
    char dropped[256];
    snprintf(dropped, sizeof dropped, "%sdrop", environment("ECHO_WS_URL"));
    said = handle_errors(dropped, NULL, NULL);
    CHECK(strncmp(said, "WebSocket error: ", 17) == 0);
    said = handle_errors("ws://127.0.0.1:1/", NULL, NULL);
    CHECK(strncmp(said, "WebSocket error: ", 17) == 0 && strstr(said, "127.0.0.1:1") != NULL);
}

int main(void)
{
    of_two_jobs(1);
    of_two_jobs(0);
    of_errors();
    return 0;
}
