/* What is known of a session: its end, the handshake, the connection, the numbers. */

#include "native.h"

#include <stddef.h>

PyObject *session_close_info(Session *self, PyObject *none)
{
    (void)none;
    ws_close_info info = {.struct_size = sizeof info};
    if (ws_get_close_info(self->handle, &info) != WS_OK)
        Py_RETURN_NONE;
    return Py_BuildValue("IIs#I", (unsigned)info.local_code, (unsigned)info.remote_code, info.reason,
                         (Py_ssize_t)info.reason_size, (unsigned)info.clean);
}

PyObject *session_initiator(Session *self, PyObject *none)
{
    (void)none;
    ws_close_info info = {.struct_size = sizeof info};
    ws_status status = ws_get_close_info(self->handle, &info);
    return PyLong_FromUnsignedLong(status == WS_OK ? info.initiator : 0);
}

PyObject *session_response_headers(Session *self, PyObject *none)
{
    (void)none;
    PyObject *list = PyList_New(0);
    const char *name, *value;
    for (size_t i = 0; list != NULL && ws_response_header_at(self->handle, i, &name, &value); i++)
        if (add_header(list, name, value) < 0)
            Py_CLEAR(list);
    return list;
}

PyObject *session_request_headers(Session *self, PyObject *none)
{
    (void)none;
    PyObject *list = PyList_New(0);
    const char *name, *value;
    for (size_t i = 0; list != NULL && ws_request_header_at(self->handle, i, &name, &value); i++)
        if (add_header(list, name, value) < 0)
            Py_CLEAR(list);
    return list;
}

PyObject *session_peer_certificates(Session *self, PyObject *none)
{
    (void)none;
    PyObject *list = PyList_New(0);
    const uint8_t *der;
    size_t size;
    for (size_t i = 0; list != NULL && ws_peer_certificate(self->handle, i, &der, &size); i++) {
        PyObject *certificate = PyBytes_FromStringAndSize((const char *)der, (Py_ssize_t)size);
        if (certificate == NULL || PyList_Append(list, certificate) < 0)
            Py_CLEAR(list);
        Py_XDECREF(certificate);
    }
    return list;
}

PyObject *session_deflate_info(Session *self, PyObject *none)
{
    (void)none;
    ws_deflate_info info = {.struct_size = sizeof info};
    if (ws_get_deflate_info(self->handle, &info) != WS_OK)
        Py_RETURN_NONE;
    return Py_BuildValue("IIIII", info.level, info.client_max_window_bits, info.server_max_window_bits,
                         info.client_no_context_takeover, info.server_no_context_takeover);
}

PyObject *session_error(Session *self, PyObject *none)
{
    (void)none;
    const ws_error *error = ws_session_error(self->handle);
    if (error == NULL)
        Py_RETURN_NONE;
    return lent_error(error, (PyObject *)self);
}

PyObject *session_extensions(Session *self, PyObject *none)
{
    (void)none;
    PyObject *list = PyList_New(0);
    const ws_extension *extension;
    for (size_t i = 0; list != NULL && (extension = ws_extension_at(self->handle, i)) != NULL; i++) {
        PyObject *pair = Py_BuildValue("ss", extension->name, extension->parameters);
        if (pair == NULL || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

PyObject *session_info(Session *self, PyObject *none)
{
    (void)none;
    ws_session_info info = {.struct_size = sizeof info};
    ws_status status = ws_get_session_info(self->handle, &info);
    if (status != WS_OK)
        return raise_status(status, self, NULL);
    return Py_BuildValue("IIINNNNNN", (unsigned)info.http_version, (unsigned)info.tls_version,
                         (unsigned)info.tls_resumed, text_or_none(info.local_address), text_or_none(info.peer_address),
                         text_or_none(info.proxy), text_or_none(info.tls_cipher_suite),
                         text_or_none(info.tls_key_exchange_group), text_or_none(info.alpn));
}

#define NUMBER(name)                                                                                                   \
    {                                                                                                                  \
#name, offsetof(ws_stats, name)                                                                                \
    }
static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    NUMBER(messages_sent),
    NUMBER(messages_received),
    NUMBER(payload_sent),
    NUMBER(payload_received),
    NUMBER(wire_sent),
    NUMBER(wire_received),
    NUMBER(compressed_sent_before),
    NUMBER(compressed_sent_after),
    NUMBER(compressed_received_before),
    NUMBER(compressed_received_after),
    NUMBER(pings_sent),
    NUMBER(pings_received),
    NUMBER(pongs_sent),
    NUMBER(pongs_received),
    NUMBER(last_rtt_us),
    NUMBER(incoming_messages),
    NUMBER(incoming_bytes),
    NUMBER(outgoing_messages),
    NUMBER(outgoing_bytes),
    NUMBER(incoming_dropped),
    NUMBER(outgoing_dropped),
    NUMBER(resolve_us),
    NUMBER(connect_us),
    NUMBER(tls_us),
    NUMBER(handshake_us),
    NUMBER(proxy_us),
    NUMBER(reconnects),
};

PyObject *session_statistics(Session *self, PyObject *none)
{
    (void)none;
    ws_stats statistics = {.struct_size = sizeof statistics};
    ws_status status = ws_get_stats(self->handle, &statistics);
    if (status != WS_OK)
        return raise_status(status, self, NULL);
    PyObject *all = PyDict_New();
    for (size_t i = 0; all != NULL && i < sizeof numbers / sizeof *numbers; i++) {
        const uint64_t *number = (const uint64_t *)(const void *)((const char *)&statistics + numbers[i].offset);
        PyObject *value = PyLong_FromUnsignedLongLong(*number);
        if (value == NULL || PyDict_SetItemString(all, numbers[i].name, value) < 0)
            Py_CLEAR(all);
        Py_XDECREF(value);
    }
    return all;
}
