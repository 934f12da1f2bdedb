/* Numbers on the command line. */

#ifndef NUMBERS_H
#define NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/* Digits only, `least` to `most`. */
bool parse_count(const char *text, uint64_t least, uint64_t most, uint64_t *count);

/* Seconds like "5" or "0.25", as milliseconds; "0" only where `allows_zero`. Up to a year. */
bool parse_seconds(const char *text, bool allows_zero, int64_t *ms);

/* Bytes, at least 1, with K, M or G behind it for powers of 1024. */
bool parse_size(const char *text, uint64_t most, uint64_t *bytes);

/* "1000", "4001,some reason": what ws_close takes. `*reason` points into the text. */
bool parse_close(const char *text, uint32_t *code, const char **reason);

#endif
