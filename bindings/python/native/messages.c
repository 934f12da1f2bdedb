/* Messages as Python's objects, and arguments of the calls that have to be quick. */

#include "native.h"

/* 1: it can be sent as it is. 0: it is neither text nor bytes. -1: an exception. `text` says what it is sent as. */
int payload_of(PyObject *message, PyObject *text, struct payload *payload)
{
    payload->has_view = 0;
    if (PyUnicode_Check(message)) {
        Py_ssize_t size;
        payload->data = PyUnicode_AsUTF8AndSize(message, &size);
        if (payload->data == NULL)
            return -1;
        payload->size = (size_t)size;
        payload->type = WS_FRAME_TEXT;
    } else if (PyBytes_Check(message)) {
        char *data;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(message, &data, &size) < 0)
            return -1;
        payload->data = data;
        payload->size = (size_t)size;
        payload->type = WS_FRAME_BINARY;
    } else if (PyObject_CheckBuffer(message)) {
        /* What is not contiguous cannot be had so; then it is copied by the caller. */
        if (PyObject_GetBuffer(message, &payload->view, PyBUF_SIMPLE) < 0) {
            if (!PyErr_ExceptionMatches(PyExc_BufferError))
                return -1;
            PyErr_Clear();
            return 0;
        }
        payload->has_view = 1;
        payload->data = payload->view.buf;
        payload->size = (size_t)payload->view.len;
        payload->type = WS_FRAME_BINARY;
    } else {
        return 0;
    }
    if (text != NULL && text != Py_None) {
        int is_text = PyObject_IsTrue(text);
        if (is_text < 0) {
            payload_release(payload);
            return -1;
        }
        payload->type = is_text ? WS_FRAME_TEXT : WS_FRAME_BINARY;
    }
    return 1;
}

void payload_release(struct payload *payload)
{
    if (payload->has_view)
        PyBuffer_Release(&payload->view);
    payload->has_view = 0;
}

static ws_status send_whole(Session *session, const struct payload *payload)
{
    return ws_send(session->handle, payload->type, payload->data, payload->size, 0, 0);
}

/* Without waiting. A small message costs less than giving Python's lock back does. */
ws_status send_at_once(Session *session, const struct payload *payload)
{
    if (payload->size <= LARGE_BYTES)
        return send_whole(session, payload);
    ws_status status;
    Py_BEGIN_ALLOW_THREADS status = send_whole(session, payload);
    Py_END_ALLOW_THREADS return status;
}

/* (message, text, part), of which the message is a str or like bytes. */
int part_of(PyObject *arguments, struct payload *payload, enum part *part)
{
    PyObject *message, *text;
    int number;
    if (!PyArg_ParseTuple(arguments, "OOi", &message, &text, &number))
        return -1;
    *part = (enum part)number;
    int is_simple = payload_of(message, text, payload);
    if (is_simple == 0)
        PyErr_SetString(PyExc_TypeError, "a message is a str, or an object like bytes that is contiguous");
    return is_simple > 0 ? 0 : -1;
}

/* As one part of a message, waiting for room, with Python's lock given back. */
ws_status send_as(Session *session, const struct payload *payload, enum part part, int64_t timeout_ms)
{
    ws_status status;
    uint32_t type = part != WHOLE && session->is_amid_message ? WS_FRAME_CONTINUATION : payload->type;
    Py_BEGIN_ALLOW_THREADS status =
        ws_send(session->handle, type, payload->data, payload->size, part == FRAGMENT ? WS_SEND_MORE : 0, timeout_ms);
    Py_END_ALLOW_THREADS if (status == WS_OK && part != WHOLE) session->is_amid_message = part == FRAGMENT;
    return status;
}

PyObject *message_of(ws_frame *frame, PyObject *decode)
{
    const char *data = (const char *)frame->data;
    Py_ssize_t size = (Py_ssize_t)frame->size;
    int is_text = frame->type == WS_FRAME_TEXT;
    if (decode != NULL && decode != Py_None)
        is_text = PyObject_IsTrue(decode);
    PyObject *message = NULL;
    if (is_text >= 0)
        message = is_text ? PyUnicode_DecodeUTF8(data, size, "strict") : PyBytes_FromStringAndSize(data, size);
    ws_frame_free(frame);
    return message;
}

/* Puts arguments, which are all optional, by position or name into `values`, which the caller has set to NULL. */
int arguments_of(const char *function, const char *const *names, PyObject **values, size_t most,
                 PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    if ((size_t)count > most) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most %zu arguments (%zd given)", function, most, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        values[i] = arguments[i];
    Py_ssize_t named = keywords == NULL ? 0 : PyTuple_Size(keywords);
    for (Py_ssize_t i = 0; i < named; i++) {
        PyObject *name = PyTuple_GetItem(keywords, i);
        size_t place = 0;
        while (place < most && PyUnicode_CompareWithASCIIString(name, names[place]) != 0)
            place++;
        if (place == most) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", function, name);
            return -1;
        }
        if (values[place] != NULL) {
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", function, name);
            return -1;
        }
        values[place] = arguments[count + i];
    }
    return 0;
}
