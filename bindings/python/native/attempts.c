/* ktorws._ktorws.Attempt: an attempt to connect that a function of the application prepares. */

#include "native.h"

typedef struct {
    PyObject ob_base;
    /* NULL once the function has returned. */
    ws_attempt *attempt;
} Attempt;

static PyTypeObject *attempt_type;

void call_prepare(ws_session *session, ws_attempt *attempt, void *user_data)
{
    (void)session;
    Config *config = user_data;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *function = Py_XNewRef(config->prepare);
    Attempt *argument = PyObject_New(Attempt, attempt_type);
    if (argument != NULL && function != NULL) {
        argument->attempt = attempt;
        PyObject *result = PyObject_CallFunctionObjArgs(function, argument, NULL);
        if (result == NULL)
            PyErr_WriteUnraisable(function);
        Py_XDECREF(result);
        argument->attempt = NULL;
    }
    Py_XDECREF((PyObject *)argument);
    Py_XDECREF(function);
    PyErr_Clear();
    PyGILState_Release(state);
}

static ws_attempt *attempt_of(Attempt *self)
{
    if (self->attempt == NULL)
        PyErr_SetString(PyExc_RuntimeError, "the function that prepares the attempt has returned");
    return self->attempt;
}

static PyObject *get_number(Attempt *self, void *closure)
{
    (void)closure;
    return attempt_of(self) == NULL ? NULL : PyLong_FromUnsignedLong(ws_attempt_number(self->attempt));
}

/* Lent until the function returns. */
static PyObject *get_error(Attempt *self, void *closure)
{
    (void)closure;
    return attempt_of(self) == NULL ? NULL : lent_error(ws_attempt_last_error(self->attempt), (PyObject *)self);
}

static PyObject *set_url(Attempt *self, PyObject *url)
{
    const char *text = PyUnicode_AsUTF8AndSize(url, NULL);
    if (attempt_of(self) == NULL || text == NULL)
        return NULL;
    ws_status status = ws_attempt_set_url(self->attempt, text);
    if (status != WS_OK)
        return raise_status(status, NULL, NULL);
    Py_RETURN_NONE;
}

static PyObject *set_header(Attempt *self, PyObject *arguments)
{
    const char *name, *value;
    if (attempt_of(self) == NULL || !PyArg_ParseTuple(arguments, "sz:set_header", &name, &value))
        return NULL;
    ws_status status = ws_attempt_set_header(self->attempt, name, value);
    if (status != WS_OK)
        return raise_status(status, NULL, NULL);
    Py_RETURN_NONE;
}

static void dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF((PyObject *)type);
}

static PyGetSetDef properties[] = {
    {"number", (getter)get_number, NULL, NULL, NULL},
    {"error", (getter)get_error, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"set_url", (PyCFunction)set_url, METH_O, NULL},
    {"set_header", (PyCFunction)set_header, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc},
    {Py_tp_getset, properties},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "ktorws._ktorws.Attempt",
    .basicsize = sizeof(Attempt),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int add_attempts(PyObject *module)
{
    return add_type(module, &attempt_type, &spec, NULL);
}
