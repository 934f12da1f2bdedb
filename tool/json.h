/* JSON objects on standard output, one a line. Between json_begin and json_end one thread writes one object. */

#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {"event":"...","time":... */
void json_begin(const char *event);
void json_end(void);

/* Members. Bytes of a text that are not UTF-8 become U+FFFD; NULL is null. */
void json_text(const char *name, const char *text, size_t size);
void json_string(const char *name, const char *text);
void json_number(const char *name, uint64_t number);
void json_bool(const char *name, bool value);
/* Microseconds, as milliseconds with three digits behind the point. */
void json_ms(const char *name, int64_t us);
void json_base64(const char *name, const uint8_t *data, size_t size);

/* Nested: members of an object, objects in an array (with NULL as the name). */
void json_open(const char *name, char bracket);
void json_close(char bracket);

#endif
