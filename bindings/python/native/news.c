/* What the library's threads tell a session, without Python's lock. */

#include "native.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct news *news_new(Config *config, int for_loop)
{
    struct news *news = calloc(1, sizeof *news);
    if (news == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    news->owners = 1;
    news->for_loop = for_loop;
    news->descriptor = -1;
    if (for_loop && (news->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        free(news);
        return NULL;
    }
    pthread_mutex_init(&news->mutex, NULL);
    if (config_has_functions(config))
        news->config = (Config *)Py_NewRef((PyObject *)config);
    return news;
}

/* The last owner is the session's object, or a thread of the library, which has no lock of Python's. */
void news_release(struct news *news)
{
    if (__atomic_sub_fetch(&news->owners, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (news->config != NULL) {
        PyGILState_STATE state = PyGILState_Ensure();
        Py_DECREF(news->config);
        PyGILState_Release(state);
    }
    if (news->descriptor >= 0)
        close(news->descriptor);
    pthread_mutex_destroy(&news->mutex);
    free(news);
}

static void tell(struct news *news, unsigned flag)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&news->mutex);
    __atomic_or_fetch(&news->flags, flag, __ATOMIC_ACQ_REL);
    /* A counter that is full is readable already. */
    ssize_t written = news->descriptor < 0 ? 0 : write(news->descriptor, &one, sizeof one);
    pthread_mutex_unlock(&news->mutex);
    (void)written;
}

void news_close(struct news *news)
{
    pthread_mutex_lock(&news->mutex);
    if (news->descriptor >= 0)
        close(news->descriptor);
    news->descriptor = -1;
    pthread_mutex_unlock(&news->mutex);
}

static void on_open(ws_session *session, void *news)
{
    (void)session;
    tell(news, NEWS_OPEN);
}

static void on_writable(ws_session *session, void *news)
{
    (void)session;
    tell(news, NEWS_WRITABLE);
}

static void on_close(ws_session *session, ws_status status, void *news)
{
    (void)session;
    (void)status;
    tell(news, NEWS_OPEN | NEWS_ENDED);
}

static void drop(void *news)
{
    news_release(news);
}

/* The configuration is shared by sessions, its callbacks are this one's: it takes them along as it is copied. */
ws_status connect_with_news(const char *url, Config *config, struct news *news, ws_session **session)
{
    ws_callbacks callbacks = {.struct_size = sizeof callbacks, .drop = drop};
    if (news->for_loop) {
        callbacks.on_open = on_open;
        callbacks.on_writable = on_writable;
        callbacks.on_close = on_close;
    }
    __atomic_add_fetch(&news->owners, 1, __ATOMIC_RELAXED);
    ws_status status = ws_config_set_callbacks(config->handle, &callbacks, news);
    if (status != WS_OK) {
        news_release(news);
        return status;
    }
    status = ws_connect_async(url, config->handle, session);
    ws_config_set_callbacks(config->handle, NULL, NULL);
    return status;
}

unsigned take_news(struct news *news)
{
    uint64_t count;
    /* It may have been read for earlier news. */
    while (news->descriptor >= 0 && read(news->descriptor, &count, sizeof count) < 0 && errno == EINTR)
        continue;
    return __atomic_exchange_n(&news->flags, 0, __ATOMIC_ACQ_REL);
}
