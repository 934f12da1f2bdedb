/* Until the header has them. */
#include <ktorws.h>
typedef struct ws_message {
    const void *data;
    size_t size;
    uint32_t type;
    uint32_t flags;
} ws_message;
ws_status ws_send_batch(ws_session *, const ws_message *, size_t, size_t *, int64_t) __attribute__((weak));
ws_status ws_recv_batch(ws_session *, ws_frame **, size_t, size_t *, int64_t) __attribute__((weak));
ws_status ws_config_set_spin_us(ws_config *, uint32_t) __attribute__((weak));
