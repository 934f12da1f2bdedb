/* What --help prints, and the end for wrong usage. */

#ifndef USAGE_H
#define USAGE_H

#include <stdnoreturn.h>

void print_help(void);

/* "ktorws: ...", and where to find help. */
noreturn void fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
