/* The library's log, for a function of Python's. */

#include "native.h"

#include <string.h>

/* Changed with Python's lock, while no thread of the library is in it. */
static PyObject *log_function;

static void log_line(uint32_t level, uint64_t session_id, const char *message, void *none)
{
    (void)none;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *function = Py_XNewRef(log_function);
    if (function != NULL) {
        PyObject *line = PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "replace");
        PyObject *result =
            line == NULL ? NULL
                         : PyObject_CallFunction(function, "IKO", level, (unsigned long long)session_id, line);
        if (result == NULL)
            PyErr_WriteUnraisable(function);
        Py_XDECREF(result);
        Py_XDECREF(line);
    }
    Py_XDECREF(function);
    PyGILState_Release(state);
}

/* set_log(level, function): None ends it. */
PyObject *set_log(PyObject *module, PyObject *arguments)
{
    (void)module;
    unsigned level;
    PyObject *function;
    if (!PyArg_ParseTuple(arguments, "IO", &level, &function))
        return NULL;
    PyObject *before = log_function;
    log_function = function == Py_None ? NULL : Py_NewRef(function);
    ws_status status;
    /* It waits for threads that log. */
    Py_BEGIN_ALLOW_THREADS status = ws_set_log_callback(level, function == Py_None ? NULL : log_line, NULL);
    Py_END_ALLOW_THREADS Py_XDECREF(before);
    if (status != WS_OK)
        return raise_status(status, NULL, NULL);
    Py_RETURN_NONE;
}
