/* How much memory the process takes. */

#ifndef MEMORY_H
#define MEMORY_H

#include "check.h"

static inline long status_kib(const char *field)
{
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, field, strlen(field)) == 0 && sscanf(line + strlen(field), ": %ld", &kib) == 1)
            break;
    fclose(file);
    CHECK(kib > 0);
    return kib;
}

/* What it takes now; peak_since tells of the time from here on. */
static inline long resident_kib(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    CHECK(file != NULL);
    CHECK(fputs("5", file) >= 0);
    CHECK_EQ(fclose(file), 0);
    return status_kib("VmRSS");
}

static inline long peak_since(long before)
{
    return status_kib("VmHWM") - before;
}

#endif
