/* ktorws._ktorws.Blocking: sending and receiving that wait, with Python's lock given back. */

#include "native.h"

#include <errno.h>
#include <time.h>

/* Waits until the thread that receives has stopped, or has seen a pong; at most for a slice. */
static void follow(Session *self, const struct wait *wait)
{
    unsigned turn = self->turn;
    int64_t slice = wait_slice(wait);
    self->followers++;
    Py_BEGIN_ALLOW_THREADS struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    if (slice > 0) {
        until.tv_sec += slice / 1000;
        until.tv_nsec += slice % 1000 * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
    }
    pthread_mutex_lock(&self->mutex);
    while (self->turn == turn) {
        int outcome = slice < 0 ? pthread_cond_wait(&self->turned, &self->mutex)
                                : pthread_cond_timedwait(&self->turned, &self->mutex, &until);
        if (outcome == ETIMEDOUT)
            break;
    }
    pthread_mutex_unlock(&self->mutex);
    Py_END_ALLOW_THREADS self->followers--;
}

static void pass_on(Session *self)
{
    if (self->followers == 0)
        return;
    pthread_mutex_lock(&self->mutex);
    self->turn++;
    pthread_cond_broadcast(&self->turned);
    pthread_mutex_unlock(&self->mutex);
}

/* Receives once, as the only thread: WS_OK, with what came among what waits, or why not; 1 with an exception. */
static int receive(Session *self, const struct wait *wait)
{
    ws_frame *frames[BATCH];
    size_t count = 0;
    ws_status status;
    self->is_receiving = 1;
    int64_t slice = wait_slice(wait);
    Py_BEGIN_ALLOW_THREADS status = ws_recv_batch(self->handle, frames, BATCH, &count, slice);
    Py_END_ALLOW_THREADS self->is_receiving = 0;
    int outcome = (int)status;
    if (status == WS_OK) {
        if (filter_frames(self, frames, &count) < 0)
            outcome = 1;
        if (waiting_add(&self->waiting, frames, count) < 0) {
            while (count > 0)
                ws_frame_free(frames[--count]);
            outcome = 1;
        }
    }
    pass_on(self);
    return outcome;
}

/* The next message; NULL with an exception. */
static ws_frame *next_frame(Session *self, int64_t timeout_ms)
{
    struct wait wait;
    int has_begun = 0;
    for (;;) {
        if (take_events(self) < 0)
            return NULL;
        if (self->waiting.count > 0) {
            ws_frame *frame = take_frame(self);
            pass_on(self);
            return frame;
        }
        if (!has_begun)
            wait_begin(&wait, timeout_ms);
        has_begun = 1;
        if (self->is_receiving) {
            follow(self, &wait);
        } else {
            int outcome = receive(self, &wait);
            if (outcome == 1)
                return NULL;
            if (outcome != WS_OK && outcome != WS_ERR_TIMEOUT && outcome != WS_ERR_INTERRUPTED) {
                raise_status((ws_status)outcome, self, NULL);
                return NULL;
            }
            /* Pongs and events only, it may be: what is behind them is there, too. */
            if (outcome == WS_OK && timeout_ms == 0)
                continue;
        }
        if (self->waiting.count > 0)
            continue;
        int goes_on = wait_goes_on(&wait);
        if (goes_on > 0)
            continue;
        if (goes_on == 0)
            PyErr_SetString(PyExc_TimeoutError, "no message came in time");
        return NULL;
    }
}

static PyObject *recv_message(Session *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"timeout", "decode"};
    PyObject *values[2] = {NULL, NULL};
    int64_t timeout_ms = -1;
    if ((count > 0 || keywords != NULL) && (arguments_of("recv", names, values, 2, arguments, count, keywords) < 0 ||
                                            timeout_of(values[0], &timeout_ms) < 0))
        return NULL;
    if (self->delivery.by_frames)
        return PyObject_CallMethod((PyObject *)self, "_recv_whole", "OO", values[0] == NULL ? Py_None : values[0],
                                   values[1] == NULL ? Py_None : values[1]);
    ws_frame *frame = next_frame(self, timeout_ms);
    return frame == NULL ? NULL : message_of(frame, values[1]);
}

/* _recv_frame(timeout) */
static PyObject *recv_frame(Session *self, PyObject *timeout)
{
    int64_t timeout_ms;
    if (timeout_of(timeout, &timeout_ms) < 0)
        return NULL;
    ws_frame *frame = next_frame(self, timeout_ms);
    return frame == NULL ? NULL : frame_of(frame);
}

static PyObject *iterate_next(Session *self)
{
    PyObject *message = NULL;
    if (self->delivery.by_frames) {
        message = PyObject_CallMethod((PyObject *)self, "_recv_whole", "OO", Py_None, Py_None);
    } else {
        ws_frame *frame = next_frame(self, -1);
        if (frame != NULL)
            return message_of(frame, NULL);
    }
    if (message != NULL)
        return message;
    if (PyErr_ExceptionMatches(connection_closed_ok))
        PyErr_Clear();
    return NULL;
}

/* _await_pong(is_there, timeout): receives until the function returns true; messages wait. */
static PyObject *await_pong(Session *self, PyObject *arguments)
{
    PyObject *is_there, *timeout;
    int64_t timeout_ms;
    if (!PyArg_ParseTuple(arguments, "OO", &is_there, &timeout) || timeout_of(timeout, &timeout_ms) < 0)
        return NULL;
    struct wait wait;
    wait_begin(&wait, timeout_ms);
    int goes_on = 1;
    for (;;) {
        if (take_events(self) < 0)
            return NULL;
        PyObject *answer = PyObject_CallNoArgs(is_there);
        int has_come = answer == NULL ? -1 : PyObject_IsTrue(answer);
        Py_XDECREF(answer);
        if (has_come < 0)
            return NULL;
        if (has_come)
            Py_RETURN_NONE;
        if (goes_on == 0)
            PyErr_SetString(PyExc_TimeoutError, "no pong came in time");
        if (goes_on <= 0)
            return NULL;
        if (self->is_receiving || self->waiting.bytes > MOST_WAITING_BYTES) {
            follow(self, &wait);
        } else {
            int outcome = receive(self, &wait);
            if (outcome == 1)
                return NULL;
            if (outcome != WS_OK && outcome != WS_ERR_TIMEOUT && outcome != WS_ERR_INTERRUPTED)
                return raise_status((ws_status)outcome, self, NULL);
        }
        goes_on = wait_goes_on(&wait);
        if (goes_on < 0)
            return NULL;
    }
}

/* Waits for room: a status, or 1 with an exception. */
static int send_waiting(Session *self, const struct payload *payload, enum part part, int64_t timeout_ms)
{
    struct wait wait;
    wait_begin(&wait, timeout_ms);
    for (;;) {
        ws_status status = send_as(self, payload, part, wait_slice(&wait));
        if (status != WS_ERR_TIMEOUT && status != WS_ERR_INTERRUPTED)
            return (int)status;
        int goes_on = wait_goes_on(&wait);
        if (goes_on == 0)
            PyErr_SetString(PyExc_TimeoutError, "there was no room to send in time");
        if (goes_on <= 0)
            return 1;
    }
}

static PyObject *send_message(Session *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    static const char *const names[] = {"message", "text", "timeout"};
    PyObject *values[3] = {NULL, NULL, NULL};
    int64_t timeout_ms = -1;
    if (count == 1 && keywords == NULL)
        values[0] = arguments[0];
    else if (arguments_of("send", names, values, 3, arguments, count, keywords) < 0 ||
             timeout_of(values[2], &timeout_ms) < 0)
        return NULL;
    if (values[0] == NULL)
        return PyErr_Format(PyExc_TypeError, "send() needs a message");
    struct payload payload;
    int is_simple = payload_of(values[0], values[1], &payload);
    if (is_simple < 0)
        return NULL;
    if (is_simple > 0) {
        int outcome = (int)send_at_once(self, &payload);
        if (outcome == WS_ERR_TIMEOUT || outcome == WS_ERR_INTERRUPTED)
            outcome = send_waiting(self, &payload, WHOLE, timeout_ms);
        payload_release(&payload);
        if (outcome == WS_OK)
            Py_RETURN_NONE;
        if (outcome == 1)
            return NULL;
        if (outcome != WS_ERR_STATE)
            return raise_status((ws_status)outcome, self, NULL);
        /* Another thread sends a message in fragments: behind it. */
    }
    return PyObject_CallMethod((PyObject *)self, "_send_slowly", "OOO", values[0],
                               values[1] == NULL ? Py_None : values[1], values[2] == NULL ? Py_None : values[2]);
}

/* _send_part((message, text, part), timeout) */
static PyObject *send_part(Session *self, PyObject *arguments)
{
    struct payload payload;
    enum part part;
    PyObject *message, *timeout;
    int64_t timeout_ms;
    if (!PyArg_ParseTuple(arguments, "O!O", &PyTuple_Type, &message, &timeout) ||
        timeout_of(timeout, &timeout_ms) < 0 || part_of(message, &payload, &part) < 0)
        return NULL;
    int outcome = send_waiting(self, &payload, part, timeout_ms);
    payload_release(&payload);
    if (outcome == 1)
        return NULL;
    if (outcome != WS_OK)
        return raise_status((ws_status)outcome, self, NULL);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"recv", (PyCFunction)(void (*)(void))recv_message, METH_FASTCALL | METH_KEYWORDS,
     "recv($self, /, timeout=None, decode=None)\n--\n\n"
     "Receive the next message: a str for text, bytes for binary, or as decode says."},
    {"send", (PyCFunction)(void (*)(void))send_message, METH_FASTCALL | METH_KEYWORDS,
     "send($self, /, message, text=None, timeout=None)\n--\n\n"
     "Send a message: a str as text, anything like bytes as binary, or as text says; an iterable in fragments."},
    {"_recv_frame", (PyCFunction)recv_frame, METH_O, NULL},
    {"_send_part", (PyCFunction)send_part, METH_VARARGS, NULL},
    {"_await_pong", (PyCFunction)await_pong, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_methods, methods},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, iterate_next},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "ktorws._ktorws.Blocking",
    .basicsize = sizeof(Session),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};

int add_blocking(PyObject *module)
{
    return add_type(module, &blocking_type, &spec, session_type);
}
