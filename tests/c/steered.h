/* Sessions at the steered server, and what it is told and asked. Programs that use it run with
 * `steered_server.py -- PROGRAM`. */

#ifndef STEERED_H
#define STEERED_H

#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/socket.h>

/* The server's answer to a command; see steered_server.py. Valid until the next one. */
static inline const char *server(const char *format, ...)
{
    static FILE *lines;
    static char answer[1024];
    if (lines == NULL) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        address.sin_port = htons((uint16_t)atoi(environment("STEERED_PORT")));
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(fd >= 0);
        CHECK_EQ(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        lines = fdopen(fd, "r+");
        CHECK(lines != NULL);
    }
    va_list arguments;
    va_start(arguments, format);
    CHECK(vfprintf(lines, format, arguments) > 0);
    va_end(arguments);
    CHECK(fputc('\n', lines) == '\n');
    CHECK_EQ(fflush(lines), 0);
    CHECK(fgets(answer, sizeof answer, lines) != NULL);
    answer[strcspn(answer, "\n")] = '\0';
    return answer;
}

#define STEER(...) CHECK_STR(server(__VA_ARGS__), "ok")

/* The session that the server's commands are for from now on; config may be NULL. */
static inline ws_session *connect_steered(transport how, const ws_config *config)
{
    return connect_to(environment(how == TLS ? "STEERED_WSS_URL" : "STEERED_WS_URL"), environment("STEERED_CA_FILE"),
                      config);
}

/* The same at one of the server's paths. */
static inline ws_session *connect_steered_at(const char *path, const ws_config *config)
{
    char url[256];
    CHECK(snprintf(url, sizeof url, "%s%s", environment("STEERED_WS_URL"), path) < (int)sizeof url);
    return connect_to(url, environment("STEERED_CA_FILE"), config);
}

/* The text that the server sends with a number, filled up to a size. */
static inline void expect_numbered(ws_session *session, unsigned number, size_t size)
{
    char text[8192];
    CHECK(size < sizeof text);
    memset(text, 'x', size);
    size_t length = (size_t)snprintf(text, sizeof text, "%u", number);
    text[length] = ' ';
    expect_message(session, WS_FRAME_TEXT, text, length < size ? size : length);
}

#endif
