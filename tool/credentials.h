/* Where user names, passwords and tokens come from. None of them has to stand on the command line. */

#ifndef CREDENTIALS_H
#define CREDENTIALS_H

#include <stdbool.h>

/* Both NULL, or both the owner's. */
typedef struct {
    char *user, *password;
} credentials;

/* "USER:PASSWORD", which is wiped, or "USER", and then the password is asked for at the terminal. */
void credentials_from_argument(credentials *found, char *argument);

/* From a file whose first line is "USER:PASSWORD". */
void credentials_from_file(credentials *found, const char *path);

/* From a file like ~/.netrc, for the host of the URL. There may be none. */
void credentials_from_netrc(credentials *found, const char *path, const char *url);

/* The first line of a file, not empty. The caller wipes and frees it. */
char *secret_from_file(const char *option, const char *path);

/* Overwrites an argument, which the process list shows; of a URL the user and the password. */
void credentials_hide(char *argument);
void credentials_hide_url(char *argument);

/* Wiped, too. */
void credentials_free(credentials *found);
void secret_free(char *secret);

#endif
