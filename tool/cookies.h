/* Files of cookies in the format of Netscape, as curl and browsers' extensions write them. */

#ifndef COOKIES_H
#define COOKIES_H

#include <ktorws.h>

void cookies_load(ws_cookie_jar *jar, const char *path);

#endif
