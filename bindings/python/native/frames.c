/* Frames of any type, and flushing: what waits, for at most a time, with Python's lock given back. */

#include "native.h"

PyObject *frame_of(ws_frame *frame)
{
    PyObject *parts = Py_BuildValue("Iy#II", frame->type, (const char *)frame->data, (Py_ssize_t)frame->size,
                                    frame->flags, frame->close_code);
    ws_frame_free(frame);
    return parts;
}

/* _send_frame(type, payload, flags, timeout): False if there is no room in time. */
PyObject *session_send_frame(Session *self, PyObject *arguments)
{
    unsigned type, flags;
    const char *payload;
    Py_ssize_t size;
    PyObject *timeout;
    int64_t timeout_ms;
    if (!PyArg_ParseTuple(arguments, "Iy#IO", &type, &payload, &size, &flags, &timeout) ||
        timeout_of(timeout, &timeout_ms) < 0)
        return NULL;
    struct wait wait;
    wait_begin(&wait, timeout_ms);
    for (;;) {
        ws_status status;
        int64_t slice = wait_slice(&wait);
        Py_BEGIN_ALLOW_THREADS status = ws_send(self->handle, type, payload, (size_t)size, flags, slice);
        Py_END_ALLOW_THREADS if (status == WS_OK) Py_RETURN_TRUE;
        if (status != WS_ERR_TIMEOUT && status != WS_ERR_INTERRUPTED)
            return raise_status(status, self, NULL);
        int goes_on = wait_goes_on(&wait);
        if (goes_on < 0)
            return NULL;
        if (goes_on == 0)
            Py_RETURN_FALSE;
    }
}

/* _flush(timeout): False if the kernel has not taken everything in time. */
PyObject *session_flush(Session *self, PyObject *timeout)
{
    int64_t timeout_ms;
    if (timeout_of(timeout, &timeout_ms) < 0)
        return NULL;
    struct wait wait;
    wait_begin(&wait, timeout_ms);
    for (;;) {
        ws_status status;
        int64_t slice = wait_slice(&wait);
        Py_BEGIN_ALLOW_THREADS status = ws_flush(self->handle, slice);
        Py_END_ALLOW_THREADS if (status == WS_OK) Py_RETURN_TRUE;
        if (status != WS_ERR_TIMEOUT && status != WS_ERR_INTERRUPTED)
            return raise_status(status, self, NULL);
        int goes_on = wait_goes_on(&wait);
        if (goes_on < 0)
            return NULL;
        if (goes_on == 0)
            Py_RETURN_FALSE;
    }
}
