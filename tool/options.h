/* The command line. */

#ifndef OPTIONS_H
#define OPTIONS_H

#include "connection.h"
#include "memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How messages lie in standard input and output. */
typedef enum {
    FRAMING_LINES,  /* end with a newline */
    FRAMING_NUL,    /* end with a NUL byte */
    FRAMING_LENGTH, /* begin with their length in 4 bytes, the highest first */
    FRAMING_BLOCKS, /* whatever a read gives; nothing between messages that come in */
    FRAMING_ONE,    /* all of the input is one message */
} framing;

typedef enum { MODE_TALK, MODE_LATENCY, MODE_THROUGHPUT } mode;

typedef struct {
    char *url;
    connection connection;

    mode mode;
    uint64_t ping_count; /* of --latency; 0 is no limit */
    int64_t interval_ms; /* between its pings */
    int64_t duration_ms; /* of --throughput */

    framing framing;
    bool is_binary;
    size_t block;
    bool reads_input;
    strings messages; /* of -m, in place of standard input */

    uint64_t answers; /* to end after; 0 is no limit */
    int64_t wait_ms;  /* after the input's end; -1 is no limit */
    uint32_t close_code;
    const char *close_reason;
    int64_t close_timeout_ms;

    bool is_json;
    bool is_quiet;
    bool shows_control;
    unsigned verbosity;
} options;

/* Wrong usage, --help and --version end the command. */
void options_parse(options *chosen, int argc, char **argv);
void options_free(options *chosen);

#endif
