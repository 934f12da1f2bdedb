#include "floor.h"

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

size_t header_size(size_t size)
{
    return size < 126 ? 2 : size < 65536 ? 4 : 10;
}

size_t server_frame_size(size_t size)
{
    return header_size(size) + size;
}

size_t client_frame_size(size_t size)
{
    return header_size(size) + sizeof mask + size;
}

uint8_t *write_frame(uint8_t *at, size_t size)
{
    size_t length_size = header_size(size) - 2;
    *at++ = 0x82;
    *at++ = (uint8_t)(0x80 | (length_size == 0 ? size : length_size == 2 ? 126 : 127));
    for (size_t i = length_size; i > 0; i--)
        *at++ = (uint8_t)(size >> (8 * (i - 1)));
    memcpy(at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < size; i++)
        *at++ = pattern(i) ^ mask[i % 4];
    return at;
}

void send_all(int socket, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(socket, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            fail("send: %s", strerror(errno));
        if (sent < 0) {
            poll(&(struct pollfd){.fd = socket, .events = POLLOUT}, 1, -1);
            continue;
        }
        data += sent;
        size -= (size_t)sent;
    }
}

void send_close(int socket)
{
    static const uint8_t close_frame[] = {0x88, 0x80, 0, 0, 0, 0};
    send_all(socket, close_frame, sizeof close_frame);
}

/* The server sends nothing behind its response before it is asked to. */
static void shake_hands(int socket, const char *host, const char *path)
{
    char request[512];
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        path, host);
    send_all(socket, (const uint8_t *)request, (size_t)size);
    char response[1024];
    size_t received = 0;
    do {
        ssize_t more = recv(socket, response + received, sizeof response - received, 0);
        if (more <= 0)
            fail("recv: %s", more == 0 ? "the end" : strerror(errno));
        received += (size_t)more;
    } while (received < 4 || memcmp(response + received - 4, "\r\n\r\n", 4) != 0);
    if (memcmp(response, "HTTP/1.1 101", 12) != 0)
        fail("the server answered %.12s", response);
}

int connect_socket(const char *url)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[64];
    unsigned short port;
    int path_at;
    if (sscanf(url, "ws://%63[0-9.]:%hu%n", host, &port, &path_at) != 2 || inet_aton(host, &address.sin_addr) == 0)
        fail("%s is not a ws URL with an address and a port", url);
    address.sin_port = htons(port);
    int opened = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(opened, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connect to %s: %s", url, strerror(errno));
    int on = 1;
    setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    shake_hands(opened, host, url + path_at);
    return opened;
}
