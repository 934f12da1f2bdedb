#include "cookies.h"

#include "files.h"
#include "numbers.h"
#include "screen.h"
#include "usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DOMAIN, SUBDOMAINS, PATH, SECURE, EXPIRES, NAME, VALUE, FIELDS };

static void add_cookie(ws_cookie_jar *jar, char **fields, uint64_t expires, const char *path, unsigned number)
{
    const char *domain = fields[DOMAIN][0] == '.' ? fields[DOMAIN] + 1 : fields[DOMAIN];
    bool is_secure = strcmp(fields[SECURE], "TRUE") == 0;
    bool has_subdomains = strcmp(fields[SUBDOMAINS], "TRUE") == 0;
    char age[64] = "";
    if (expires != 0)
        snprintf(age, sizeof age, "; Max-Age=%llu", (unsigned long long)(expires - (uint64_t)time(NULL)));
    char *url, *cookie;
    if (asprintf(&url, "%s://%s%s", is_secure ? "wss" : "ws", domain, fields[PATH]) < 0 ||
        asprintf(&cookie, "%s=%s; Path=%s%s%s%s%s", fields[NAME], fields[VALUE], fields[PATH],
                 has_subdomains ? "; Domain=" : "", has_subdomains ? domain : "", is_secure ? "; Secure" : "", age) < 0)
        fail_usage("no memory");
    if (ws_cookie_jar_add(jar, url, cookie) != WS_OK)
        complain("--cookie-file %s: line %u: the cookie \"%s\" cannot be for %s, and is left out", path, number,
                 fields[NAME], domain);
    free(cookie);
    free(url);
}

void cookies_load(ws_cookie_jar *jar, const char *path)
{
    char *text = file_read("cookie-file", path);
    char *rest = text;
    char *line;
    unsigned number = 0;
    while ((line = strsep(&rest, "\n")) != NULL) {
        static const char http_only[] = "#HttpOnly_";
        number++;
        line[strcspn(line, "\r")] = '\0';
        if (strncmp(line, http_only, sizeof http_only - 1) == 0)
            line += sizeof http_only - 1;
        if (line[0] == '#' || line[0] == '\0')
            continue;
        char *fields[FIELDS];
        size_t count = 0;
        while (line != NULL && count < FIELDS)
            fields[count++] = strsep(&line, "\t");
        uint64_t expires;
        if (count < FIELDS || line != NULL || !parse_count(fields[EXPIRES], 0, UINT64_MAX, &expires))
            fail_usage("--cookie-file %s: line %u has not the seven fields of a cookie", path, number);
        if (expires == 0 || expires > (uint64_t)time(NULL))
            add_cookie(jar, fields, expires, path, number);
    }
    explicit_bzero(text, strlen(text));
    free(text);
}
