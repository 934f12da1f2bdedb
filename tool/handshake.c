#include "handshake.h"

#include "json.h"
#include "screen.h"

#include <string.h>
#include <strings.h>

void handshake_show(const ws_session *session)
{
    const char *name, *value;
    note('>', "GET %s", ws_request_url(session));
    for (size_t i = 0; ws_request_header_at(session, i, &name, &value); i++) {
        bool is_secret = strcasecmp(name, "Authorization") == 0 || strcasecmp(name, "Cookie") == 0;
        note('>', "%s: %s", name, is_secret ? "(not shown)" : value);
    }
    note('<', "%u", ws_response_status(session));
    for (size_t i = 0; ws_response_header_at(session, i, &name, &value); i++)
        note('<', "%s: %s", name, value);
}

void handshake_show_refusal(const ws_error *error)
{
    const char *name, *value;
    note('<', "%u", ws_error_http_status(error));
    for (size_t i = 0; ws_error_http_header_at(error, i, &name, &value); i++)
        note('<', "%s: %s", name, value);
    size_t size = 0;
    const char *body = (const char *)ws_error_http_body(error, &size);
    while (size > 0) {
        const char *end = memchr(body, '\n', size);
        size_t length = end == NULL ? size : (size_t)(end - body);
        note('<', "%.*s", (int)length, body);
        length += end != NULL;
        body += length;
        size -= length;
    }
}

void handshake_write(const ws_session *session)
{
    const char *name, *value;
    json_open("response_headers", '[');
    for (size_t i = 0; ws_response_header_at(session, i, &name, &value); i++) {
        json_open(NULL, '{');
        json_string("name", name);
        json_string("value", value);
        json_close('}');
    }
    json_close(']');
}
