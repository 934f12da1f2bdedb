/* What the floors share: the bytes of a WebSocket client without the work on them. */

#ifndef FLOOR_H
#define FLOOR_H

#include <stddef.h>
#include <stdint.h>

enum { RECEIVE_SIZE = 256 * 1024 };

/* A whole frame as the server sends it, and as a client does. */
size_t server_frame_size(size_t size);
size_t client_frame_size(size_t size);

/* Where a server's frame has its payload. */
size_t header_size(size_t size);

/* A client's frame, masked; returns its end. */
uint8_t *write_frame(uint8_t *at, size_t size);

/* A blocking socket with TCP_NODELAY, after the opening handshake. */
int connect_socket(const char *url);

/* Waits while the socket takes nothing. */
void send_all(int socket, const uint8_t *data, size_t size);

/* A Close without code. */
void send_close(int socket);

#endif
