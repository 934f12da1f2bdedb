/* ktorws._ktorws.Asynchronous: sending and receiving that are awaited, in asyncio's event loop or another one like it.
 *
 * The loop watches the session's descriptor, which the library closes when the session is freed. While it is watched
 * the loop holds the session, so it is never watched then. */

#include "native.h"

#include <stddef.h>
#include <structmember.h>

static int call_loop(Session *session, const char *method, int descriptor, PyObject *callback)
{
    PyObject *result = callback == NULL ? PyObject_CallMethod(session->loop, method, "i", descriptor)
                                        : PyObject_CallMethod(session->loop, method, "iO", descriptor, callback);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

int watch(Session *session)
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

/* Takes what there is among what waits, at most a batch: WS_OK, why there is nothing, or 1 with an exception. */
int take_in(Session *self)
{
    ws_frame *frames[BATCH];
    size_t count = 0;
    ws_status status = ws_recv_batch(self->handle, frames, BATCH, &count, 0);
    if (status == WS_OK && (filter_frames(self, frames, &count) < 0 || waiting_add(&self->waiting, frames, count) < 0 ||
                            take_events(self) < 0))
        return 1;
    return (int)status;
}

static PyObject *recv_message(Session *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"decode"};
    PyObject *decode = NULL;
    if ((count > 0 || keywords != NULL) && arguments_of("recv", names, &decode, 1, arguments, count, keywords) < 0)
        return NULL;
    if (self->delivery.by_frames)
        return PyObject_CallMethod((PyObject *)self, "_recv_whole", "O", decode == NULL ? Py_None : decode);
    return begin_receiving(self, decode, MESSAGE);
}

static PyObject *iterate_next(Session *self)
{
    if (self->delivery.by_frames)
        return PyObject_CallMethod((PyObject *)self, "_next_whole", NULL);
    return begin_receiving(self, NULL, NEXT);
}

/* _recv_frame(): to be awaited. */
static PyObject *recv_frame(Session *self, PyObject *none)
{
    (void)none;
    return begin_receiving(self, NULL, FRAME);
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
            return already_sent();
    } else if (is_simple < 0) {
        PyErr_Clear();
    }
    /* Waits for room, sends fragments, or raises what is wrong when it is awaited. */
    return PyObject_CallMethod((PyObject *)self, "_send_slowly", "OO", values[0],
                               values[1] == NULL ? Py_None : values[1]);
}

/* Called by the loop: a task goes on, or what there is for nobody is kept. The task receives until nothing is left. */
static PyObject *on_readable(Session *self, PyObject *none)
{
    (void)none;
    int outcome;
    do
        outcome = take_in(self);
    while ((outcome == WS_OK && self->waiting.count == 0) || outcome == WS_ERR_INTERRUPTED);
    if (outcome == 1)
        return NULL;
    int is_over = outcome != WS_OK && outcome != WS_ERR_TIMEOUT;
    if (self->is_awaited) {
        /* A descriptor is readable without a message after a ping or a part of a message. */
        if (is_over || self->waiting.count > 0)
            return future_wake((Future *)self->future);
        Py_RETURN_NONE;
    }
    int wants_more =
        self->waiting.count == 0 || (self->pongs_expected > 0 && self->waiting.bytes <= MOST_WAITING_BYTES);
    if ((is_over || !wants_more ? unwatch(self) : watch(self)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* _end_watching(): the session has ended. Remaining messages can be received without its descriptor. */
static PyObject *end_watching(Session *self, PyObject *none)
{
    (void)none;
    int outcome = unwatch(self);
    news_close(self->news);
    if (outcome < 0)
        return NULL;
    if (self->is_awaited)
        return future_wake((Future *)self->future);
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

static PyMethodDef methods[] = {
    {"recv", (PyCFunction)(void (*)(void))recv_message, METH_FASTCALL | METH_KEYWORDS,
     "recv($self, /, decode=None)\n--\n\n"
     "Receive the next message: a str for text, bytes for binary, or as decode says. To be awaited."},
    {"send", (PyCFunction)(void (*)(void))send_message, METH_FASTCALL | METH_KEYWORDS,
     "send($self, /, message, text=None)\n--\n\n"
     "Send a message: a str as text, anything like bytes as binary, or as text says; an iterable, also an "
     "asynchronous one, in fragments. To be awaited."},
    {"_recv_frame", (PyCFunction)recv_frame, METH_NOARGS, NULL},
    {"_on_readable", (PyCFunction)on_readable, METH_NOARGS, NULL},
    {"_end_watching", (PyCFunction)end_watching, METH_NOARGS, NULL},
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
    {Py_tp_methods, methods},         {Py_tp_members, members},    {Py_tp_getset, properties},
    {Py_am_aiter, PyObject_SelfIter}, {Py_am_anext, iterate_next}, {0, NULL},
};

static PyType_Spec spec = {
    .name = "ktorws._ktorws.Asynchronous",
    .basicsize = sizeof(Session),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};

int add_asynchronous(PyObject *module)
{
    return add_type(module, &asynchronous_type, &spec, session_type);
}
