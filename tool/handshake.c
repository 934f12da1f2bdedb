#include "handshake.h"

#include "json.h"
#include "screen.h"

#include <string.h>
#include <strings.h>

/* Headers are asked for by name. These are the usual ones. */
static const char *const request_names[] = {
    "Host",
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Origin",
    "User-Agent",
    "Authorization",
    "Cookie",
    NULL,
};

static const char *const response_names[] = {
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Version",
    "Server",
    "Date",
    "Via",
    "Location",
    "Set-Cookie",
    "WWW-Authenticate",
    "Retry-After",
    "Content-Type",
    "Content-Length",
    "Cache-Control",
    "Age",
    "Vary",
    "Alt-Svc",
    "Strict-Transport-Security",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "X-Powered-By",
    "X-Request-Id",
    "X-Forwarded-For",
    "X-Cache",
    "CF-Ray",
    NULL,
};

static void show_request(const ws_session *session, const char *name)
{
    const char *value;
    for (size_t i = 0; (value = ws_request_header(session, name, i)) != NULL; i++) {
        bool is_secret = strcasecmp(name, "Authorization") == 0 || strcasecmp(name, "Cookie") == 0;
        note('>', "%s: %s", name, is_secret ? "(not shown)" : value);
    }
}

static bool is_usual(const char *name)
{
    for (const char *const *usual = request_names; *usual != NULL; usual++) {
        if (strcasecmp(*usual, name) == 0)
            return true;
    }
    return false;
}

void handshake_show(const ws_session *session, const strings *names)
{
    const char *value;
    note('>', "GET %s", ws_request_url(session));
    for (const char *const *name = request_names; *name != NULL; name++)
        show_request(session, *name);
    for (size_t i = 0; i < names->count; i++) {
        bool is_shown = is_usual(names->items[i]);
        for (size_t before = 0; before < i; before++)
            is_shown = is_shown || strcasecmp(names->items[before], names->items[i]) == 0;
        if (!is_shown)
            show_request(session, names->items[i]);
    }
    note('<', "%u", ws_response_status(session));
    for (const char *const *name = response_names; *name != NULL; name++) {
        for (size_t i = 0; (value = ws_response_header(session, *name, i)) != NULL; i++)
            note('<', "%s: %s", *name, value);
    }
}

void handshake_show_refusal(const ws_error *error)
{
    const char *value;
    note('<', "%u", ws_error_http_status(error));
    for (const char *const *name = response_names; *name != NULL; name++) {
        for (size_t i = 0; (value = ws_error_http_header(error, *name, i)) != NULL; i++)
            note('<', "%s: %s", *name, value);
    }
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
    const char *value;
    json_open("response_headers", '[');
    for (const char *const *name = response_names; *name != NULL; name++) {
        for (size_t i = 0; (value = ws_response_header(session, *name, i)) != NULL; i++) {
            json_open(NULL, '{');
            json_string("name", *name);
            json_string("value", value);
            json_close('}');
        }
    }
    json_close(']');
}
