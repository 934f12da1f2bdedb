/* Settings of a session, by the names of their functions in the C API. */

#include "native.h"

#include <string.h>

enum kind { SIZE, TIME, SWITCH };

static const struct setting {
    const char *name;
    enum kind kind;
    ws_status (*set_size)(ws_session *, uint64_t);
    uint64_t (*get_size)(const ws_session *);
    ws_status (*set_time)(ws_session *, int64_t);
    int64_t (*get_time)(const ws_session *);
} settings[] = {
    {"max_frame_size", SIZE, ws_set_max_frame_size, ws_get_max_frame_size, NULL, NULL},
    {"max_message_size", SIZE, ws_set_max_message_size, ws_get_max_message_size, NULL, NULL},
    {"ping_interval_ms", TIME, NULL, NULL, ws_set_ping_interval_ms, ws_get_ping_interval_ms},
    {"ping_timeout_ms", TIME, NULL, NULL, ws_set_ping_timeout_ms, ws_get_ping_timeout_ms},
    {"masking", SWITCH, NULL, NULL, NULL, NULL},
};

static const struct setting *setting_of(PyObject *name)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, settings[i].name) == 0)
            return &settings[i];
    PyErr_SetString(PyExc_TypeError, "no such setting");
    return NULL;
}

/* _set(name, value) */
PyObject *session_set(Session *self, PyObject *arguments)
{
    PyObject *name;
    long long value;
    if (!PyArg_ParseTuple(arguments, "OL", &name, &value))
        return NULL;
    const struct setting *setting = setting_of(name);
    if (setting == NULL)
        return NULL;
    ws_status status;
    if (setting->kind == SIZE)
        status = setting->set_size(self->handle, value < 0 ? 0 : (uint64_t)value);
    else if (setting->kind == TIME)
        status = setting->set_time(self->handle, value);
    else
        status = ws_set_masking(self->handle, (int32_t)value);
    if (status == WS_ERR_STATE)
        return PyErr_Format(PyExc_ValueError, "masking: allow_unmasked is not set");
    if (status != WS_OK)
        return raise_status(status, self, NULL);
    Py_RETURN_NONE;
}

/* _get(name) */
PyObject *session_get(Session *self, PyObject *name)
{
    const struct setting *setting = setting_of(name);
    if (setting == NULL)
        return NULL;
    if (setting->kind == SIZE)
        return PyLong_FromUnsignedLongLong(setting->get_size(self->handle));
    if (setting->kind == TIME)
        return PyLong_FromLongLong(setting->get_time(self->handle));
    return PyLong_FromLong(ws_get_masking(self->handle));
}

/* _start_default(ping interval, ping timeout), in milliseconds. */
PyObject *session_start_default(Session *self, PyObject *arguments)
{
    long long interval, timeout;
    if (!PyArg_ParseTuple(arguments, "LL", &interval, &timeout))
        return NULL;
    ws_status status;
    Py_BEGIN_ALLOW_THREADS status = ws_start_default(self->handle, interval, timeout);
    Py_END_ALLOW_THREADS if (status == WS_ERR_STATE && ws_state(self->handle) == WS_STATE_OPEN) return PyErr_Format(
        PyExc_RuntimeError, "the session is not raw, a message is not complete, or another thread receives");
    if (status != WS_OK)
        return raise_status(status, self, NULL);
    self->delivery.control = self->delivery.control_then;
    Py_RETURN_NONE;
}
