/* ktorws._ktorws: the module, and how a status becomes an exception. */

#include "native.h"

PyTypeObject *config_type, *error_type, *session_type, *blocking_type, *asynchronous_type, *jar_type;
/* make_exception(status, session or None, error or None), of the module exceptions. */
PyObject *make_exception;
PyObject *connection_closed_ok;

static unsigned long main_thread;

int add_type(PyObject *module, PyTypeObject **type, PyType_Spec *spec, PyTypeObject *base)
{
    /* They stay the same when the module is imported anew. */
    if (*type == NULL)
        *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, (PyObject *)base);
    return *type == NULL ? -1 : PyModule_AddType(module, *type);
}

/* Python's signal handlers run on no other one. */
int is_main_thread(void)
{
    return PyThread_get_thread_ident() == main_thread;
}

PyObject *raise_status(ws_status status, Session *session, ws_error *error)
{
    PyObject *known = NULL;
    const ws_error *lent = session == NULL ? NULL : ws_session_error(session->handle);
    if (error != NULL)
        known = new_error(error);
    /* Another status is that of the call. In an outage the session lends the error of the loss. */
    else if (lent != NULL && ws_error_status(lent) == status)
        known = lent_error(lent, (PyObject *)session);
    else
        known = Py_NewRef(Py_None);
    PyObject *exception = known == NULL ? NULL
                                        : PyObject_CallFunction(make_exception, "iOO", (int)status,
                                                                session == NULL ? Py_None : (PyObject *)session, known);
    Py_XDECREF(known);
    if (exception != NULL)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_XDECREF(exception);
    return NULL;
}

/* set_exceptions(make_exception, ConnectionClosedOK) */
static PyObject *set_exceptions(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *function, *closed;
    if (!PyArg_ParseTuple(arguments, "OO", &function, &closed))
        return NULL;
    Py_XDECREF(make_exception);
    Py_XDECREF(connection_closed_ok);
    make_exception = Py_NewRef(function);
    connection_closed_ok = Py_NewRef(closed);
    Py_RETURN_NONE;
}

/* shutdown(): no thread of the library calls Python any more. */
static PyObject *shut_down(PyObject *module, PyObject *none)
{
    (void)module;
    (void)none;
    Py_BEGIN_ALLOW_THREADS ws_shutdown(5000);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

static PyObject *status_name(PyObject *module, PyObject *status)
{
    (void)module;
    long number = PyLong_AsLong(status);
    if (number == -1 && PyErr_Occurred())
        return NULL;
    return text_or_none(ws_status_name((int32_t)number));
}

static PyObject *status_words(PyObject *module, PyObject *status)
{
    (void)module;
    long number = PyLong_AsLong(status);
    if (number == -1 && PyErr_Occurred())
        return NULL;
    return text_or_none(ws_strerror((int32_t)number));
}

static PyObject *has_feature(PyObject *module, PyObject *name)
{
    (void)module;
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
    return text == NULL ? NULL : PyBool_FromLong(ws_has_feature(text));
}

static PyObject *set_worker_threads(PyObject *module, PyObject *count)
{
    (void)module;
    unsigned long number = PyLong_AsUnsignedLong(count);
    if (PyErr_Occurred())
        return NULL;
    ws_status status = ws_set_worker_threads(number > UINT32_MAX ? 0 : (uint32_t)number);
    if (status == WS_ERR_STATE)
        return PyErr_Format(PyExc_RuntimeError, "the worker threads run already");
    if (status != WS_OK)
        return raise_status(status, NULL, NULL);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_exceptions", (PyCFunction)set_exceptions, METH_VARARGS, NULL},
    {"shutdown", (PyCFunction)shut_down, METH_NOARGS, NULL},
    {"status_name", (PyCFunction)status_name, METH_O, NULL},
    {"status_words", (PyCFunction)status_words, METH_O, NULL},
    {"has_feature", (PyCFunction)has_feature, METH_O,
     "has_feature($module, name, /)\n--\n\n"
     "Whether this build of the library has a feature: deflate, proxy, reconnect or tls."},
    {"set_worker_threads", (PyCFunction)set_worker_threads, METH_O,
     "set_worker_threads($module, count, /)\n--\n\n"
     "Set the number of the library's worker threads, 2 by default, before the first session is opened."},
    {"set_log", (PyCFunction)set_log, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module)
{
    /* Its types and exceptions are static: another interpreter would replace the first one's. */
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0) {
        PyErr_SetString(PyExc_ImportError, "ktorws cannot be imported in a subinterpreter");
        return -1;
    }
    PyObject *threading = PyImport_ImportModule("threading");
    PyObject *thread = threading == NULL ? NULL : PyObject_CallMethod(threading, "main_thread", NULL);
    PyObject *ident = thread == NULL ? NULL : PyObject_GetAttrString(thread, "ident");
    if (ident != NULL)
        main_thread = PyLong_AsUnsignedLong(ident);
    Py_XDECREF(ident);
    Py_XDECREF(thread);
    Py_XDECREF(threading);
    if (PyErr_Occurred())
        return -1;
    if (add_errors(module) < 0 || add_cookies(module) < 0 || add_config(module) < 0 || add_calling(module) < 0 ||
        add_attempts(module) < 0 ||        add_session(module) < 0 || add_blocking(module) < 0 || add_asynchronous(module) < 0 || add_future(module) < 0 ||
        add_coroutines(module) < 0)
        return -1;
    return PyModule_AddStringConstant(module, "library_version", ws_version_string());
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, execute},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "ktorws._ktorws",
    .m_methods = functions,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__ktorws(void);

PyMODINIT_FUNC PyInit__ktorws(void)
{
    return PyModuleDef_Init(&definition);
}
