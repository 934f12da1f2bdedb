/* The opening handshake of the server, and what its paths stand for. */

#define _GNU_SOURCE
#include "server.h"
#include "server_accept.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REQUEST_SIZE = 16 * 1024, VALUE_SIZE = 400 };

/* Reads the head of a request. */
static bool read_request(connection *self, char request[REQUEST_SIZE])
{
    uint8_t *end;
    while ((end = self->held == 0 ? NULL : memmem(self->in, self->held, "\r\n\r\n", 4)) == NULL)
        if (self->held >= REQUEST_SIZE || !read_more(self))
            return false;
    size_t size = (size_t)(end - self->in) + 4;
    if (size >= REQUEST_SIZE)
        return false;
    memcpy(request, self->in, size);
    request[size] = 0;
    discard(self, size);
    return true;
}

/* The value of a field, "" where there is none. */
static void find_field(const char *request, const char *name, char value[VALUE_SIZE])
{
    char line[64];
    snprintf(line, sizeof line, "\r\n%s:", name);
    const char *at = strcasestr(request, line);
    value[0] = 0;
    if (at != NULL)
        sscanf(at + strlen(line), " %399[^\r]", value);
}

static bool answer(connection *self, const char *head)
{
    return send_pieces(self, head, strlen(head));
}

/* An opening that fails, or takes another round. Whether there was one. */
static bool refuse(connection *self, const char *path, const char *authorization)
{
    char head[512];
    switch (below(&self->dice, 24)) {
    case 0:
        return true;
    case 1:
        make_reset(self->fd);
        return true;
    case 2:
        return answer(self, "HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\nno");
    case 3:
        stay_silent_us(below(&self->dice, 400000));
        return true;
    case 4:
        return answer(self, "nonsense\r\n\r\n");
    case 5:
        return answer(self, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
    case 6:
        snprintf(head, sizeof head, "HTTP/1.1 302 There\r\nLocation: %s%u\r\nContent-Length: 0\r\n\r\n", path,
                 below(&self->dice, 10));
        return answer(self, head);
    case 7:
        return answer(self, "HTTP/1.1 101 Switching Protocols\r\nUpgr");
    case 8:
        return answer(self, "HTTP/1.1 429 Slowly\r\nSet-Cookie: refused=1\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "3\r\nabc\r\n0\r\n\r\n");
    case 9:
    case 10:
        if (authorization[0] != 0)
            return false;
        return answer(self,
                      below(&self->dice, 2) == 0
                          ? "HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n"
                          : "HTTP/1.1 401 Who\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth\", "
                            "algorithm=SHA-256\r\nContent-Length: 0\r\n\r\n");
    default:
        return false;
    }
}

/* Agrees to what is offered. Messages are echoed as they come, so that any extension works that decodes what it
 * encodes. */
static bool agree(connection *self, const char *request, bool always)
{
    char key[VALUE_SIZE], offered[VALUE_SIZE], protocol[VALUE_SIZE], accept[ACCEPT_SIZE], head[2048];
    find_field(request, "Sec-WebSocket-Key", key);
    find_field(request, "Sec-WebSocket-Extensions", offered);
    find_field(request, "Sec-WebSocket-Protocol", protocol);
    accept_of(key, accept);
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\nSet-Cookie: seen=%u\r\n",
                        accept, below(&self->dice, 100));
    protocol[strcspn(protocol, ",")] = 0;
    if (protocol[0] != 0)
        size += snprintf(head + size, sizeof head - (size_t)size, "Sec-WebSocket-Protocol: %s\r\n", protocol);
    bool deflate = strstr(offered, "permessage-deflate") != NULL, own = strstr(offered, "x-flip") != NULL;
    if (!always && below(&self->dice, 4) == 0)
        deflate = own = false;
    if (deflate)
        size += snprintf(head + size, sizeof head - (size_t)size, "Sec-WebSocket-Extensions: permessage-deflate%s\r\n",
                         strstr(offered, "server_no_context_takeover") == NULL
                             ? ""
                             : "; server_no_context_takeover; client_no_context_takeover");
    if (own)
        size += snprintf(head + size, sizeof head - (size_t)size, "Sec-WebSocket-Extensions: x-flip; key=7\r\n");
    snprintf(head + size, sizeof head - (size_t)size, "\r\n");
    return below(&self->dice, 4) == 0 ? answer(self, head) : send_bytes(self, head, strlen(head));
}

void serve_connection(connection *self)
{
    char request[REQUEST_SIZE], path[200], kind[16] = "", authorization[VALUE_SIZE];
    unsigned long long number = 0, seed = 0;
    do {
        if (!read_request(self, request))
            return;
        /* A proxy whose tunnel leads to itself. */
        if (strncmp(request, "CONNECT ", 8) == 0 && !answer(self, "HTTP/1.1 200 Through\r\n\r\n"))
            return;
    } while (strncmp(request, "CONNECT ", 8) == 0);
    if (sscanf(request, "GET %199s", path) != 1 || sscanf(path, "/%15[a-z]/%llu/%llu", kind, &number, &seed) < 2)
        return;
    self->dice.state += seed;
    self->strict = strcmp(kind, "any") != 0;
    find_field(request, "Authorization", authorization);
    if (!self->strict && refuse(self, path, authorization))
        return;
    bool deflates = strcmp(kind, "seq") != 0;
    if (!agree(self, request, deflates && self->strict))
        return;
    if (strcmp(kind, "echo") == 0)
        echo(self, -1);
    else if (strcmp(kind, "cut") == 0)
        echo(self, (long)below(&self->dice, (unsigned)number + 1));
    else if (strcmp(kind, "seq") == 0)
        send_sequence(self, (unsigned)number);
    else if (below(&self->dice, 2) == 0)
        echo(self, below(&self->dice, 2) == 0 ? -1 : (long)below(&self->dice, 100));
    else
        misbehave(self);
}
