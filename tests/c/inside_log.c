/* While the log's function runs, nothing of the library is locked: another thread can make every call, of the same session
 * too. The function waits for that, with a lock of its own. */

#define _GNU_SOURCE
#include "steered.h"
#include "threads.h"
#include <semaphore.h>

static pthread_mutex_t own_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t helper;
static sem_t asked, answered;
static atomic_uintptr_t used;
static atomic_int receives, lines, lost_lines, pong_lines;
static __thread int is_helper;

static void wait_for(sem_t *semaphore)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    CHECK_EQ(sem_clockwait(semaphore, CLOCK_REALTIME, &until), 0);
}

/* A frame that the helper has received. What is not for it is sent again. */
static int is_for_the_helper(ws_session *session, ws_frame *frame)
{
    const char *text = (const char *)frame->data;
    if (strcmp(text, "bye") == 0)
        CHECK_OK(ws_send_text(session, "bye", 3));
    int is_for_it = strcmp(text, "for the helper") == 0;
    ws_frame_free(frame);
    return is_for_it;
}

static void make_calls(ws_session *session)
{
    ws_frame *frame = NULL;
    ws_stats statistics = {.struct_size = sizeof statistics};
    CHECK_OK(ws_get_stats(session, &statistics));
    ws_buffered_amount(session);
    ws_state(session);
    ws_session_error(session);
    ws_get_ping_interval_ms(session);
    ws_send(session, WS_FRAME_TEXT, "from the helper", WS_NUL_TERMINATED, 0, 0);
    ws_flush(session, 0);
    if (atomic_load(&receives)) {
        /* The thread whose line it is was receiving; somebody else can now. */
        CHECK_OK(ws_send_text(session, "for the helper", WS_NUL_TERMINATED));
        do {
            CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
        } while (!is_for_the_helper(session, frame));
    } else if (ws_recv(session, &frame, 0) == WS_OK) {
        is_for_the_helper(session, frame);
    }
}

static void *help(void *unused)
{
    (void)unused;
    is_helper = 1;
    for (;;) {
        while (sem_wait(&asked) != 0) {
        }
        ws_session *session = (ws_session *)atomic_load(&used);
        if (session != NULL)
            make_calls(session);
        sem_post(&answered);
    }
    return NULL;
}

static void note(uint32_t level, uint64_t session_id, const char *message, void *user_data)
{
    (void)level, (void)session_id;
    CHECK(user_data == &lines);
    if (is_helper)
        return;
    pthread_mutex_lock(&own_lock);
    atomic_fetch_add(&lines, 1);
    int is_pong = strcmp(message, "pong to our ping") == 0;
    atomic_store(&receives, is_pong);
    sem_post(&asked);
    wait_for(&answered);
    atomic_store(&receives, 0);
    if (strncmp(message, "the connection is lost", 22) == 0)
        atomic_fetch_add(&lost_lines, 1);
    if (is_pong)
        atomic_fetch_add(&pong_lines, 1);
    pthread_mutex_unlock(&own_lock);
}

static ws_status receive_until_bye(ws_session *session)
{
    ws_frame *frame = NULL;
    int is_over = 0;
    while (!is_over) {
        CHECK_OK(ws_recv(session, &frame, -1));
        is_over = strcmp((const char *)frame->data, "bye") == 0;
        ws_frame_free(frame);
    }
    return WS_OK;
}

/* By the thread that receives, which reads the pong. */
static void pings_of_the_library(void)
{
    ws_session *session = connect_plain("");
    atomic_store(&used, (uintptr_t)session);
    caller receiver;
    start_call(&receiver, receive_until_bye, session);
    CHECK_OK(ws_set_ping_interval_ms(session, 20));
    while (atomic_load(&pong_lines) < 3)
        sched_yield();
    CHECK_OK(ws_set_ping_interval_ms(session, 0));
    CHECK_OK(ws_send_text(session, "bye", 3));
    expect_result(&receiver, WS_OK);
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    atomic_store(&used, 0);
    ws_session_free(session);
}

/* By threads of the library. */
static void lost_connections(void)
{
    ws_config *config = ws_config_new();
    const ws_reconnect_options options = {.struct_size = sizeof options, .first_delay_ms = 1, .max_delay_ms = 1};
    CHECK_OK(ws_config_set_reconnect(config, &options));
    ws_session *session = connect_steered(PLAIN, config);
    ws_config_free(config);
    atomic_store(&used, (uintptr_t)session);
    for (int i = 0; i < 20; i++) {
        int connections = atoi(server("connections"));
        STEER("reset");
        while (atoi(server("connections")) == connections) {
            /* One lock around its calls and in the log's function, as simple programs have it. */
            pthread_mutex_lock(&own_lock);
            ws_send(session, WS_FRAME_TEXT, "x", 1, 0, 0);
            pthread_mutex_unlock(&own_lock);
        }
    }
    /* Some connections are reset while they are opened, which is another line. The first one was open. */
    while (atomic_load(&lost_lines) == 0)
        sched_yield();
    CHECK_OK(ws_abort(session));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    atomic_store(&used, 0);
    ws_session_free(session);
}

static atomic_int replacing_lines;

static void replace_itself(uint32_t level, uint64_t session_id, const char *message, void *user_data)
{
    (void)level, (void)session_id, (void)message;
    CHECK(user_data == NULL);
    atomic_fetch_add(&replacing_lines, 1);
    CHECK_OK(ws_set_log_callback(WS_LOG_OFF, NULL, NULL));
}

static void another_function_in_the_function(void)
{
    CHECK_OK(ws_set_log_callback(WS_LOG_INFO, replace_itself, NULL));
    close_and_free(connect_plain(""));
    CHECK_EQ(atomic_load(&replacing_lines), 1);
}

int main(void)
{
    CHECK_EQ(sem_init(&asked, 0, 0), 0);
    CHECK_EQ(sem_init(&answered, 0, 0), 0);
    start(&helper, help, NULL);
    CHECK_OK(ws_set_log_callback(WS_LOG_DEBUG, note, &lines));
    pings_of_the_library();
    lost_connections();
    CHECK(atomic_load(&lines) > 60);
    CHECK_OK(ws_set_log_callback(WS_LOG_OFF, NULL, NULL));
    another_function_in_the_function();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
