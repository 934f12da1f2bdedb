#ifndef CHAOS_SERVER_ACCEPT_H
#define CHAOS_SERVER_ACCEPT_H

enum { ACCEPT_SIZE = 29 };

void accept_of(const char *key, char accept[ACCEPT_SIZE]);

#endif
