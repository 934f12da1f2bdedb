/* Echo client for an Autobahn fuzzing server: client URL AGENT */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktorws.h"

/* 9.x sends messages of 16 MiB, in one frame or in many */
#define LIMIT (UINT64_C(32) << 20)

enum { URL_SIZE = 512, WAIT_MS = 60 * 1000 };

static ws_config *config;

static ws_session *open_session(const char *base, const char *path)
{
    char url[URL_SIZE];
    int length = snprintf(url, sizeof url, "%s%s", base, path);
    if (length < 0 || (size_t)length >= sizeof url) {
        fprintf(stderr, "the URL %s%s is too long\n", base, path);
        return NULL;
    }
    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(url, config, &session, &error);
    if (status != WS_OK) {
        fprintf(stderr, "%s: %s: %s\n", url, ws_status_name(status), ws_error_message(error));
        ws_error_free(error);
        return NULL;
    }
    return session;
}

/* Waits until TCP has ended too: a case counts how the connection closes. */
static int end_session(ws_session *session, const char *path)
{
    ws_status status = ws_wait_closed(session, WAIT_MS);
    ws_session_free(session);
    if (status == WS_ERR_TIMEOUT) {
        fprintf(stderr, "%s: not closed after %d ms\n", path, WAIT_MS);
        return -1;
    }
    return 0;
}

static long case_count(const char *base)
{
    ws_session *session = open_session(base, "/getCaseCount");
    if (session == NULL)
        return -1;
    ws_frame *frame = NULL;
    ws_status status = ws_recv(session, &frame, WAIT_MS);
    long count = -1;
    if (status == WS_OK) {
        count = strtol((const char *)frame->data, NULL, 10);
        ws_frame_free(frame);
    } else {
        fprintf(stderr, "/getCaseCount: %s\n", ws_status_name(status));
    }
    return end_session(session, "/getCaseCount") == 0 ? count : -1;
}

/* How a session ends belongs to the case; only one that does not end is an error here. */
static int run_case(const char *base, const char *path)
{
    ws_session *session = open_session(base, path);
    if (session == NULL)
        return -1;
    ws_frame *frame = NULL;
    ws_status status;
    while ((status = ws_recv(session, &frame, WAIT_MS)) == WS_OK) {
        ws_status sent = ws_send(session, frame->type, frame->data, frame->size, 0, WAIT_MS);
        ws_frame_free(frame);
        if (sent == WS_ERR_TIMEOUT) {
            fprintf(stderr, "%s: an echo was not sent in %d ms\n", path, WAIT_MS);
            ws_session_free(session);
            return -1;
        }
    }
    if (status == WS_ERR_TIMEOUT) {
        fprintf(stderr, "%s: nothing came for %d ms\n", path, WAIT_MS);
        ws_session_free(session);
        return -1;
    }
    return end_session(session, path);
}

/* With a large message limit, and permessage-deflate. */
static ws_config *make_config(uint32_t client_no_context_takeover)
{
    ws_deflate_options options = {.struct_size = sizeof options,
                                  .client_no_context_takeover = client_no_context_takeover};
    ws_config *made = ws_config_new();
    if (made == NULL || ws_config_set_max_frame_size(made, LIMIT) != WS_OK ||
        ws_config_set_max_message_size(made, LIMIT) != WS_OK || ws_config_install_deflate(made, &options) != WS_OK) {
        fputs("cannot make the configuration\n", stderr);
        exit(EXIT_FAILURE);
    }
    return made;
}

/* Whether one of the ranges FIRST-LAST holds the number. */
static int holds(char *const *ranges, long number)
{
    for (; *ranges != NULL; ranges++) {
        char *end;
        long first = strtol(*ranges, &end, 10);
        if (number >= first && number <= strtol(end + 1, NULL, 10))
            return 1;
    }
    return 0;
}

static int run(const char *base, const char *agent, char *const *without_context)
{
    ws_config *with_context_config = make_config(0), *without_context_config = make_config(1);
    config = with_context_config;
    long count = case_count(base);
    if (count <= 0) {
        fputs("no number of cases\n", stderr);
        return EXIT_FAILURE;
    }
    char path[URL_SIZE / 2];
    int failures = 0;
    for (long i = 1; i <= count; i++) {
        snprintf(path, sizeof path, "/runCase?case=%ld&agent=%s", i, agent);
        config = holds(without_context, i) ? without_context_config : with_context_config;
        failures += run_case(base, path) != 0;
    }
    ws_config_free(without_context_config);
    config = with_context_config;
    snprintf(path, sizeof path, "/updateReports?agent=%s", agent);
    ws_session *session = open_session(base, path);
    if (session == NULL || end_session(session, path) != 0)
        failures++;
    ws_config_free(with_context_config);
    printf("%ld cases, %d failures\n", count, failures);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s URL AGENT [FIRST-LAST]...\n", argv[0]);
        return 2;
    }
    return run(argv[1], argv[2], argv + 3);
}
