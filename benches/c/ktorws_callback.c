/* The library's callbacks: the next message is sent from inside on_frame. */

#include "ktorws_clients.h"

#include <pthread.h>
#include <stdatomic.h>

/* The works have one session at a time. */
static struct {
    const uint8_t *message;
    size_t size;
    /* Messages to come, and how many of them are not sent yet. */
    size_t left;
    size_t to_send;
    size_t at_once;
    /* Of those sent at once, how many are to come. */
    size_t under_way;
    double *sample;
    double last;
    /* Hands the above to the library's threads, which need not take the lock before all has come. */
    atomic_int is_running;
    pthread_mutex_t mutex;
    pthread_cond_t all_came;
    atomic_int is_closing;
} echoing = {.mutex = PTHREAD_MUTEX_INITIALIZER, .all_came = PTHREAD_COND_INITIALIZER};

static void send_some(ws_session *session)
{
    size_t count = echoing.to_send < echoing.at_once ? echoing.to_send : echoing.at_once;
    echoing.to_send -= count;
    echoing.under_way = count;
    send_each(session, echoing.message, echoing.size, count);
}

static void on_frame(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)user_data;
    if (!atomic_load_explicit(&echoing.is_running, memory_order_acquire) || echoing.under_way == 0)
        fail("a message came that was not asked for");
    check_message(frame->data, frame->size, echoing.size);
    if (echoing.sample != NULL) {
        double now = now_us();
        *echoing.sample++ = now - echoing.last;
        echoing.last = now;
    }
    echoing.under_way--;
    if (--echoing.left == 0) {
        pthread_mutex_lock(&echoing.mutex);
        atomic_store(&echoing.is_running, 0);
        pthread_cond_signal(&echoing.all_came);
        pthread_mutex_unlock(&echoing.mutex);
    } else if (echoing.under_way == 0) {
        send_some(session);
    }
}

static void on_close(ws_session *session, ws_status status, void *user_data)
{
    (void)session;
    (void)user_data;
    if (!atomic_load(&echoing.is_closing))
        fail("the session ended: %s", ws_strerror(status));
}

void start_callback(const struct options *options)
{
    start_ktorws(options);
    const ws_callbacks callbacks = {.struct_size = sizeof callbacks, .on_frame = on_frame, .on_close = on_close};
    check(ws_config_set_callbacks(config, &callbacks, NULL), "setting callbacks");
}

void *open_called_back(const struct options *options, const char *url)
{
    atomic_store(&echoing.is_closing, 0);
    return open_session(options, url);
}

void close_called_back(void *session)
{
    atomic_store(&echoing.is_closing, 1);
    close_session(session);
}

void echo_in_callback(void *session, const uint8_t *message, size_t size, size_t count, size_t at_once, double *samples)
{
    echoing.message = message;
    echoing.size = size;
    echoing.left = count;
    echoing.at_once = at_once;
    echoing.sample = samples;
    /* Echoes come while these are being sent: on_frame must find all as it is to be. */
    size_t first = count < at_once ? count : at_once;
    echoing.to_send = count - first;
    echoing.under_way = first;
    echoing.last = samples == NULL ? 0 : now_us();
    atomic_store_explicit(&echoing.is_running, 1, memory_order_release);
    send_each(session, message, size, first);

    pthread_mutex_lock(&echoing.mutex);
    while (atomic_load(&echoing.is_running))
        pthread_cond_wait(&echoing.all_came, &echoing.mutex);
    pthread_mutex_unlock(&echoing.mutex);
}
