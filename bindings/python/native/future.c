/* ktorws._ktorws.Future: what a task that receives waits for; a future as far as tasks use one.
 *
 * There is one for each session. Unlike asyncio's own it is not the loop that goes on with the task, in its next round,
 * but whoever learns that there is a message, at once. */

#include "native.h"

static PyTypeObject *future_type;

static PyObject *future_result(Future *self, PyObject *none)
{
    (void)none;
    if (self->cancelled == NULL)
        Py_RETURN_NONE;
    PyErr_SetObject((PyObject *)Py_TYPE(self->cancelled), self->cancelled);
    return NULL;
}

static PyObject *future_get_loop(Future *self, PyObject *none)
{
    (void)none;
    return Py_NewRef(self->loop);
}

static PyObject *future_add_done_callback(Future *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"callback", "context", NULL};
    PyObject *callback, *context = Py_None;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|$O", names, &callback, &context))
        return NULL;
    Py_XDECREF(self->callback);
    Py_XDECREF(self->context);
    self->callback = Py_NewRef(callback);
    self->context = Py_NewRef(context);
    Py_RETURN_NONE;
}

static PyObject *future_remove_done_callback(Future *self, PyObject *callback)
{
    (void)callback;
    long removed = self->callback != NULL;
    future_forget(self);
    return PyLong_FromLong(removed);
}

/* Not at once: another task is running. */
static PyObject *future_cancel(Future *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"msg", NULL};
    PyObject *message = Py_None;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O", names, &message))
        return NULL;
    if (self->callback == NULL || self->cancelled != NULL)
        Py_RETURN_FALSE;
    PyObject *asyncio = PyImport_ImportModule("asyncio");
    PyObject *type = asyncio == NULL ? NULL : PyObject_GetAttrString(asyncio, "CancelledError");
    Py_XDECREF(asyncio);
    if (type != NULL)
        self->cancelled =
            message == Py_None ? PyObject_CallNoArgs(type) : PyObject_CallFunctionObjArgs(type, message, NULL);
    Py_XDECREF(type);
    if (self->cancelled == NULL)
        return NULL;
    PyObject *call = PyObject_GetAttrString(self->loop, "call_soon");
    PyObject *positional = call == NULL ? NULL : PyTuple_Pack(2, self->callback, self);
    PyObject *named = positional == NULL ? NULL : Py_BuildValue("{sO}", "context", self->context);
    PyObject *handle = named == NULL ? NULL : PyObject_Call(call, positional, named);
    Py_XDECREF(named);
    Py_XDECREF(positional);
    Py_XDECREF(call);
    if (handle == NULL)
        return NULL;
    Py_DECREF(handle);
    Py_CLEAR(self->callback);
    Py_CLEAR(self->context);
    Py_RETURN_TRUE;
}

static PyObject *future_get_blocking(Future *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(self->is_blocking);
}

static int future_set_blocking(Future *self, PyObject *value, void *closure)
{
    (void)closure;
    self->is_blocking = value == NULL ? 0 : PyObject_IsTrue(value);
    return self->is_blocking < 0 ? -1 : 0;
}

static int future_traverse(Future *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->loop);
    Py_VISIT(self->callback);
    Py_VISIT(self->context);
    Py_VISIT(self->cancelled);
    return 0;
}

static int future_clear(Future *self)
{
    Py_CLEAR(self->loop);
    Py_CLEAR(self->callback);
    Py_CLEAR(self->context);
    Py_CLEAR(self->cancelled);
    return 0;
}

static void future_dealloc(Future *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    future_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

/* Goes on with the task. To be called by the loop, outside of all tasks. */
PyObject *future_wake(Future *self)
{
    PyObject *callback = self->callback, *context = self->context;
    if (callback == NULL)
        Py_RETURN_NONE;
    self->callback = self->context = NULL;
    PyObject *result = context == Py_None ? PyObject_CallFunctionObjArgs(callback, self, NULL)
                                          : PyObject_CallMethod(context, "run", "OO", callback, (PyObject *)self);
    Py_DECREF(callback);
    Py_DECREF(context);
    return result;
}

/* The task that waits does not wait any more. */
void future_forget(Future *self)
{
    Py_CLEAR(self->callback);
    Py_CLEAR(self->context);
}

/* It holds the loop and not the session, so that the session is freed without the cyclic garbage collector. */
PyObject *new_future(PyObject *loop)
{
    Future *self = (Future *)PyType_GenericAlloc(future_type, 0);
    if (self != NULL)
        self->loop = Py_NewRef(loop);
    return (PyObject *)self;
}

static PyMethodDef future_methods[] = {
    {"result", (PyCFunction)future_result, METH_NOARGS, NULL},
    {"get_loop", (PyCFunction)future_get_loop, METH_NOARGS, NULL},
    {"add_done_callback", (PyCFunction)(void (*)(void))future_add_done_callback, METH_VARARGS | METH_KEYWORDS, NULL},
    {"remove_done_callback", (PyCFunction)future_remove_done_callback, METH_O, NULL},
    {"cancel", (PyCFunction)(void (*)(void))future_cancel, METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef future_properties[] = {
    {"_asyncio_future_blocking", (getter)future_get_blocking, (setter)future_set_blocking, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot future_slots[] = {
    {Py_tp_dealloc, future_dealloc}, {Py_tp_traverse, future_traverse}, {Py_tp_clear, future_clear},
    {Py_tp_methods, future_methods}, {Py_tp_getset, future_properties}, {0, NULL},
};

static PyType_Spec future_spec = {
    .name = "ktorws._ktorws.Future",
    .basicsize = sizeof(Future),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = future_slots,
};

int add_future(PyObject *module)
{
    return add_type(module, &future_type, &future_spec, NULL);
}
