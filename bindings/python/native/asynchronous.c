/* ktorws._ktorws.Asynchronous: sending and receiving that are awaited, in asyncio's event loop or another one like it.
 *
 * The loop watches the library's descriptor. A task that waits for a message is gone on with from inside the loop's call
 * for that descriptor, not in a further round of the loop, as it would be with a future. */

#include "native.h"

#include <stddef.h>
#include <structmember.h>

/* A task that never has to wait lets others run after so many messages. */
#define STREAK 128

/* What a task that receives waits for: a future, as far as tasks use one. */
typedef struct {
    PyObject_HEAD
    Session *session;
    PyObject *callback, *context;
    PyObject *cancelled;
    int is_blocking;
} Wait;

/* What recv() returns: a coroutine. */
typedef struct {
    PyObject_HEAD
    Session *session;
    PyObject *decode;
    enum { NEW, YIELDED, WAITING, DONE } state;
    int iterates;
} Receiving;

static PyTypeObject *wait_type, *receiving_type, *sent_type;
/* What send() returns when the message has gone. */
static PyObject *sent;

/* Wait */

static PyObject *wait_result(Wait *self, PyObject *none)
{
    (void)none;
    if (self->cancelled == NULL)
        Py_RETURN_NONE;
    PyErr_SetObject((PyObject *)Py_TYPE(self->cancelled), self->cancelled);
    return NULL;
}

static PyObject *wait_get_loop(Wait *self, PyObject *none)
{
    (void)none;
    return Py_NewRef(self->session->loop);
}

static PyObject *wait_add_done_callback(Wait *self, PyObject *arguments, PyObject *keywords)
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

static PyObject *wait_remove_done_callback(Wait *self, PyObject *callback)
{
    (void)callback;
    long removed = self->callback != NULL;
    Py_CLEAR(self->callback);
    Py_CLEAR(self->context);
    return PyLong_FromLong(removed);
}

/* Not at once: another task is running. */
static PyObject *wait_cancel(Wait *self, PyObject *arguments, PyObject *keywords)
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
        self->cancelled = message == Py_None ? PyObject_CallNoArgs(type)
                                             : PyObject_CallFunctionObjArgs(type, message, NULL);
    Py_XDECREF(type);
    if (self->cancelled == NULL)
        return NULL;
    PyObject *call = PyObject_GetAttrString(self->session->loop, "call_soon");
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

static PyObject *wait_get_blocking(Wait *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(self->is_blocking);
}

static int wait_set_blocking(Wait *self, PyObject *value, void *closure)
{
    (void)closure;
    self->is_blocking = value == NULL ? 0 : PyObject_IsTrue(value);
    return self->is_blocking < 0 ? -1 : 0;
}

static int wait_traverse(Wait *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->session);
    Py_VISIT(self->callback);
    Py_VISIT(self->context);
    Py_VISIT(self->cancelled);
    return 0;
}

static int wait_clear(Wait *self)
{
    Py_CLEAR(self->session);
    Py_CLEAR(self->callback);
    Py_CLEAR(self->context);
    Py_CLEAR(self->cancelled);
    return 0;
}

static void wait_dealloc(Wait *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    wait_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

PyObject *new_wait(Session *session)
{
    Wait *self = (Wait *)PyType_GenericAlloc(wait_type, 0);
    if (self != NULL)
        self->session = (Session *)Py_NewRef((PyObject *)session);
    return (PyObject *)self;
}

/* Receiving */

static int call_loop(Session *session, const char *method, int descriptor, PyObject *callback)
{
    PyObject *result = callback == NULL ? PyObject_CallMethod(session->loop, method, "i", descriptor)
                                        : PyObject_CallMethod(session->loop, method, "iO", descriptor, callback);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int watch(Session *session)
{
    if (session->is_watched)
        return 0;
    if (session->descriptor < 0 && (session->descriptor = ws_event_fd(session->handle)) < 0) {
        PyErr_SetString(PyExc_OSError, "no descriptor for the session's events");
        return -1;
    }
    PyObject *callback = PyObject_GetAttrString((PyObject *)session, "_on_readable");
    int outcome = callback == NULL ? -1 : call_loop(session, "add_reader", session->descriptor, callback);
    Py_XDECREF(callback);
    session->is_watched = outcome == 0;
    return outcome;
}

static int unwatch(Session *session)
{
    if (!session->is_watched)
        return 0;
    session->is_watched = 0;
    return call_loop(session, "remove_reader", session->descriptor, NULL);
}

/* Takes what there is among what waits: WS_OK, why there is nothing, or 1 with an exception. */
static int take_in(Session *self)
{
    ws_frame *frames[BATCH];
    size_t count = 0;
    ws_status status = ws_recv_batch(self->handle, frames, BATCH, &count, 0);
    if (status == WS_OK && (take_out_pongs(self, frames, &count) < 0 || waiting_add(&self->waiting, frames, count) < 0))
        return 1;
    return (int)status;
}

static PySendResult finish(Receiving *self, PyObject *value, PyObject **result)
{
    self->state = DONE;
    *result = value;
    return value == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

static PySendResult receiving_send(Receiving *self, PyObject *argument, PyObject **result)
{
    (void)argument;
    Session *session = self->session;
    if (self->state == DONE) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited recv()");
        return finish(self, NULL, result);
    }
    if (self->state == NEW && session->is_awaited) {
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
    while (session->waiting.count == 0) {
        int outcome = take_in(session);
        if (outcome == WS_OK || outcome == WS_ERR_INTERRUPTED)
            continue;
        if (outcome == 1)
            return finish(self, NULL, result);
        if (outcome != WS_ERR_TIMEOUT) {
            raise_status((ws_status)outcome, session, NULL);
            if (self->iterates && PyErr_ExceptionMatches(connection_closed_ok)) {
                PyErr_Clear();
                PyErr_SetNone(PyExc_StopAsyncIteration);
            }
            return finish(self, NULL, result);
        }
        if (watch(session) < 0)
            return finish(self, NULL, result);
        Wait *wait = (Wait *)session->wait;
        wait->is_blocking = 1;
        Py_CLEAR(wait->cancelled);
        session->is_awaited = 1;
        session->streak = 0;
        self->state = WAITING;
        *result = Py_NewRef((PyObject *)wait);
        return PYGEN_NEXT;
    }
    return finish(self, message_of(waiting_take(&session->waiting), self->decode), result);
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
        Wait *wait = (Wait *)self->session->wait;
        self->session->is_awaited = 0;
        if (wait != NULL) {
            Py_CLEAR(wait->callback);
            Py_CLEAR(wait->context);
        }
    }
    self->state = DONE;
}

/* throw(type_or_exception[, value[, traceback]]): the task is cancelled. No message was taken. */
static PyObject *receiving_throw(Receiving *self, PyObject *arguments)
{
    PyObject *type, *value = NULL, *traceback = NULL;
    if (!PyArg_ParseTuple(arguments, "O|OO", &type, &value, &traceback))
        return NULL;
    stop_waiting(self);
    if (PyExceptionInstance_Check(type))
        PyErr_SetObject((PyObject *)Py_TYPE(type), type);
    else
        PyErr_SetObject(type, value == NULL ? Py_None : value);
    return NULL;
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

/* Asynchronous */

static PyObject *begin_receiving(Session *session, PyObject *decode, int iterates)
{
    Receiving *self = PyObject_GC_New(Receiving, receiving_type);
    if (self == NULL)
        return NULL;
    self->session = (Session *)Py_NewRef((PyObject *)session);
    self->decode = Py_XNewRef(decode);
    self->state = NEW;
    self->iterates = iterates;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static PyObject *recv_message(Session *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"decode"};
    PyObject *decode = NULL;
    if ((count > 0 || keywords != NULL) &&
        arguments_of("recv", names, &decode, 1, arguments, count, keywords) < 0)
        return NULL;
    return begin_receiving(self, decode, 0);
}

static PyObject *iterate_next(Session *self)
{
    return begin_receiving(self, NULL, 1);
}

static PyObject *send_message(Session *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"message", "text"};
    PyObject *values[2] = {NULL, NULL};
    if (count == 1 && keywords == NULL)
        values[0] = arguments[0];
    else if (arguments_of("send", names, values, 2, arguments, count, keywords) < 0)
        return NULL;
    if (values[0] == NULL)
        return PyErr_Format(PyExc_TypeError, "send() needs a message");
    struct payload payload;
    int is_simple = self->slow_sends > 0 ? 0 : payload_of(values[0], values[1], &payload);
    if (is_simple > 0) {
        ws_status status = send_at_once(self, &payload);
        payload_release(&payload);
        if (status == WS_OK)
            return Py_NewRef(sent);
    } else if (is_simple < 0) {
        PyErr_Clear();
    }
    /* Waits for room, sends fragments, or raises what is wrong when it is awaited. */
    return PyObject_CallMethod((PyObject *)self, "_send_slowly", "OO", values[0],
        values[1] == NULL ? Py_None : values[1]);
}

/* Called by the loop: a task goes on, or what there is for nobody is kept. */
static PyObject *on_readable(Session *self, PyObject *none)
{
    (void)none;
    Wait *wait = (Wait *)self->wait;
    if (self->is_awaited) {
        if (wait->callback == NULL)
            Py_RETURN_NONE;
        PyObject *callback = wait->callback, *context = wait->context;
        wait->callback = wait->context = NULL;
        PyObject *result = context == Py_None
            ? PyObject_CallFunctionObjArgs(callback, wait, NULL)
            : PyObject_CallMethod(context, "run", "OO", callback, (PyObject *)wait);
        Py_DECREF(callback);
        Py_DECREF(context);
        return result;
    }
    int outcome = take_in(self);
    if (outcome == 1)
        return NULL;
    int is_over = outcome != WS_OK && outcome != WS_ERR_TIMEOUT && outcome != WS_ERR_INTERRUPTED;
    int wants_more = self->waiting.count == 0 ||
        (self->pongs_expected > 0 && self->waiting.bytes <= MOST_WAITING_BYTES);
    if ((is_over || !wants_more) && unwatch(self) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *watch_method(Session *self, PyObject *none)
{
    (void)none;
    return watch(self) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *take_news_method(Session *self, PyObject *none)
{
    (void)none;
    return PyLong_FromUnsignedLong(take_news(self->news));
}

static PyObject *get_news_descriptor(Session *self, void *closure)
{
    (void)closure;
    return PyLong_FromLong(self->news == NULL ? -1 : self->news->descriptor);
}

static PyMethodDef wait_methods[] = {
    {"result", (PyCFunction)wait_result, METH_NOARGS, NULL},
    {"get_loop", (PyCFunction)wait_get_loop, METH_NOARGS, NULL},
    {"add_done_callback", (PyCFunction)(void (*)(void))wait_add_done_callback, METH_VARARGS | METH_KEYWORDS, NULL},
    {"remove_done_callback", (PyCFunction)wait_remove_done_callback, METH_O, NULL},
    {"cancel", (PyCFunction)(void (*)(void))wait_cancel, METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef wait_properties[] = {
    {"_asyncio_future_blocking", (getter)wait_get_blocking, (setter)wait_set_blocking, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot wait_slots[] = {
    {Py_tp_dealloc, wait_dealloc},
    {Py_tp_traverse, wait_traverse},
    {Py_tp_clear, wait_clear},
    {Py_tp_methods, wait_methods},
    {Py_tp_getset, wait_properties},
    {0, NULL},
};

static PyType_Spec wait_spec = {
    .name = "ktorws._ktorws.Wait",
    .basicsize = sizeof(Wait),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = wait_slots,
};

static PyMethodDef receiving_methods[] = {
    {"send", (PyCFunction)receiving_send_method, METH_O, NULL},
    {"throw", (PyCFunction)receiving_throw, METH_VARARGS, NULL},
    {"close", (PyCFunction)receiving_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot receiving_slots[] = {
    {Py_tp_dealloc, receiving_dealloc},
    {Py_tp_traverse, receiving_traverse},
    {Py_tp_methods, receiving_methods},
    {Py_am_await, itself},
    {Py_am_send, receiving_send},
    {Py_tp_iter, itself},
    {Py_tp_iternext, receiving_next},
    {0, NULL},
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
    PyObject *type, *value = NULL, *traceback = NULL;
    if (!PyArg_ParseTuple(arguments, "O|OO", &type, &value, &traceback))
        return NULL;
    if (PyExceptionInstance_Check(type))
        PyErr_SetObject((PyObject *)Py_TYPE(type), type);
    else
        PyErr_SetObject(type, value == NULL ? Py_None : value);
    return NULL;
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
    {Py_tp_methods, sent_methods},
    {Py_am_await, itself},
    {Py_am_send, sent_send},
    {Py_tp_iter, itself},
    {Py_tp_iternext, sent_next},
    {0, NULL},
};

static PyType_Spec sent_spec = {
    .name = "ktorws._ktorws.Sent",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = sent_slots,
};

static PyMethodDef methods[] = {
    {"recv", (PyCFunction)(void (*)(void))recv_message, METH_FASTCALL | METH_KEYWORDS,
        "recv($self, /, decode=None)\n--\n\n"
        "Receive the next message: a str for text, bytes for binary, or as decode says. To be awaited."},
    {"send", (PyCFunction)(void (*)(void))send_message, METH_FASTCALL | METH_KEYWORDS,
        "send($self, /, message, text=None)\n--\n\n"
        "Send a message: a str as text, anything like bytes as binary, or as text says; an iterable, also an "
        "asynchronous one, in fragments. To be awaited."},
    {"_on_readable", (PyCFunction)on_readable, METH_NOARGS, NULL},
    {"_watch", (PyCFunction)watch_method, METH_NOARGS, NULL},
    {"_take_news", (PyCFunction)take_news_method, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"_slow_sends", T_INT, offsetof(Session, slow_sends), 0, NULL},
    {"_pongs_expected", T_INT, offsetof(Session, pongs_expected), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"_news_descriptor", (getter)get_news_descriptor, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {Py_am_aiter, itself},
    {Py_am_anext, iterate_next},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "ktorws._ktorws.Asynchronous",
    .basicsize = sizeof(Session),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};

int add_asynchronous(PyObject *module)
{
    if (add_type(module, &wait_type, &wait_spec, NULL) < 0 ||
        add_type(module, &receiving_type, &receiving_spec, NULL) < 0 ||
        add_type(module, &sent_type, &sent_spec, NULL) < 0 ||
        add_type(module, &asynchronous_type, &spec, session_type) < 0)
        return -1;
    sent = PyType_GenericAlloc(sent_type, 0);
    return sent == NULL ? -1 : 0;
}
