/* ktorws._ktorws.Config: settings by the names of their functions in the C API. */

#include "native.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

enum kind { STRING, STRINGS, I32, I64, U32, U64, SIZE, FLAGS, QUEUE, KEEPALIVE, RESOLVE, BYTES, IDENTITY };

typedef void (*function)(void);

static const struct setting {
    const char *name;
    enum kind kind;
    function set;
} settings[] = {
    {"add_header", STRINGS, (function)ws_config_add_header},
    {"add_subprotocol", STRING, (function)ws_config_add_subprotocol},
    {"origin", STRING, (function)ws_config_set_origin},
    {"user_agent", STRING, (function)ws_config_set_user_agent},
    {"basic_auth", STRINGS, (function)ws_config_set_basic_auth},
    {"bearer_token", STRING, (function)ws_config_set_bearer_token},
    {"proxy", STRING, (function)ws_config_set_proxy},
    {"max_redirects", U32, (function)ws_config_set_max_redirects},
    {"connect_timeout_ms", I64, (function)ws_config_set_connect_timeout_ms},
    {"handshake_timeout_ms", I64, (function)ws_config_set_handshake_timeout_ms},
    {"resolve_timeout_ms", I64, (function)ws_config_set_resolve_timeout_ms},
    {"proxy_timeout_ms", I64, (function)ws_config_set_proxy_timeout_ms},
    {"tls_timeout_ms", I64, (function)ws_config_set_tls_timeout_ms},
    {"open_timeout_ms", I64, (function)ws_config_set_open_timeout_ms},
    {"close_timeout_ms", I64, (function)ws_config_set_close_timeout_ms},
    {"idle_timeout_ms", I64, (function)ws_config_set_idle_timeout_ms},
    {"ping_interval_ms", I64, (function)ws_config_set_ping_interval_ms},
    {"ping_timeout_ms", I64, (function)ws_config_set_ping_timeout_ms},
    {"max_frame_size", U64, (function)ws_config_set_max_frame_size},
    {"max_message_size", U64, (function)ws_config_set_max_message_size},
    {"incoming_queue", QUEUE, (function)ws_config_set_incoming_queue},
    {"outgoing_queue", QUEUE, (function)ws_config_set_outgoing_queue},
    {"auto_fragment", SIZE, (function)ws_config_set_auto_fragment},
    {"coalescing", I32, (function)ws_config_set_coalescing},
    {"spin_us", U32, (function)ws_config_set_spin_us},
    {"ping_liveness", U32, (function)ws_config_set_ping_liveness},
    {"auto_pong", I32, (function)ws_config_set_auto_pong},
    {"validate_utf8", I32, (function)ws_config_set_validate_utf8},
    {"allow_unmasked", I32, (function)ws_config_set_allow_unmasked},
    {"masking", I32, (function)ws_config_set_masking},
    {"tcp_nodelay", I32, (function)ws_config_set_tcp_nodelay},
    {"local_address", STRING, (function)ws_config_set_local_address},
    {"unix_socket", STRING, (function)ws_config_set_unix_socket},
    {"socket_fd", I32, (function)ws_config_set_socket_fd},
    {"resolve", RESOLVE, (function)ws_config_add_resolve},
    {"tcp_keepalive", KEEPALIVE, (function)ws_config_set_tcp_keepalive},
    {"tls_ca_pem", BYTES, (function)ws_config_add_tls_ca_pem},
    {"tls_ca_dir", STRING, (function)ws_config_add_tls_ca_dir},
    {"tls_system_store", I32, (function)ws_config_set_tls_system_store},
    {"tls_alpn", STRING, (function)ws_config_set_tls_alpn},
    {"tls_crl_file", STRING, (function)ws_config_add_tls_crl_file},
    {"tls_client_cert_pem", IDENTITY, (function)ws_config_set_tls_client_cert_pem},
    {"tls_server_name", STRING, (function)ws_config_set_tls_server_name},
    {"tls_verify", FLAGS, (function)ws_config_set_tls_verify},
    {"tls_min_version", U32, (function)ws_config_set_tls_min_version},
    {"tls_pin_sha256", STRING, (function)ws_config_add_tls_pin_sha256},
    {"tls_key_log_file", STRING, (function)ws_config_set_tls_key_log_file},
};

int config_has_functions(const Config *config)
{
    return config->authenticate != NULL || config->decide != NULL || config->prepare != NULL;
}

/* Beside the statuses, which are negative: Python's exception is set. */
#define EXCEPTION 1

static int set_value(ws_config *config, const struct setting *setting, PyObject *rest)
{
    function set = setting->set;
    const char *first, *second;
    Py_ssize_t first_size, second_size;
    long long number;
    unsigned long long natural, other, third;
    unsigned policy;
    int yes, also;
    switch (setting->kind) {
    case STRING:
        if (!PyArg_ParseTuple(rest, "z", &first))
            return EXCEPTION;
        return ((ws_status(*)(ws_config *, const char *))set)(config, first);
    case STRINGS:
        if (!PyArg_ParseTuple(rest, "ss", &first, &second))
            return EXCEPTION;
        return ((ws_status(*)(ws_config *, const char *, const char *))set)(config, first, second);
    case I32:
        if (!PyArg_ParseTuple(rest, "i", &yes))
            return EXCEPTION;
        return ((ws_status(*)(ws_config *, int32_t))set)(config, yes);
    case I64:
        if (!PyArg_ParseTuple(rest, "L", &number))
            return EXCEPTION;
        return ((ws_status(*)(ws_config *, int64_t))set)(config, number);
    case U32:
        if (!PyArg_ParseTuple(rest, "K", &natural))
            return EXCEPTION;
        if (natural > UINT32_MAX)
            return WS_ERR_INVALID_ARGUMENT;
        return ((ws_status(*)(ws_config *, uint32_t))set)(config, (uint32_t)natural);
    case U64:
        if (!PyArg_ParseTuple(rest, "K", &natural))
            return EXCEPTION;
        return ((ws_status(*)(ws_config *, uint64_t))set)(config, natural);
    case SIZE:
        if (!PyArg_ParseTuple(rest, "K", &natural))
            return EXCEPTION;
        return ((ws_status(*)(ws_config *, size_t))set)(config, natural);
    case FLAGS:
        if (!PyArg_ParseTuple(rest, "pp", &yes, &also))
            return EXCEPTION;
        return ((ws_status(*)(ws_config *, int32_t, int32_t))set)(config, yes, also);
    case QUEUE:
        if (!PyArg_ParseTuple(rest, "KKI", &natural, &other, &policy))
            return EXCEPTION;
        return ((ws_status(*)(ws_config *, size_t, size_t, uint32_t))set)(config, natural, other, policy);
    case KEEPALIVE:
        if (!PyArg_ParseTuple(rest, "KKK", &natural, &other, &third))
            return EXCEPTION;
        if (natural > UINT32_MAX || other > UINT32_MAX || third > UINT32_MAX)
            return WS_ERR_INVALID_ARGUMENT;
        return ((ws_status(*)(ws_config *, uint32_t, uint32_t, uint32_t))set)(config, (uint32_t)natural,
                                                                              (uint32_t)other, (uint32_t)third);
    case RESOLVE:
        if (!PyArg_ParseTuple(rest, "sKs", &first, &natural, &second))
            return EXCEPTION;
        if (natural > UINT16_MAX)
            return WS_ERR_INVALID_ARGUMENT;
        return ((ws_status(*)(ws_config *, const char *, uint16_t, const char *))set)(config, first, (uint16_t)natural,
                                                                                      second);
    case BYTES:
        if (!PyArg_ParseTuple(rest, "y#", &first, &first_size))
            return EXCEPTION;
        return ((ws_status(*)(ws_config *, const char *, size_t))set)(config, first, (size_t)first_size);
    case IDENTITY:
        if (!PyArg_ParseTuple(rest, "y#z#", &first, &first_size, &second, &second_size))
            return EXCEPTION;
        return ((ws_status(*)(ws_config *, const char *, size_t, const char *, size_t))set)(
            config, first, (size_t)first_size, second, (size_t)second_size);
    }
    return WS_ERR_UNSUPPORTED;
}

static void set_function(PyObject **place, PyObject *callable)
{
    PyObject *before = *place;
    *place = Py_NewRef(callable);
    Py_XDECREF(before);
}

/* The exception names the setting, and says what the library says of the value. */
static PyObject *refused(const Config *self, const char *name, ws_status status)
{
    const ws_error *error = ws_config_error(self->handle);
    const char *reason = error == NULL ? ws_strerror(status) : ws_error_message(error);
    /* It begins with the function of the C API. */
    const char *end = strstr(reason, ": ");
    if (error != NULL && end != NULL)
        reason = end + 2;
    return PyErr_Format(PyExc_ValueError, "%s: %s", name, reason);
}

/* set(name, *values) */
static PyObject *set(Config *self, PyObject *arguments)
{
    Py_ssize_t count = PyTuple_Size(arguments);
    PyObject *first = count > 0 ? PyTuple_GetItem(arguments, 0) : NULL;
    const char *name = first != NULL && PyUnicode_Check(first) ? PyUnicode_AsUTF8AndSize(first, NULL) : NULL;
    const struct setting *setting = NULL;
    for (size_t i = 0; name != NULL && i < sizeof settings / sizeof *settings; i++)
        if (strcmp(settings[i].name, name) == 0)
            setting = &settings[i];
    if (setting == NULL)
        return PyErr_Format(PyExc_TypeError, "no such setting");
    PyObject *rest = PyTuple_GetSlice(arguments, 1, count);
    if (rest == NULL)
        return NULL;
    int status = set_value(self->handle, setting, rest);
    Py_DECREF(rest);
    if (status == EXCEPTION)
        return NULL;
    if (status != WS_OK)
        return refused(self, name, status);
    Py_RETURN_NONE;
}

static PyObject *set_cookie_jar(Config *self, PyObject *jar)
{
    if (!PyObject_TypeCheck(jar, jar_type))
        return PyErr_Format(PyExc_TypeError, "cookies are a CookieJar");
    ws_config_set_cookie_jar(self->handle, ((CookieJar *)jar)->handle);
    Py_RETURN_NONE;
}

static PyObject *set_deflate(Config *self, PyObject *arguments)
{
    ws_deflate_options options = {.struct_size = sizeof options};
    unsigned long long min_size;
    int client_alone, server_alone;
    PyObject *filter;
    if (!PyArg_ParseTuple(arguments, "IIIIppKIO", &options.level, &options.memory_level,
                          &options.client_max_window_bits, &options.server_max_window_bits, &client_alone,
                          &server_alone, &min_size, &options.flags, &filter))
        return NULL;
    if (filter != Py_None) {
        set_function(&self->filter, filter);
        options.filter = call_filter;
        options.filter_user_data = self;
    }
    options.client_no_context_takeover = client_alone != 0;
    options.server_no_context_takeover = server_alone != 0;
    options.min_size = min_size;
    ws_status status = ws_config_install_deflate(self->handle, &options);
    if (status != WS_OK)
        return refused(self, "compression", status);
    Py_RETURN_NONE;
}

static PyObject *set_reconnect(Config *self, PyObject *arguments)
{
    ws_reconnect_options options = {.struct_size = sizeof options};
    long long first, most, outage, retry_after;
    PyObject *decide, *prepare, *on_reconnect;
    int keeps, opens;
    if (!PyArg_ParseTuple(arguments, "LLLILppOOO", &first, &most, &outage, &options.max_attempts, &retry_after, &keeps,
                          &opens, &decide, &prepare, &on_reconnect))
        return NULL;
    options.first_delay_ms = first;
    options.max_delay_ms = most;
    options.max_outage_ms = outage;
    options.max_retry_after_ms = retry_after;
    options.flags = (keeps ? WS_RECONNECT_KEEP_UNSENT : 0) | (opens ? WS_RECONNECT_FIRST : 0);
    options.user_data = self;
    if (decide != Py_None) {
        set_function(&self->decide, decide);
        options.decide = call_decide;
    }
    if (prepare != Py_None) {
        set_function(&self->prepare, prepare);
        options.prepare = call_prepare;
    }
    if (on_reconnect != Py_None)
        set_function(&self->on_reconnect, on_reconnect);
    ws_status status = ws_config_set_reconnect(self->handle, &options);
    if (status != WS_OK)
        return refused(self, "reconnect", status);
    Py_RETURN_NONE;
}

/* set_delivery(raw, part size, control frames, events, reconnects) */
static PyObject *set_delivery(Config *self, PyObject *arguments)
{
    int raw, reconnects;
    unsigned long long part_size;
    struct delivery *delivery = &self->delivery;
    if (!PyArg_ParseTuple(arguments, "pKIIp", &raw, &part_size, &delivery->control_then, &delivery->events,
                          &reconnects))
        return NULL;
    delivery->control = raw ? WS_CONTROL_PING | WS_CONTROL_PONG | WS_CONTROL_CLOSE : delivery->control_then;
    delivery->by_frames = part_size > 0 || delivery->control != 0 || delivery->events != 0;
    /* A new connection ends the pings that were lost, and a lost one the message that comes in parts. */
    uint32_t events = delivery->events | (reconnects ? WS_EVENT_RESUMED : 0);
    if (reconnects && delivery->by_frames)
        events |= WS_EVENT_LOST;
    ws_status status = ws_config_set_deliver_parts(self->handle, part_size);
    if (status != WS_OK)
        return refused(self, "part_size", status);
    /* Pongs are for ping(). */
    ws_config_set_deliver_control(self->handle, delivery->control_then | WS_CONTROL_PONG);
    ws_config_set_deliver_events(self->handle, events);
    ws_config_set_raw(self->handle, raw);
    Py_RETURN_NONE;
}

static PyObject *set_authenticate(Config *self, PyObject *callable)
{
    set_function(&self->authenticate, callable);
    ws_config_set_auth_callback(self->handle, call_authenticate, self);
    Py_RETURN_NONE;
}

static PyObject *config_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    (void)arguments;
    (void)keywords;
    Config *self = (Config *)PyType_GenericAlloc(type, 0);
    if (self == NULL)
        return NULL;
    self->handle = ws_config_new();
    if (self->handle == NULL) {
        Py_DECREF((PyObject *)self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static int config_traverse(Config *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->authenticate);
    Py_VISIT(self->decide);
    Py_VISIT(self->prepare);
    Py_VISIT(self->on_reconnect);
    Py_VISIT(self->filter);
    return 0;
}

static int config_clear(Config *self)
{
    Py_CLEAR(self->authenticate);
    Py_CLEAR(self->decide);
    Py_CLEAR(self->prepare);
    Py_CLEAR(self->on_reconnect);
    Py_CLEAR(self->filter);
    return 0;
}

static void config_dealloc(Config *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    if (self->weak_references != NULL)
        PyObject_ClearWeakRefs((PyObject *)self);
    ws_config_free(self->handle);
    config_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

static PyMethodDef config_methods[] = {
    {"set", (PyCFunction)set, METH_VARARGS, NULL},
    {"set_deflate", (PyCFunction)set_deflate, METH_VARARGS, NULL},
    {"set_reconnect", (PyCFunction)set_reconnect, METH_VARARGS, NULL},
    {"set_delivery", (PyCFunction)set_delivery, METH_VARARGS, NULL},
    {"set_cookie_jar", (PyCFunction)set_cookie_jar, METH_O, NULL},
    {"set_authenticate", (PyCFunction)set_authenticate, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef config_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Config, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot config_slots[] = {
    {Py_tp_new, config_new},
    {Py_tp_dealloc, config_dealloc},
    {Py_tp_traverse, config_traverse},
    {Py_tp_clear, config_clear},
    {Py_tp_methods, config_methods},
    {Py_tp_members, config_members},
    {0, NULL},
};

static PyType_Spec config_spec = {
    .name = "ktorws._ktorws.Config",
    .basicsize = sizeof(Config),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = config_slots,
};

int add_config(PyObject *module)
{
    return add_type(module, &config_type, &config_spec, NULL);
}
