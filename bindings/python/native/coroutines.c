/* What recv() and send() of an event loop's session return: coroutines, also in the eyes of asyncio.create_task. */

#include "native.h"

/* A task that never has to wait lets others run after so many messages. */
#define STREAK 128

/* What recv() returns: a coroutine. */
typedef struct {
    PyObject ob_base;
    Session *session;
    PyObject *decode;
    enum { NEW, YIELDED, WAITING, DONE } state;
    enum receives what;
} Receiving;

static PyTypeObject *receiving_type, *sent_type;
/* What send() returns when the message has gone. */
static PyObject *sent;

static PySendResult finish(Receiving *self, PyObject *value, PyObject **result)
{
    self->state = DONE;
    *result = value;
    return value == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

/* Before the next message is taken. Maybe nobody receives after it: then the loop finds the event behind it. */
static int watch_ahead(Session *session)
{
    const struct waiting *waiting = &session->waiting;
    if (waiting->count == 1)
        return watch(session);
    if (waiting->frames[waiting->first + 1]->type != WS_FRAME_RESUMED)
        return 0;
    PyObject *callback = PyObject_GetAttrString((PyObject *)session, "_on_readable");
    PyObject *handle = callback == NULL ? NULL : PyObject_CallMethod(session->loop, "call_soon", "O", callback);
    Py_XDECREF(callback);
    Py_XDECREF(handle);
    return handle == NULL ? -1 : 0;
}

static PySendResult receiving_send(Receiving *self, PyObject *argument, PyObject **result)
{
    (void)argument;
    Session *session = self->session;
    if (self->state == DONE) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited recv()");
        return finish(self, NULL, result);
    }
    if (self->state != WAITING && session->is_awaited) {
        raise_status(WS_ERR_STATE, session, NULL);
        return finish(self, NULL, result);
    }
    if (self->state == WAITING)
        session->is_awaited = 0;
    if (self->state == NEW && ++session->streak > STREAK) {
        session->streak = 0;
        self->state = YIELDED;
        *result = Py_NewRef(Py_None);
        return PYGEN_NEXT;
    }
    if (take_events(session) < 0)
        return finish(self, NULL, result);
    while (session->waiting.count == 0) {
        int outcome = take_in(session);
        if (outcome == WS_OK || outcome == WS_ERR_INTERRUPTED)
            continue;
        if (outcome == 1)
            return finish(self, NULL, result);
        if (outcome != WS_ERR_TIMEOUT) {
            raise_status((ws_status)outcome, session, NULL);
            if (self->what == NEXT && PyErr_ExceptionMatches(connection_closed_ok)) {
                PyErr_Clear();
                PyErr_SetNone(PyExc_StopAsyncIteration);
            }
            return finish(self, NULL, result);
        }
        if (watch(session) < 0)
            return finish(self, NULL, result);
        Future *future = (Future *)session->future;
        future->is_blocking = 1;
        Py_CLEAR(future->cancelled);
        session->is_awaited = 1;
        session->streak = 0;
        self->state = WAITING;
        *result = Py_NewRef((PyObject *)future);
        return PYGEN_NEXT;
    }
    if (session->config->on_reconnect != NULL && watch_ahead(session) < 0)
        return finish(self, NULL, result);
    ws_frame *frame = take_frame(session);
    return finish(self, self->what == FRAME ? frame_of(frame) : message_of(frame, self->decode), result);
}

static PyObject *as_generator(PySendResult outcome, PyObject *result)
{
    if (outcome != PYGEN_RETURN)
        return result;
    PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, result, NULL);
    Py_DECREF(result);
    if (stop != NULL)
        PyErr_SetObject(PyExc_StopIteration, stop);
    Py_XDECREF(stop);
    return NULL;
}

static PyObject *receiving_send_method(Receiving *self, PyObject *argument)
{
    PyObject *result = NULL;
    PySendResult outcome = receiving_send(self, argument, &result);
    return as_generator(outcome, result);
}

static PyObject *receiving_next(Receiving *self)
{
    return receiving_send_method(self, Py_None);
}

static void stop_waiting(Receiving *self)
{
    if (self->state == WAITING) {
        self->session->is_awaited = 0;
        if (self->session->future != NULL)
            future_forget((Future *)self->session->future);
    }
    self->state = DONE;
}

/* throw(type_or_exception[, value[, traceback]]) */
static PyObject *throw_in(PyObject *arguments)
{
    PyObject *type, *value = NULL, *traceback = NULL;
    if (!PyArg_ParseTuple(arguments, "O|OO:throw", &type, &value, &traceback))
        return NULL;
    if (PyExceptionInstance_Check(type))
        PyErr_SetObject((PyObject *)Py_TYPE(type), type);
    else
        PyErr_SetObject(type, value == NULL ? Py_None : value);
    return NULL;
}

/* The task is cancelled. No message was taken. */
static PyObject *receiving_throw(Receiving *self, PyObject *arguments)
{
    stop_waiting(self);
    return throw_in(arguments);
}

static PyObject *receiving_close(Receiving *self, PyObject *none)
{
    (void)none;
    stop_waiting(self);
    Py_RETURN_NONE;
}

static int receiving_traverse(Receiving *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->session);
    Py_VISIT(self->decode);
    return 0;
}

static void receiving_dealloc(Receiving *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    stop_waiting(self);
    Py_DECREF((PyObject *)self->session);
    Py_XDECREF(self->decode);
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

static PyObject *itself(PyObject *self)
{
    return Py_NewRef(self);
}

PyObject *begin_receiving(Session *session, PyObject *decode, enum receives what)
{
    Receiving *self = PyObject_GC_New(Receiving, receiving_type);
    if (self == NULL)
        return NULL;
    self->session = (Session *)Py_NewRef((PyObject *)session);
    self->decode = Py_XNewRef(decode);
    self->state = NEW;
    self->what = what;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static PyMethodDef receiving_methods[] = {
    {"send", (PyCFunction)receiving_send_method, METH_O, NULL},
    {"throw", (PyCFunction)receiving_throw, METH_VARARGS, NULL},
    {"close", (PyCFunction)receiving_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot receiving_slots[] = {
    {Py_tp_dealloc, receiving_dealloc}, {Py_tp_traverse, receiving_traverse},
    {Py_tp_methods, receiving_methods}, {Py_am_await, itself},
    {Py_am_send, receiving_send},       {Py_tp_iter, itself},
    {Py_tp_iternext, receiving_next},   {0, NULL},
};

static PyType_Spec receiving_spec = {
    .name = "ktorws._ktorws.Receiving",
    .basicsize = sizeof(Receiving),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = receiving_slots,
};

/* Sent: a coroutine that is over. */

static PySendResult sent_send(PyObject *self, PyObject *argument, PyObject **result)
{
    (void)self;
    (void)argument;
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

static PyObject *sent_send_method(PyObject *self, PyObject *argument)
{
    (void)self;
    (void)argument;
    PyErr_SetNone(PyExc_StopIteration);
    return NULL;
}

static PyObject *sent_next(PyObject *self)
{
    (void)self;
    return NULL;
}

static PyObject *sent_throw(PyObject *self, PyObject *arguments)
{
    (void)self;
    return throw_in(arguments);
}

static PyObject *sent_close(PyObject *self, PyObject *none)
{
    (void)self;
    (void)none;
    Py_RETURN_NONE;
}

static PyMethodDef sent_methods[] = {
    {"send", sent_send_method, METH_O, NULL},
    {"throw", sent_throw, METH_VARARGS, NULL},
    {"close", sent_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot sent_slots[] = {
    {Py_tp_methods, sent_methods}, {Py_am_await, itself},       {Py_am_send, sent_send},
    {Py_tp_iter, itself},          {Py_tp_iternext, sent_next}, {0, NULL},
};

static PyType_Spec sent_spec = {
    .name = "ktorws._ktorws.Sent",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = sent_slots,
};

PyObject *already_sent(void)
{
    return Py_NewRef(sent);
}

int add_coroutines(PyObject *module)
{
    if (add_type(module, &receiving_type, &receiving_spec, NULL) < 0 ||
        add_type(module, &sent_type, &sent_spec, NULL) < 0)
        return -1;
    if (sent == NULL)
        sent = PyType_GenericAlloc(sent_type, 0);
    return sent == NULL ? -1 : 0;
}
