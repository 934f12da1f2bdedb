#include "shim.h"

#include <string.h>

#include "_cgo_export.h"

ws_status kgo_receive(uintptr_t session, uint32_t most, int32_t flush, kgo_receipt *receipt)
{
    ws_frame *frames[SHIM_IN];
    size_t count = 0, filled = 0;
    ws_status status = ws_recv_batch((ws_session *)session, frames, most, &count, 0);
    receipt->count = 0;
    if (status != WS_OK) {
        if (flush && status == WS_ERR_TIMEOUT)
            ws_flush((ws_session *)session, 0);
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        kgo_received *item = &receipt->items[i];
        *item = (kgo_received){
            .size = frames[i]->size,
            .type = frames[i]->type,
            .flags = frames[i]->flags,
            .close_code = frames[i]->close_code,
        };
        if (item->size <= SHIM_SMALL && item->size <= SHIM_SCRATCH - filled) {
            memcpy(receipt->scratch + filled, frames[i]->data, item->size);
            filled += item->size;
            ws_frame_free(frames[i]);
        } else {
            item->frame = (uintptr_t)frames[i];
        }
    }
    receipt->count = count;
    return WS_OK;
}

const uint8_t *kgo_payload(uintptr_t frame)
{
    return ((const ws_frame *)frame)->data;
}

void kgo_free(uintptr_t frame)
{
    ws_frame_free((ws_frame *)frame);
}

ws_status kgo_send(uintptr_t session, uint32_t type, const uint8_t *data, size_t size, uint32_t flags)
{
    return ws_send((ws_session *)session, type, data, size, flags, 0);
}

ws_status kgo_send_many(uintptr_t session, kgo_shipment *shipment)
{
    ws_message messages[SHIM_OUT];
    const uint8_t *at = shipment->bytes;
    for (size_t i = 0; i < shipment->count; i++) {
        messages[i] = (ws_message){.data = at, .size = shipment->items[i].size, .type = shipment->items[i].type};
        at += messages[i].size;
    }
    shipment->accepted = 0;
    return ws_send_batch((ws_session *)session, messages, shipment->count, &shipment->accepted, 0);
}

static void on_open(ws_session *session, void *events)
{
    (void)session;
    kgoOpened((uintptr_t)events);
}

static void on_writable(ws_session *session, void *events)
{
    (void)session;
    kgoWritable((uintptr_t)events);
}

static void on_close(ws_session *session, ws_status status, void *events)
{
    (void)session;
    (void)status;
    kgoClosed((uintptr_t)events);
}

static void drop(void *events)
{
    kgoDropped((uintptr_t)events);
}

ws_status kgo_open(const ws_config *config, const char *url, uintptr_t events, ws_session **session)
{
    ws_callbacks callbacks = {
        .struct_size = sizeof callbacks,
        .on_open = on_open,
        .on_writable = on_writable,
        .on_close = on_close,
        .drop = drop,
    };
    ws_config *own = ws_config_clone(config);
    ws_status status = own == NULL ? WS_ERR_NO_MEMORY : ws_config_set_callbacks(own, &callbacks, (void *)events);
    if (status != WS_OK) {
        drop((void *)events);
    } else {
        ws_config_set_user_data(own, (void *)events);
        status = ws_connect_async(url, own, session);
    }
    ws_config_free(own);
    return status;
}

static void on_auth(ws_auth *auth, void *dialer)
{
    kgoAuthenticate((uintptr_t)dialer, auth);
}

void kgo_set_auth(ws_config *config, uintptr_t dialer)
{
    ws_config_set_auth_callback(config, on_auth, (void *)dialer);
}

static int32_t filter(void *dialer, uint32_t type, const void *data, size_t size)
{
    return kgoFilter((uintptr_t)dialer, type, (void *)data, size);
}

ws_status kgo_install_deflate(ws_config *config, ws_deflate_options *options, int32_t filters, uintptr_t dialer)
{
    if (filters) {
        options->filter = filter;
        options->filter_user_data = (void *)dialer;
    }
    return ws_config_install_deflate(config, options);
}

static int32_t decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
                      void *unused)
{
    (void)unused;
    return kgoDecide((uintptr_t)ws_get_user_data(session), (ws_error *)why, attempt, suggested, delay_ms);
}

static void prepare(ws_session *session, ws_attempt *attempt, void *unused)
{
    (void)unused;
    kgoPrepare((uintptr_t)ws_get_user_data(session), attempt);
}

ws_status kgo_set_reconnect(ws_config *config, ws_reconnect_options *options, int32_t decides, int32_t prepares)
{
    if (decides)
        options->decide = decide;
    if (prepares)
        options->prepare = prepare;
    return ws_config_set_reconnect(config, options);
}

static void on_log(uint32_t level, uint64_t session_id, const char *message, void *unused)
{
    (void)unused;
    kgoLog(level, session_id, (char *)message);
}

ws_status kgo_set_log(uint32_t level)
{
    return ws_set_log_callback(level, level == WS_LOG_OFF ? NULL : on_log, NULL);
}
