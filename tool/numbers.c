#include "numbers.h"

#include "utf8.h"

#include <ktorws.h>
#include <stdlib.h>
#include <string.h>

/* Without signs, blanks and overflow. Returns what stands behind the digits, NULL if there are none. */
static const char *read_digits(const char *text, uint64_t *number)
{
    const char *at = text;
    *number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (*number > (UINT64_MAX - digit) / 10)
            return NULL;
        *number = *number * 10 + digit;
    }
    return at == text ? NULL : at;
}

bool parse_count(const char *text, uint64_t least, uint64_t most, uint64_t *count)
{
    const char *end = read_digits(text, count);
    return end != NULL && *end == '\0' && *count >= least && *count <= most;
}

bool parse_seconds(const char *text, bool allows_zero, int64_t *ms)
{
    if (text[0] == '\0' || strspn(text, "0123456789.") != strlen(text))
        return false;
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || seconds > 366.0 * 24 * 3600)
        return false;
    *ms = (int64_t)(seconds * 1000 + 0.5);
    /* The shortest time there is; 0 would mean something else. */
    if (*ms == 0 && seconds > 0)
        *ms = 1;
    return *ms > 0 || allows_zero;
}

bool parse_size(const char *text, uint64_t most, uint64_t *bytes)
{
    const char *unit = read_digits(text, bytes);
    if (unit == NULL)
        return false;
    unsigned shift = 0;
    if (*unit != '\0') {
        static const char units[] = "KMG";
        const char *found = strchr(units, *unit);
        if (found == NULL || unit[1] != '\0')
            return false;
        shift = (unsigned)(found - units + 1) * 10;
    }
    if (*bytes == 0 || *bytes > most >> shift)
        return false;
    *bytes <<= shift;
    return true;
}

bool parse_close(const char *text, uint32_t *code, const char **reason)
{
    uint64_t number;
    const char *end = read_digits(text, &number);
    if (end == NULL || (*end != ',' && *end != '\0'))
        return false;
    bool is_known = (number >= 1000 && number <= 1003) || (number >= 1007 && number <= 1014);
    if (!is_known && (number < 3000 || number > 4999))
        return false;
    *code = (uint32_t)number;
    *reason = *end == ',' ? end + 1 : end;
    size_t length = strlen(*reason);
    return length <= 123 && utf8_is_valid(*reason, length);
}
