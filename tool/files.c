#include "files.h"

#include "memory.h"
#include "usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST = 16 << 20 };

char *file_read(const char *option, const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    /* What is given in place of a file may be the secret itself. */
    if (descriptor < 0)
        fail_usage("--%s: cannot open the file that it names: %s", option, strerror(errno));
    char *text = NULL;
    size_t size = 0, capacity = 0;
    ssize_t got;
    do {
        if (capacity - size < 4096) {
            /* not resize: what is moved would leave secrets behind */
            capacity = capacity == 0 ? 8192 : capacity * 2;
            char *larger = resize(NULL, capacity);
            if (text != NULL) {
                memcpy(larger, text, size);
                explicit_bzero(text, size);
                free(text);
            }
            text = larger;
        }
        got = read(descriptor, text + size, capacity - size - 1);
        if (got < 0)
            fail_usage("--%s %s: %s", option, path, strerror(errno));
        size += (size_t)got;
        if (size > LARGEST)
            fail_usage("--%s %s: the file is larger than 16 MiB", option, path);
    } while (got > 0);
    close(descriptor);
    text[size] = '\0';
    if (strlen(text) != size)
        fail_usage("--%s %s: the file holds a NUL byte", option, path);
    return text;
}

void file_check(const char *option, const char *path)
{
    if (access(path, R_OK) != 0)
        fail_usage("--%s %s: %s", option, path, strerror(errno));
}
