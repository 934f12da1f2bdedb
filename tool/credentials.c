#include "credentials.h"

#include "files.h"
#include "memory.h"
#include "terminal.h"
#include "usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void secret_free(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void credentials_free(credentials *found)
{
    secret_free(found->user);
    secret_free(found->password);
    *found = (credentials){0};
}

void credentials_hide(char *argument)
{
    memset(argument, 'x', strlen(argument));
}

void credentials_hide_url(char *argument)
{
    char *start = strstr(argument, "://");
    start = start == NULL ? argument : start + 3;
    for (size_t i = strcspn(start, "/?#"); i > 0; i--) {
        if (start[i - 1] == '@') {
            memset(start, 'x', i - 1);
            return;
        }
    }
}

void credentials_from_argument(credentials *found, char *argument)
{
    char *colon = strchr(argument, ':');
    if (colon != NULL) {
        found->user = copy_text(argument, (size_t)(colon - argument));
        found->password = copy_text(colon + 1, strlen(colon + 1));
        credentials_hide(argument);
        return;
    }
    char prompt[256];
    snprintf(prompt, sizeof prompt, "Password of %s: ", argument);
    found->password = terminal_ask(prompt);
    if (found->password == NULL)
        fail_usage("--user %s: there is no terminal to ask for the password; see --user-file", argument);
    found->user = copy_text(argument, strlen(argument));
}

char *secret_from_file(const char *option, const char *path)
{
    char *text = file_read(option, path);
    size_t length = strcspn(text, "\r\n");
    if (length == 0)
        fail_usage("--%s %s: the first line is empty", option, path);
    char *line = copy_text(text, length);
    secret_free(text);
    return line;
}

void credentials_from_file(credentials *found, const char *path)
{
    char *line = secret_from_file("user-file", path);
    char *colon = strchr(line, ':');
    if (colon == NULL)
        fail_usage("--user-file %s: the first line is not USER:PASSWORD", path);
    found->user = copy_text(line, (size_t)(colon - line));
    found->password = copy_text(colon + 1, strlen(colon + 1));
    secret_free(line);
}

/* The host of a URL, without the brackets of IPv6. The caller frees it. */
static char *host_of(const char *url)
{
    const char *start = strstr(url, "://");
    start = start == NULL ? url : start + 3;
    size_t length = strcspn(start, "/?#");
    for (size_t i = length; i > 0; i--) {
        if (start[i - 1] == '@') {
            start += i;
            length -= i;
            break;
        }
    }
    if (length > 0 && start[0] == '[') {
        start++;
        return copy_text(start, strcspn(start, "]/?#"));
    }
    const char *colon = memchr(start, ':', length);
    return copy_text(start, colon == NULL ? length : (size_t)(colon - start));
}

void credentials_from_netrc(credentials *found, const char *path, const char *url)
{
    char *text = file_read("netrc-file", path);
    size_t size = strlen(text);
    char *host = host_of(url);
    bool is_ours = false;
    char *rest = text;
    char *word;
    unsigned number = 0; /* of words: what is wrong may be a secret */
    while ((word = strtok_r(rest, " \t\r\n", &rest)) != NULL) {
        number++;
        if (strcmp(word, "macdef") == 0) {
            /* up to an empty line */
            char *end = rest == NULL ? NULL : strstr(rest, "\n\n");
            rest = end == NULL ? text + size : end + 2;
            continue;
        }
        if (strcmp(word, "default") == 0) {
            if (is_ours)
                break;
            is_ours = true;
            continue;
        }
        bool is_machine = strcmp(word, "machine") == 0;
        bool is_login = strcmp(word, "login") == 0;
        bool is_password = strcmp(word, "password") == 0;
        if (!is_machine && !is_login && !is_password && strcmp(word, "account") != 0)
            fail_usage("--netrc-file %s: word %u must be machine, default, login, password, account or macdef", path,
                       number);
        char *value = strtok_r(rest, " \t\r\n", &rest);
        number++;
        if (value == NULL)
            fail_usage("--netrc-file %s: nothing stands behind the last \"%s\"", path, word);
        if (is_machine) {
            if (is_ours)
                break;
            is_ours = strcasecmp(value, host) == 0;
        } else if (is_ours && is_login && found->user == NULL) {
            found->user = copy_text(value, strlen(value));
        } else if (is_ours && is_password && found->password == NULL) {
            found->password = copy_text(value, strlen(value));
        }
    }
    explicit_bzero(text, size);
    free(text);
    if ((found->user == NULL) != (found->password == NULL))
        fail_usage("--netrc-file %s: the entry of %s needs a login and a password", path, host);
    free(host);
}
