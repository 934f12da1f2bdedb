#include "json.h"

#include "output.h"
#include "utf8.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* Whether the next member is the first one of its object. Guarded by output_begin. */
static bool is_first;

/* How many bytes of valid UTF-8 form a character that is better escaped, 0 for any other: controls, which could also
 * drive a terminal, and what some readers take for the end of a line. */
static size_t escaped_size(const uint8_t *text, size_t size)
{
    if (text[0] < 0x20 || text[0] == '"' || text[0] == '\\' || text[0] == 0x7F)
        return 1;
    if (size >= 2 && text[0] == 0xC2 && text[1] < 0xA0)
        return 2;
    if (size >= 3 && text[0] == 0xE2 && text[1] == 0x80 && (text[2] == 0xA8 || text[2] == 0xA9))
        return 3;
    return 0;
}

static void write_escaped(const char *text, size_t size)
{
    output_write("\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < size;) {
        size_t length = escaped_size((const uint8_t *)text + i, size - i);
        if (length == 0) {
            i++;
            continue;
        }
        output_write(text + from, i - from);
        uint32_t character;
        utf8_decode(text + i, length, &character);
        if (character == '\n')
            output_write("\\n", 2);
        else if (character == '"' || character == '\\')
            output_print("\\%c", (int)character);
        else
            output_print("\\u%04x", character);
        i += length;
        from = i;
    }
    output_write(text + from, size - from);
    output_write("\"", 1);
}

static void begin_member(const char *name)
{
    if (!is_first)
        output_write(",", 1);
    is_first = false;
    if (name != NULL)
        output_print("\"%s\":", name);
}

void json_begin(const char *event)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    output_begin();
    output_print("{\"event\":\"%s\",\"time\":%lld.%06ld", event, (long long)now.tv_sec, now.tv_nsec / 1000);
    is_first = false;
}

void json_end(void)
{
    output_write("}\n", 2);
    output_end();
}

void json_text(const char *name, const char *text, size_t size)
{
    begin_member(name);
    if (text == NULL) {
        output_write("null", 4);
        return;
    }
    if (utf8_is_valid(text, size)) {
        write_escaped(text, size);
        return;
    }
    /* only header values and the like: byte by byte will do */
    output_write("\"", 1);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte >= 0x80)
            output_write("\\ufffd", 6);
        else if (byte < 0x20 || byte == 0x7F || byte == '"' || byte == '\\')
            output_print("\\u%04x", byte);
        else
            output_write(text + i, 1);
    }
    output_write("\"", 1);
}

void json_string(const char *name, const char *text)
{
    json_text(name, text, text == NULL ? 0 : strlen(text));
}

void json_number(const char *name, uint64_t number)
{
    begin_member(name);
    output_print("%" PRIu64, number);
}

void json_bool(const char *name, bool value)
{
    begin_member(name);
    output_print("%s", value ? "true" : "false");
}

void json_ms(const char *name, int64_t us)
{
    begin_member(name);
    output_print("%" PRId64 ".%03" PRId64, us / 1000, us % 1000);
}

void json_base64(const char *name, const uint8_t *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    begin_member(name);
    output_write("\"", 1);
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t bits = (uint32_t)data[i] << 16;
        bits |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        bits |= left > 2 ? data[i + 2] : 0;
        char four[] = {digits[bits >> 18], digits[bits >> 12 & 63], left > 1 ? digits[bits >> 6 & 63] : '=',
                       left > 2 ? digits[bits & 63] : '='};
        output_write(four, 4);
    }
    output_write("\"", 1);
}

void json_open(const char *name, char bracket)
{
    begin_member(name);
    output_write(&bracket, 1);
    is_first = true;
}

void json_close(char bracket)
{
    output_write(&bracket, 1);
    is_first = false;
}
