/* Options that say how to reach the server: those that become settings of a ws_config. */

#ifndef CONNECTION_H
#define CONNECTION_H

#include "credentials.h"
#include "memory.h"

#include <ktorws.h>
#include <stdbool.h>
#include <stdint.h>

/* Options without a short name. */
enum {
    OPTION_LENGTH_PREFIXED = 256,
    OPTION_BLOCK,
    OPTION_CLOSE,
    OPTION_CLOSE_TIMEOUT,
    OPTION_JSON,
    OPTION_CONTROL,
    OPTION_LATENCY,
    OPTION_INTERVAL,
    OPTION_THROUGHPUT,
    /* from here on those of a connection */
    OPTION_MAX_MESSAGE,
    OPTION_ORIGIN,
    OPTION_USER_FILE,
    OPTION_NETRC_FILE,
    OPTION_DIGEST,
    OPTION_BEARER,
    OPTION_COOKIE,
    OPTION_COOKIE_FILE,
    OPTION_MAX_REDIRECTS,
    OPTION_DEFLATE,
    OPTION_CACERT,
    OPTION_CAPATH,
    OPTION_CRL,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_TLS_NAME,
    OPTION_TLS_MIN,
    OPTION_ALPN,
    OPTION_PIN,
    OPTION_KEYLOG,
    OPTION_NOPROXY,
    OPTION_RESOLVE,
    OPTION_INTERFACE,
    OPTION_UNIX_SOCKET,
    OPTION_RECONNECT,
    OPTION_PING,
    OPTION_PING_TIMEOUT,
    OPTION_CONNECT_TIMEOUT,
    OPTION_HANDSHAKE_TIMEOUT,
    OPTION_OPEN_TIMEOUT,
    OPTION_IDLE_TIMEOUT,
};

typedef struct {
    ws_config *config;
    ws_cookie_jar *jar;
    credentials credentials;
    char *cookies;      /* of --cookie, joined */
    char *user, *proxy; /* arguments, to be hidden */
    const char *user_file, *netrc_file, *noproxy, *certificate, *key;
    bool wants_digest;
    bool follows_redirects;
    uint32_t max_redirects;
    bool reconnects;
    uint32_t reconnect_attempts;
} connection;

void connection_start(connection *settings);

/* Takes an option; `name` is for messages. False: it is none of its own. */
bool connection_option(connection *settings, int option, const char *name, char *value);

/* What only all options together say. */
void connection_finish(connection *settings, const char *url);

void connection_free(connection *settings);

#endif
