/* What the clients of the library share. */

#ifndef KTORWS_CLIENTS_H
#define KTORWS_CLIENTS_H

#include "bench.h"

#include <ktorws.h>

#define VERSION "libktorws " WS_VERSION_STRING

/* Made by start_ktorws. */
extern ws_config *config;

void check(ws_status status, const char *what);

/* Ends the program with the error. */
_Noreturn void fail_to_connect(const char *url, ws_error *error);

void start_ktorws(const struct options *options);

void *open_session(const struct options *options, const char *url);

/* The server's Close is not waited for. */
void close_session(void *session);

void send_each(void *session, const uint8_t *message, size_t size, size_t count);

/* ktorws_callback.c */
void start_callback(const struct options *options);
void *open_called_back(const struct options *options, const char *url);
void close_called_back(void *session);
void echo_in_callback(void *session, const uint8_t *message, size_t size, size_t count, size_t at_once,
                      double *samples);

/* ktorws_event_fd.c */
void *open_polled(const struct options *options, const char *url);
void close_polled(void *opened);
void send_polled(void *opened, const uint8_t *message, size_t size, size_t count);
void receive_polled(void *opened, size_t size, size_t count);

/* ktorws_many.c: sessions by themselves, in a group, in one and opened by ws_connect_async, in one and pinging. */
extern const struct many many_sessions;
extern const struct many many_of_group;
extern const struct many many_async;
extern const struct many many_pinging;

#endif
