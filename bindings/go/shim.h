/*
 * What the binding calls: each function does in one crossing from Go to C what would take several, and none waits.
 *
 * Those that are called for each message take the session as a number, and bytes as what is surely bytes: of all other
 * pointers cgo checks each time, at the cost of an allocation, what they point to.
 */

#ifndef KTORWS_GO_SHIM_H
#define KTORWS_GO_SHIM_H

#include <ktorws.h>

enum {
    SHIM_IN = 64,         /* messages of one kgo_receive */
    SHIM_SCRATCH = 16384, /* and the bytes of the small ones */
    SHIM_SMALL = 4096,
    SHIM_OUT = 256, /* messages of one kgo_send_many */
    SHIM_PACKED = 65536,
};

/* All of it lives in Go's memory, so addresses are numbers here. */
typedef struct {
    uintptr_t frame; /* 0: the payload is in the scratch, behind those before */
    size_t size;
    uint32_t type, flags, close_code;
} kgo_received;

typedef struct {
    size_t count;
    kgo_received items[SHIM_IN];
    uint8_t scratch[SHIM_SCRATCH];
} kgo_receipt;

typedef struct {
    size_t size;
    uint32_t type;
} kgo_packed;

typedef struct {
    size_t count;
    size_t accepted;
    kgo_packed items[SHIM_OUT];
    uint8_t bytes[SHIM_PACKED];
} kgo_shipment;

/* Receives the messages that have arrived, at most `most`. If there are none and `flush` is set, sends what was held back. */
ws_status kgo_receive(uintptr_t session, uint32_t most, int32_t flush, kgo_receipt *receipt);

/* The payload of a frame that was not small. */
const uint8_t *kgo_payload(uintptr_t frame);
void kgo_free(uintptr_t frame);

ws_status kgo_send(uintptr_t session, uint32_t type, const uint8_t *data, size_t size, uint32_t flags);
ws_status kgo_send_many(uintptr_t session, kgo_shipment *shipment);

/*
 * Opens a session that calls back for `events`, a cgo.Handle, until it drops it; also when it cannot be opened. The handle is
 * the session's user data as well.
 */
ws_status kgo_open(const ws_config *config, const char *url, uintptr_t events, ws_session **session);

void kgo_set_auth(ws_config *config, uintptr_t dialer);
/* `filters`: the options get a filter, which is that of `dialer`. */
ws_status kgo_install_deflate(ws_config *config, ws_deflate_options *options, int32_t filters, uintptr_t dialer);
ws_status kgo_set_reconnect(ws_config *config, ws_reconnect_options *options, int32_t decides, int32_t prepares);
ws_status kgo_set_log(uint32_t level);

#endif
