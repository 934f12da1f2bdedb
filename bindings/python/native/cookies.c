/* ktorws.CookieJar: cookies that sessions share. */

#include "native.h"

static PyObject *jar_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, ":CookieJar", names))
        return NULL;
    CookieJar *self = (CookieJar *)PyType_GenericAlloc(type, 0);
    if (self == NULL)
        return NULL;
    self->handle = ws_cookie_jar_new();
    if (self->handle == NULL) {
        Py_DECREF((PyObject *)self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void jar_dealloc(CookieJar *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    ws_cookie_jar_free(self->handle);
    PyObject_Free(self);
    Py_DECREF((PyObject *)type);
}

static PyObject *jar_add(CookieJar *self, PyObject *arguments)
{
    const char *url, *cookie;
    if (!PyArg_ParseTuple(arguments, "ss:add", &url, &cookie))
        return NULL;
    ws_status status = ws_cookie_jar_add(self->handle, url, cookie);
    if (status == WS_ERR_INVALID_ARGUMENT)
        return PyErr_Format(PyExc_ValueError, "not a cookie that this URL may set");
    if (status != WS_OK)
        return raise_status(status, NULL, NULL);
    Py_RETURN_NONE;
}

static PyObject *jar_header(CookieJar *self, PyObject *url)
{
    const char *text = PyUnicode_AsUTF8AndSize(url, NULL);
    if (text == NULL)
        return NULL;
    char *buffer = NULL;
    size_t capacity = 0, size = 0;
    ws_status status;
    /* Another thread may add one in between. */
    while ((status = ws_cookie_jar_header(self->handle, text, buffer, capacity, &size)) == WS_ERR_BUFFER_TOO_SMALL) {
        PyMem_Free(buffer);
        capacity = size;
        buffer = PyMem_Malloc(capacity);
        if (buffer == NULL)
            return PyErr_NoMemory();
    }
    PyObject *header = status == WS_OK
                           ? PyUnicode_DecodeUTF8(size > 0 ? buffer : "", (Py_ssize_t)size, "surrogateescape")
                           : raise_status(status, NULL, NULL);
    PyMem_Free(buffer);
    return header;
}

static PyObject *jar_clear(CookieJar *self, PyObject *none)
{
    (void)none;
    ws_cookie_jar_clear(self->handle);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"add", (PyCFunction)jar_add, METH_VARARGS,
     "add($self, url, set_cookie, /)\n--\n\nTake a cookie as a server at the URL would set it."},
    {"header", (PyCFunction)jar_header, METH_O,
     "header($self, url, /)\n--\n\nThe Cookie header for a handshake with the URL; empty without cookies."},
    {"clear", (PyCFunction)jar_clear, METH_NOARGS, "clear($self, /)\n--\n\nRemove all cookies."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Cookies that sessions share (RFC 6265), in memory. Any thread may use it."},
    {Py_tp_new, jar_new},
    {Py_tp_dealloc, jar_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "ktorws.CookieJar",
    .basicsize = sizeof(CookieJar),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_cookies(PyObject *module)
{
    return add_type(module, &jar_type, &spec, NULL);
}
