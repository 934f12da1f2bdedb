#include "deflate.h"

#include "numbers.h"
#include "usage.h"

#include <stddef.h>
#include <stdlib.h>

enum { LEVEL, MEMORY_LEVEL, CLIENT_BITS, SERVER_BITS, CLIENT_CONTEXT, SERVER_CONTEXT, MIN_SIZE };

static char *const names[] = {
    [LEVEL] = "level",
    [MEMORY_LEVEL] = "memory_level",
    [CLIENT_BITS] = "client_max_window_bits",
    [SERVER_BITS] = "server_max_window_bits",
    [CLIENT_CONTEXT] = "client_no_context_takeover",
    [SERVER_CONTEXT] = "server_no_context_takeover",
    [MIN_SIZE] = "min_size",
    NULL,
};

static uint32_t read_number(const char *name, const char *value, uint64_t least, uint64_t most)
{
    uint64_t number;
    if (value == NULL || !parse_count(value, least, most, &number))
        fail_usage("--deflate: %s needs a number from %llu to %llu", name, (unsigned long long)least,
                   (unsigned long long)most);
    return (uint32_t)number;
}

static uint32_t read_switch(const char *name, const char *value)
{
    if (value != NULL)
        fail_usage("--deflate: %s has no value", name);
    return 1;
}

void deflate_install(ws_config *config, char *text)
{
    ws_deflate_options options = {.struct_size = sizeof options};
    while (text != NULL && *text != '\0') {
        char *start = text;
        char *value;
        int which = getsubopt(&text, names, &value);
        const char *name = which >= 0 ? names[which] : start;
        switch (which) {
        case LEVEL:
            options.level = read_number(name, value, 1, 9);
            break;
        case MEMORY_LEVEL:
            options.memory_level = read_number(name, value, 1, 9);
            break;
        case CLIENT_BITS:
            options.client_max_window_bits = read_number(name, value, 8, 15);
            break;
        case SERVER_BITS:
            options.server_max_window_bits = read_number(name, value, 8, 15);
            break;
        case CLIENT_CONTEXT:
            options.client_no_context_takeover = read_switch(name, value);
            break;
        case SERVER_CONTEXT:
            options.server_no_context_takeover = read_switch(name, value);
            break;
        case MIN_SIZE:
            options.min_size = read_number(name, value, 0, UINT32_MAX);
            break;
        default:
            fail_usage("--deflate: there is no option \"%s\"", start);
        }
    }
    if (ws_config_install_deflate(config, &options) != WS_OK)
        fail_usage("--deflate may be given once");
}
