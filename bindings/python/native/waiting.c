/* Waiting in slices, and the messages that wait to be taken. */

#include "native.h"

#include <math.h>
#include <string.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void wait_begin(struct wait *wait, int64_t timeout_ms)
{
    wait->timeout = timeout_ms;
    wait->deadline = timeout_ms > 0 ? now_ms() + timeout_ms : -1;
    wait->in_slices = (timeout_ms < 0 || timeout_ms > SLICE_MS) && is_main_thread();
}

int64_t wait_slice(const struct wait *wait)
{
    return wait->in_slices && (wait->timeout < 0 || wait->timeout > SLICE_MS) ? SLICE_MS : wait->timeout;
}

/* After a slice, with Python's lock held: 1 to wait on, 0 when time is up, -1 with an exception of a signal handler. */
int wait_goes_on(struct wait *wait)
{
    if (PyErr_CheckSignals() < 0)
        return -1;
    if (wait->timeout <= 0)
        return wait->timeout < 0;
    wait->timeout = wait->deadline - now_ms();
    if (wait->timeout > 0)
        return 1;
    wait->timeout = 0;
    return 0;
}

/* Seconds, or None for no limit, as the library's milliseconds. No time at all is not waiting. */
int timeout_of(PyObject *seconds, int64_t *milliseconds)
{
    *milliseconds = -1;
    if (seconds == NULL || seconds == Py_None)
        return 0;
    double value = PyFloat_AsDouble(seconds);
    if (value == -1.0 && PyErr_Occurred())
        return -1;
    if (isnan(value)) {
        PyErr_SetString(PyExc_ValueError, "the timeout is not a number");
        return -1;
    }
    if (value < 9e15)
        *milliseconds = value <= 0 ? 0 : (int64_t)ceil(value * 1000);
    return 0;
}

int waiting_add(struct waiting *waiting, ws_frame **frames, size_t count)
{
    if (waiting->count == 0)
        waiting->first = 0;
    if (waiting->first + waiting->count + count > waiting->capacity) {
        size_t capacity = (waiting->count + count) * 2;
        ws_frame **grown = PyMem_Malloc(capacity * sizeof *grown);
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        if (waiting->count > 0)
            memcpy(grown, waiting->frames + waiting->first, waiting->count * sizeof *grown);
        PyMem_Free(waiting->frames);
        waiting->frames = grown;
        waiting->first = 0;
        waiting->capacity = capacity;
    }
    for (size_t i = 0; i < count; i++) {
        waiting->frames[waiting->first + waiting->count++] = frames[i];
        waiting->bytes += frames[i]->size;
    }
    return 0;
}

ws_frame *waiting_take(struct waiting *waiting)
{
    ws_frame *frame = waiting->frames[waiting->first++];
    waiting->count--;
    waiting->bytes -= frame->size;
    return frame;
}

ws_frame *take_frame(Session *session)
{
    ws_frame *frame = waiting_take(&session->waiting);
    if (frame->type == WS_FRAME_RESUMED)
        session->has_told = 0;
    return frame;
}

void waiting_clear(struct waiting *waiting)
{
    while (waiting->count > 0)
        ws_frame_free(waiting_take(waiting));
    PyMem_Free(waiting->frames);
    waiting->frames = NULL;
    waiting->capacity = 0;
}

/* Tells who waits for a pong, or for word that its connection is lost. */
static int tell_pings(Session *session, const ws_frame *frame)
{
    PyObject *done = frame->type == WS_FRAME_PONG
                         ? PyObject_CallMethod((PyObject *)session, "_note_pong", "y#", (const char *)frame->data,
                                               (Py_ssize_t)frame->size)
                         : PyObject_CallMethod((PyObject *)session, "_end_lost_pings", NULL);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Leaves the messages in their order, and between them what recv_frame() returns and the events for on_reconnect. */
int filter_frames(Session *session, ws_frame **frames, size_t *count)
{
    size_t kept = 0;
    int outcome = 0;
    for (size_t i = 0; i < *count; i++) {
        ws_frame *frame = frames[i];
        int is_event = frame->type == WS_FRAME_RESUMED, is_message = !is_event && frame->type != WS_FRAME_PONG;
        if (!is_message && outcome == 0)
            outcome = tell_pings(session, frame);
        int is_shown = is_event ? session->config->on_reconnect != NULL || session->delivery.events & WS_EVENT_RESUMED
                                : (session->delivery.control & WS_CONTROL_PONG) != 0;
        if (is_message || is_shown)
            frames[kept++] = frame;
        else
            ws_frame_free(frame);
    }
    *count = kept;
    return outcome;
}

int take_events(Session *session)
{
    struct waiting *waiting = &session->waiting;
    while (waiting->count > 0 && waiting->frames[waiting->first]->type == WS_FRAME_RESUMED && !session->has_told) {
        if (session->delivery.events & WS_EVENT_RESUMED)
            session->has_told = 1;
        else
            ws_frame_free(take_frame(session));
        if (session->config->on_reconnect != NULL && call_on_reconnect(session) < 0)
            return -1;
    }
    return 0;
}
