/* ktorws._ktorws.Session: what sessions that block and those of an event loop share. */

#include "native.h"

#include <stddef.h>
#include <structmember.h>

static PyObject *session_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    (void)arguments;
    (void)keywords;
    Session *self = (Session *)PyType_GenericAlloc(type, 0);
    if (self == NULL)
        return NULL;
    self->descriptor = -1;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->mutex, NULL);
    pthread_cond_init(&self->turned, &attributes);
    pthread_condattr_destroy(&attributes);
    return (PyObject *)self;
}

static int session_traverse(Session *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->config);
    Py_VISIT(self->loop);
    Py_VISIT(self->local_close);
    Py_VISIT(self->future);
    return 0;
}

static int session_clear(Session *self)
{
    Py_CLEAR(self->config);
    Py_CLEAR(self->loop);
    Py_CLEAR(self->local_close);
    Py_CLEAR(self->future);
    return 0;
}

static void session_dealloc(Session *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    waiting_clear(&self->waiting);
    ws_session_free(self->handle);
    if (self->news != NULL)
        news_release(self->news);
    session_clear(self);
    pthread_cond_destroy(&self->turned);
    pthread_mutex_destroy(&self->mutex);
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

/* _open(url, config, loop): begins to open it. */
static PyObject *session_open(Session *self, PyObject *arguments)
{
    const char *url;
    PyObject *config, *loop;
    if (!PyArg_ParseTuple(arguments, "sO!O", &url, config_type, &config, &loop))
        return NULL;
    if (self->handle != NULL)
        return raise_status(WS_ERR_STATE, NULL, NULL);
    struct news *news = news_new((Config *)config, loop != Py_None);
    if (news == NULL)
        return NULL;
    ws_session *handle;
    ws_status status = connect_with_news(url, (Config *)config, news, &handle);
    if (status != WS_OK) {
        news_release(news);
        return raise_status(status, NULL, NULL);
    }
    self->handle = handle;
    self->news = news;
    self->config = (Config *)Py_NewRef(config);
    self->delivery = self->config->delivery;
    if (loop == Py_None)
        Py_RETURN_NONE;
    self->loop = Py_NewRef(loop);
    self->future = new_future(loop);
    return self->future == NULL ? NULL : Py_NewRef(Py_None);
}

/* _wait_open(): with Python's lock given back, until it is open or has failed. */
static PyObject *session_wait_open(Session *self, PyObject *none)
{
    (void)none;
    struct wait wait;
    wait_begin(&wait, -1);
    for (;;) {
        ws_error *error = NULL;
        ws_status status;
        Py_BEGIN_ALLOW_THREADS status = ws_wait_open(self->handle, wait_slice(&wait), &error);
        Py_END_ALLOW_THREADS if (status == WS_OK) Py_RETURN_NONE;
        if (status == WS_ERR_TIMEOUT || status == WS_ERR_INTERRUPTED) {
            /* It was this call only that took too long, unless opening is over: then it is asked once more. */
            ws_error_free(error);
            error = NULL;
            if (ws_state(self->handle) != WS_STATE_CLOSED) {
                if (wait_goes_on(&wait) < 0)
                    return NULL;
                continue;
            }
            status = ws_wait_open(self->handle, 0, &error);
        }
        return raise_status(status, self, error);
    }
}

/* _check_open(): how opening ended. */
static PyObject *session_check_open(Session *self, PyObject *none)
{
    (void)none;
    ws_error *error = NULL;
    ws_status status = ws_wait_open(self->handle, 0, &error);
    if (status != WS_OK)
        return raise_status(status, self, error);
    Py_RETURN_NONE;
}

/* _close(code, reason): begins the closing handshake. */
static PyObject *session_close(Session *self, PyObject *arguments)
{
    unsigned code;
    const char *reason;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(arguments, "Is#", &code, &reason, &size))
        return NULL;
    ws_status status;
    Py_BEGIN_ALLOW_THREADS status = ws_close(self->handle, code, reason, (size_t)size);
    /* From now on messages that nobody receives must not keep the server's Close away. */
    if (status == WS_OK)
        ws_wait_closed(self->handle, 0);
    Py_END_ALLOW_THREADS if (status == WS_ERR_INVALID_ARGUMENT) return PyErr_Format(
        PyExc_ValueError, "not a close code to send, or a reason of more than 123 bytes of UTF-8");
    if (status != WS_OK)
        return raise_status(status, self, NULL);
    Py_RETURN_NONE;
}

static PyObject *session_wait_closed(Session *self, PyObject *none)
{
    (void)none;
    struct wait wait;
    wait_begin(&wait, -1);
    for (;;) {
        ws_status status;
        Py_BEGIN_ALLOW_THREADS status = ws_wait_closed(self->handle, wait_slice(&wait));
        Py_END_ALLOW_THREADS if (status == WS_OK) Py_RETURN_NONE;
        if (status != WS_ERR_TIMEOUT && status != WS_ERR_INTERRUPTED)
            return raise_status(status, self, NULL);
        if (wait_goes_on(&wait) < 0)
            return NULL;
    }
}

static PyObject *session_abort(Session *self, PyObject *none)
{
    (void)none;
    ws_abort(self->handle);
    Py_RETURN_NONE;
}

/* _send_control(is_ping, payload): False if there is no room, or no connection at the moment. */
static PyObject *session_send_control(Session *self, PyObject *arguments)
{
    int is_ping;
    const char *payload;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(arguments, "py#", &is_ping, &payload, &size))
        return NULL;
    if (size > 125)
        return PyErr_Format(PyExc_ValueError, "a ping or pong has at most 125 bytes");
    ws_status status;
    uint32_t type = is_ping ? WS_FRAME_PING : WS_FRAME_PONG;
    Py_BEGIN_ALLOW_THREADS status = ws_send(self->handle, type, payload, (size_t)size, 0, 0);
    Py_END_ALLOW_THREADS if (status == WS_OK) Py_RETURN_TRUE;
    if (status == WS_ERR_TIMEOUT || status == WS_ERR_INTERRUPTED)
        Py_RETURN_FALSE;
    return raise_status(status, self, NULL);
}

/* _try_send(message, text, part): False if there is no room. */
static PyObject *session_try_send(Session *self, PyObject *arguments)
{
    struct payload payload;
    enum part part;
    if (part_of(arguments, &payload, &part) < 0)
        return NULL;
    ws_status status;
    do
        status = send_as(self, &payload, part, 0);
    while (status == WS_ERR_INTERRUPTED);
    payload_release(&payload);
    if (status == WS_OK)
        Py_RETURN_TRUE;
    if (status == WS_ERR_TIMEOUT)
        Py_RETURN_FALSE;
    return raise_status(status, self, NULL);
}

static PyObject *get_state(Session *self, void *closure)
{
    (void)closure;
    return PyLong_FromLong((long)ws_state(self->handle));
}

static PyObject *get_subprotocol(Session *self, void *closure)
{
    (void)closure;
    const char *chosen = ws_subprotocol(self->handle);
    return text_or_none(chosen == NULL || *chosen == '\0' ? NULL : chosen);
}

static PyObject *get_url(Session *self, void *closure)
{
    (void)closure;
    return text_or_none(ws_request_url(self->handle));
}

static PyObject *get_response_status(Session *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLong(ws_response_status(self->handle));
}

static PyObject *get_id(Session *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(ws_session_id(self->handle));
}

static PyObject *get_buffered_amount(Session *self, void *closure)
{
    (void)closure;
    return PyLong_FromSize_t(ws_buffered_amount(self->handle));
}

static PyGetSetDef properties[] = {
    {"_state", (getter)get_state, NULL, NULL, NULL},
    {"_subprotocol", (getter)get_subprotocol, NULL, NULL, NULL},
    {"_url", (getter)get_url, NULL, NULL, NULL},
    {"_response_status", (getter)get_response_status, NULL, NULL, NULL},
    {"_id", (getter)get_id, NULL, NULL, NULL},
    {"_buffered_amount", (getter)get_buffered_amount, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"_open", (PyCFunction)session_open, METH_VARARGS, NULL},
    {"_wait_open", (PyCFunction)session_wait_open, METH_NOARGS, NULL},
    {"_check_open", (PyCFunction)session_check_open, METH_NOARGS, NULL},
    {"_close", (PyCFunction)session_close, METH_VARARGS, NULL},
    {"_wait_closed", (PyCFunction)session_wait_closed, METH_NOARGS, NULL},
    {"_abort", (PyCFunction)session_abort, METH_NOARGS, NULL},
    {"_send_control", (PyCFunction)session_send_control, METH_VARARGS, NULL},
    {"_try_send", (PyCFunction)session_try_send, METH_VARARGS, NULL},
    {"_close_info", (PyCFunction)session_close_info, METH_NOARGS, NULL},
    {"_initiator", (PyCFunction)session_initiator, METH_NOARGS, NULL},
    {"_response_headers", (PyCFunction)session_response_headers, METH_NOARGS, NULL},
    {"_extensions", (PyCFunction)session_extensions, METH_NOARGS, NULL},
    {"_session_info", (PyCFunction)session_info, METH_NOARGS, NULL},
    {"_statistics", (PyCFunction)session_statistics, METH_NOARGS, NULL},
    {"_request_headers", (PyCFunction)session_request_headers, METH_NOARGS, NULL},
    {"_peer_certificates", (PyCFunction)session_peer_certificates, METH_NOARGS, NULL},
    {"_deflate_info", (PyCFunction)session_deflate_info, METH_NOARGS, NULL},
    {"_error", (PyCFunction)session_error, METH_NOARGS, NULL},
    {"_set", (PyCFunction)session_set, METH_VARARGS, NULL},
    {"_get", (PyCFunction)session_get, METH_O, NULL},
    {"_start_default", (PyCFunction)session_start_default, METH_VARARGS, NULL},
    {"_send_frame", (PyCFunction)session_send_frame, METH_VARARGS, NULL},
    {"_flush", (PyCFunction)session_flush, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"_local_close", T_OBJECT, offsetof(Session, local_close), 0, NULL},
    {"_by_frames", T_INT, offsetof(Session, delivery.by_frames), READONLY, NULL},
    {"_shown_events", T_UINT, offsetof(Session, delivery.events), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, session_new},         {Py_tp_members, members},
    {Py_tp_dealloc, session_dealloc}, {Py_tp_traverse, session_traverse},
    {Py_tp_clear, session_clear},     {Py_tp_getset, properties},
    {Py_tp_methods, methods},         {0, NULL},
};

static PyType_Spec spec = {
    .name = "ktorws._ktorws.Session",
    .basicsize = sizeof(Session),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int add_session(PyObject *module)
{
    return add_type(module, &session_type, &spec, NULL);
}
