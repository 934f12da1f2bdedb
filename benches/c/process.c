/* What the process takes of the machine. */

#include "bench.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

/* Standard streams, what libraries and event loops have open, and the listening sockets of the server, which has the
 * same limit. */
enum { OTHER_DESCRIPTORS = 200 };

/* The bytes in the line of that format, which is for kB. */
static double bytes_in(const char *path, const char *format)
{
    FILE *file = fopen(path, "r");
    char line[256];
    unsigned long kib = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, format, &kib) == 1)
            break;
    if (kib == 0)
        fail("%s has no line of the form %s", path, format);
    fclose(file);
    return (double)kib * 1024;
}

/* statm is off by some pages for each core. */
double resident_bytes(void)
{
    return bytes_in("/proc/self/smaps_rollup", "Rss: %lu kB");
}

double memory_bytes(void)
{
    return bytes_in("/proc/meminfo", "MemTotal: %lu kB");
}

double available_bytes(void)
{
    return bytes_in("/proc/meminfo", "MemAvailable: %lu kB");
}

double heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();
    return (double)heap.uordblks + (double)heap.hblkhd;
}

static size_t entries(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        fail("no %s", path);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

size_t thread_count(void)
{
    return entries("/proc/self/task");
}

size_t descriptor_count(void)
{
    enum { LOOKS = 20, BETWEEN_MS = 5 };
    size_t count = entries("/proc/self/fd");
    for (int same = 0; same < LOOKS; same++) {
        rest_ms(BETWEEN_MS);
        size_t now = entries("/proc/self/fd");
        if (now != count)
            same = 0;
        count = now;
    }
    /* Without the one that looks. */
    return count - 1;
}

void allow_descriptors(size_t needed)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < needed + OTHER_DESCRIPTORS)
        skip("%zu open files are needed, and the hard limit is %zu (ulimit -Hn)", needed + OTHER_DESCRIPTORS,
             (size_t)files.rlim_max);
}

void rest_ms(size_t milliseconds)
{
    struct timespec left = {.tv_sec = (time_t)(milliseconds / 1000), .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}
