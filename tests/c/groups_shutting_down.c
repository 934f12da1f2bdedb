/* A group outlives ws_shutdown: the library answers pings to its next session as well while nobody receives. */

#define _GNU_SOURCE
#include "recording.h"
#include "threads.h"
#include "watching.h"

static atomic_int is_to_stop;
static sem_t has_stopped, may_go_on;

/* Stops the thread that says so. */
static void stop_where_the_library_reads(uint32_t level, uint64_t id, const char *message, void *unused)
{
    (void)level;
    (void)id;
    (void)unused;
    if (strcmp(message, "the library reads in place of the application") == 0 && atomic_exchange(&is_to_stop, 0)) {
        CHECK_EQ(sem_post(&has_stopped), 0);
        wait_for(&may_go_on);
    }
}

static void expect_pings_answered(void)
{
    STEER("pings 1");
    CHECK_STR(server("pongs 1"), "in order");
}

static void after_it(void)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    for (int i = 0; i < 3; i++) {
        ws_session *session = connect_steered(PLAIN, config);
        expect_pings_answered();
        CHECK_OK(ws_shutdown(PATIENCE_MS));
        CHECK(receive_end(group, WS_ERR_ABORTED) == session);
        ws_session_free(session);
    }
    ws_config_free(config);
    ws_group_free(group);
}

static void *shut_down(void *unused)
{
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return unused;
}

/* The next session is opened while the threads that are shut down have not ended. */
static void during_it(void)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    CHECK_OK(ws_set_worker_threads(1));
    CHECK_OK(ws_set_log_callback(WS_LOG_DEBUG, stop_where_the_library_reads, NULL));
    ws_session *first = connect_steered(PLAIN, config);
    expect_pings_answered();
    /* The only worker stops in what it does for this one. */
    atomic_store(&is_to_stop, 1);
    ws_session *stopping = connect_steered(PLAIN, NULL);
    wait_for(&has_stopped);
    pthread_t other;
    start(&other, shut_down, NULL);
    /* It is refused until the shut-down has begun. */
    while (ws_set_worker_threads(2) != WS_OK)
        sched_yield();
    ws_session *second = connect_steered(PLAIN, config);
    CHECK_EQ(sem_post(&may_go_on), 0);
    join(other);
    CHECK_OK(ws_set_log_callback(WS_LOG_OFF, NULL, NULL));
    CHECK(receive_end(group, WS_ERR_ABORTED) == first);
    expect_pings_answered();
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(stopping, &frame, 0), WS_ERR_ABORTED);
    ws_session_free(stopping);
    ws_session_free(first);
    ws_session_free(second);
    ws_config_free(config);
    ws_group_free(group);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

int main(void)
{
    CHECK_EQ(sem_init(&has_stopped, 0, 0), 0);
    CHECK_EQ(sem_init(&may_go_on, 0, 0), 0);
    after_it();
    for (int round = 0; round < 5; round++)
        during_it();
    return 0;
}
