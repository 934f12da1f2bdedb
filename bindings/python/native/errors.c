/* ktorws._ktorws.Error: what is known of a failure. */

#include "native.h"

#include <string.h>

typedef struct {
    PyObject ob_base;
    const ws_error *error;
    ws_error *owned;
    /* Else the session that lends it. */
    PyObject *session;
} Error;

PyObject *text_or_none(const char *text)
{
    if (text == NULL)
        Py_RETURN_NONE;
    /* What a server sent need not be UTF-8. */
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape");
}

/* Appends (name, value). */
int add_header(PyObject *list, const char *name, const char *value)
{
    PyObject *pair = Py_BuildValue("NN", text_or_none(name), text_or_none(value));
    int outcome = pair == NULL ? -1 : PyList_Append(list, pair);
    Py_XDECREF(pair);
    return outcome;
}

static PyObject *make(const ws_error *error, ws_error *owned, PyObject *session)
{
    Error *self = PyObject_New(Error, error_type);
    if (self == NULL) {
        ws_error_free(owned);
        return NULL;
    }
    self->error = error;
    self->owned = owned;
    self->session = Py_XNewRef(session);
    return (PyObject *)self;
}

PyObject *new_error(ws_error *error)
{
    return make(error, error, NULL);
}

PyObject *lent_error(const ws_error *error, PyObject *session)
{
    return make(error, NULL, session);
}

static void dealloc(Error *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    ws_error_free(self->owned);
    Py_XDECREF(self->session);
    PyObject_Free(self);
    Py_DECREF((PyObject *)type);
}

static PyObject *get_message(Error *self, void *closure)
{
    (void)closure;
    return text_or_none(ws_error_message(self->error));
}

static PyObject *get_phase(Error *self, void *closure)
{
    (void)closure;
    return PyLong_FromLong((long)ws_error_phase(self->error));
}

static PyObject *get_errno(Error *self, void *closure)
{
    (void)closure;
    return PyLong_FromLong(ws_error_os_errno(self->error));
}

static PyObject *get_alert(Error *self, void *closure)
{
    (void)closure;
    return PyLong_FromLong(ws_error_tls_alert(self->error));
}

static PyObject *get_http_status(Error *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLong(ws_error_http_status(self->error));
}

static PyObject *get_body(Error *self, void *closure)
{
    (void)closure;
    size_t size = 0;
    const uint8_t *body = ws_error_http_body(self->error, &size);
    return PyBytes_FromStringAndSize((const char *)body, body == NULL ? 0 : (Py_ssize_t)size);
}

static PyObject *get_headers(Error *self, void *closure)
{
    (void)closure;
    PyObject *list = PyList_New(0);
    const char *name, *value;
    for (size_t i = 0; list != NULL && ws_error_http_header_at(self->error, i, &name, &value); i++)
        if (add_header(list, name, value) < 0)
            Py_CLEAR(list);
    return list;
}

static PyObject *get_status(Error *self, void *closure)
{
    (void)closure;
    return PyLong_FromLong((long)ws_error_status(self->error));
}

static PyObject *get_close_code(Error *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLong(ws_error_close_code(self->error));
}

static PyGetSetDef properties[] = {
    {"status", (getter)get_status, NULL, NULL, NULL},
    {"close_code", (getter)get_close_code, NULL, NULL, NULL},
    {"message", (getter)get_message, NULL, NULL, NULL},
    {"phase", (getter)get_phase, NULL, NULL, NULL},
    {"os_errno", (getter)get_errno, NULL, NULL, NULL},
    {"tls_alert", (getter)get_alert, NULL, NULL, NULL},
    {"http_status", (getter)get_http_status, NULL, NULL, NULL},
    {"headers", (getter)get_headers, NULL, NULL, NULL},
    {"body", (getter)get_body, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, (void *)dealloc},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "ktorws._ktorws.Error",
    .basicsize = sizeof(Error),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int add_errors(PyObject *module)
{
    return add_type(module, &error_type, &spec, NULL);
}
