/* Functions of the application, which are Python's. */

#include "native.h"

#include <string.h>

/* ktorws._ktorws.Challenge: a server's question for credentials, until its function returns. */
typedef struct {
    PyObject ob_base;
    ws_auth *auth;
} Challenge;

static PyTypeObject *challenge_type;

void call_authenticate(ws_auth *auth, void *user_data)
{
    Config *config = user_data;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *function = Py_XNewRef(config->authenticate);
    Challenge *challenge = PyObject_New(Challenge, challenge_type);
    if (challenge != NULL && function != NULL) {
        challenge->auth = auth;
        PyObject *result = PyObject_CallFunctionObjArgs(function, challenge, NULL);
        if (result == NULL)
            PyErr_WriteUnraisable(function);
        Py_XDECREF(result);
        challenge->auth = NULL;
    }
    Py_XDECREF((PyObject *)challenge);
    Py_XDECREF(function);
    PyErr_Clear();
    PyGILState_Release(state);
}

/* decide(message, attempt, delay in seconds or None) returns seconds or None. */
int32_t call_decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
                    void *user_data)
{
    (void)session;
    Config *config = user_data;
    int32_t again = 0;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *function = Py_XNewRef(config->decide);
    PyObject *suggestion = suggested ? PyFloat_FromDouble((double)*delay_ms / 1000) : Py_NewRef(Py_None);
    PyObject *result = NULL;
    if (function != NULL && suggestion != NULL)
        result = PyObject_CallFunction(function, "sIO", ws_error_message(why), (unsigned)attempt, suggestion);
    int64_t delay;
    if (result != NULL && result != Py_None && timeout_of(result, &delay) == 0) {
        again = 1;
        *delay_ms = delay < 0 ? INT64_MAX : delay;
    }
    /* A function that fails gives up. */
    if (PyErr_Occurred())
        PyErr_WriteUnraisable(function);
    Py_XDECREF(result);
    Py_XDECREF(suggestion);
    Py_XDECREF(function);
    PyGILState_Release(state);
    return again;
}

/* filter(message) returns whether to compress it: a str, or bytes. */
int32_t call_filter(void *user_data, uint32_t type, const void *data, size_t size)
{
    Config *config = user_data;
    int32_t is_wanted = 1;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *function = Py_XNewRef(config->filter);
    /* A fragment of a text may end within a character. */
    PyObject *message = type == WS_FRAME_TEXT ? PyUnicode_DecodeUTF8(data, (Py_ssize_t)size, "replace")
                                              : PyBytes_FromStringAndSize(data, (Py_ssize_t)size);
    PyObject *result = NULL;
    if (function != NULL && message != NULL)
        result = PyObject_CallFunctionObjArgs(function, message, NULL);
    int truth = result == NULL ? -1 : PyObject_IsTrue(result);
    if (truth >= 0)
        is_wanted = truth;
    else
        PyErr_WriteUnraisable(function);
    Py_XDECREF(result);
    Py_XDECREF(message);
    Py_XDECREF(function);
    PyGILState_Release(state);
    return is_wanted;
}

int call_on_reconnect(Session *session)
{
    /* An event loop has its own way to report what fails. */
    if (session->loop != NULL) {
        PyObject *result = PyObject_CallMethod((PyObject *)session, "_call_on_reconnect", NULL);
        Py_XDECREF(result);
        return result == NULL ? -1 : 0;
    }
    PyObject *function = session->config->on_reconnect;
    PyObject *result = PyObject_CallFunctionObjArgs(function, session, NULL);
    Py_XDECREF(result);
    /* The call that receives goes on, unless it is interrupted. */
    if (result == NULL && !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    if (result == NULL)
        PyErr_WriteUnraisable(function);
    return 0;
}

static ws_auth *auth_of(Challenge *self)
{
    if (self->auth == NULL)
        PyErr_SetString(PyExc_RuntimeError, "the question is over");
    return self->auth;
}

static PyObject *get_url(Challenge *self, void *closure)
{
    (void)closure;
    return auth_of(self) == NULL ? NULL : text_or_none(ws_auth_url(self->auth));
}

static PyObject *get_attempt(Challenge *self, void *closure)
{
    (void)closure;
    return auth_of(self) == NULL ? NULL : PyLong_FromUnsignedLong(ws_auth_attempt(self->auth));
}

static PyObject *get_challenges(Challenge *self, void *closure)
{
    (void)closure;
    PyObject *list = auth_of(self) == NULL ? NULL : PyList_New(0);
    const char *challenge;
    for (size_t i = 0; list != NULL && (challenge = ws_auth_challenge(self->auth, i)) != NULL; i++) {
        PyObject *text = text_or_none(challenge);
        if (text == NULL || PyList_Append(list, text) < 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    return list;
}

/* answer(how, first[, second]) */
static PyObject *answer(Challenge *self, PyObject *arguments)
{
    const char *how, *first, *second = NULL;
    if (auth_of(self) == NULL || !PyArg_ParseTuple(arguments, "ss|s:answer", &how, &first, &second))
        return NULL;
    ws_status status;
    if (strcmp(how, "basic") == 0)
        status = ws_auth_basic(self->auth, first, second);
    else if (strcmp(how, "digest") == 0)
        status = ws_auth_digest(self->auth, first, second);
    else if (strcmp(how, "bearer") == 0)
        status = ws_auth_bearer(self->auth, first);
    else
        status = ws_auth_header(self->auth, first);
    if (status == WS_ERR_STATE)
        return PyErr_Format(PyExc_ValueError, "the server sent no supported Digest challenge");
    if (status != WS_OK)
        return PyErr_Format(PyExc_ValueError, "credentials with characters that they cannot have");
    Py_RETURN_NONE;
}

static void challenge_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_Free(self);
    Py_DECREF((PyObject *)type);
}

static PyGetSetDef properties[] = {
    {"url", (getter)get_url, NULL, NULL, NULL},
    {"attempt", (getter)get_attempt, NULL, NULL, NULL},
    {"challenges", (getter)get_challenges, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"answer", (PyCFunction)answer, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, challenge_dealloc},
    {Py_tp_getset, properties},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "ktorws._ktorws.Challenge",
    .basicsize = sizeof(Challenge),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

int add_calling(PyObject *module)
{
    return add_type(module, &challenge_type, &spec, NULL);
}
