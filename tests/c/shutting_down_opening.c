/* Ws_shutdown while other threads open sessions: every session that was returned is told its end once, for the others nothing
 * is called, and neither sessions nor what is behind them stay. With --small fewer rounds, for valgrind. */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"
#include <semaphore.h>

enum { OPENERS = 3, SESSIONS = 8 };

typedef struct tally {
    atomic_long opened, closed, dropped;
} tally;

typedef enum place { ALONE, IN_GROUP, TO_CALLBACK, RECONNECTING, PLACES } place;

static void on_open(ws_session *session, void *self)
{
    CHECK(ws_state(session) >= WS_STATE_CONNECTING);
    atomic_fetch_add(&((tally *)self)->opened, 1);
}

static void on_frame(ws_session *session, const ws_frame *frame, void *self)
{
    (void)session, (void)frame, (void)self;
}

static void on_close(ws_session *session, ws_status status, void *self)
{
    CHECK_STATUS(status, WS_ERR_ABORTED);
    CHECK_EQ(ws_state(session), WS_STATE_CLOSED);
    atomic_fetch_add(&((tally *)self)->closed, 1);
}

static void drop(void *self)
{
    atomic_fetch_add(&((tally *)self)->dropped, 1);
}

static ws_config *config_for(place where, ws_group *group, tally *self)
{
    const ws_callbacks callbacks = {.struct_size = sizeof callbacks,
                                    .on_open = on_open,
                                    .on_frame = where == TO_CALLBACK ? on_frame : NULL,
                                    .on_close = on_close,
                                    .drop = drop};
    const ws_reconnect_options reconnect = {.struct_size = sizeof reconnect};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, self));
    if (where == IN_GROUP)
        CHECK_OK(ws_config_set_group(config, group));
    if (where == RECONNECTING)
        CHECK_OK(ws_config_set_reconnect(config, &reconnect));
    return config;
}

typedef struct opener {
    place where;
    ws_group *group;
    atomic_int *is_over;
    tally told;
    long configs, returned;
} opener;

static void *open_sessions(void *argument)
{
    opener *self = argument;
    while (!atomic_load(self->is_over)) {
        ws_config *config = config_for(self->where, self->group, &self->told);
        ws_session *session = (ws_session *)self;
        ws_status status = ws_connect(environment("ECHO_WS_URL"), config, &session, NULL);
        self->configs++;
        if (status == WS_OK) {
            self->returned++;
            ws_session_free(session);
        } else {
            CHECK_STATUS(status, WS_ERR_ABORTED);
            CHECK(session == NULL);
        }
        ws_config_free(config);
    }
    return NULL;
}

/* Threads in ws_connect. */
static void beside_calls(place where, unsigned shutdowns)
{
    atomic_int is_over = 0;
    ws_group *group = ws_group_new();
    opener openers[OPENERS];
    pthread_t threads[OPENERS];
    memset(openers, 0, sizeof openers);
    for (size_t i = 0; i < OPENERS; i++) {
        openers[i].where = where;
        openers[i].group = group;
        openers[i].is_over = &is_over;
        start(&threads[i], open_sessions, &openers[i]);
    }
    for (unsigned i = 0; i < shutdowns; i++) {
        for (unsigned j = 0; j < i % 40; j++)
            sched_yield();
        CHECK_OK(ws_shutdown(PATIENCE_MS));
    }
    atomic_store(&is_over, 1);
    for (size_t i = 0; i < OPENERS; i++)
        join(threads[i]);
    /* It returns when all is told. */
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    for (size_t i = 0; i < OPENERS; i++) {
        CHECK_EQ(openers[i].told.opened, openers[i].returned);
        CHECK_EQ(openers[i].told.closed, openers[i].returned);
        CHECK_EQ(openers[i].told.dropped, openers[i].configs);
    }
    ws_group_free(group);
}

/* Sessions of ws_connect_async. */
static void beside_openings(place where, unsigned rounds)
{
    for (unsigned round = 0; round < rounds; round++) {
        tally told = {0};
        ws_group *group = ws_group_new();
        ws_config *config = config_for(where, group, &told);
        ws_session *sessions[SESSIONS];
        for (size_t i = 0; i < SESSIONS; i++)
            CHECK_OK(ws_connect_async(environment("ECHO_WS_URL"), config, &sessions[i]));
        ws_config_free(config);
        for (unsigned j = 0; j < round % 100; j++)
            sched_yield();
        CHECK_OK(ws_shutdown(PATIENCE_MS));
        CHECK_EQ(told.closed, SESSIONS);
        CHECK(told.opened <= SESSIONS);
        CHECK_EQ(told.dropped, 1);
        for (size_t i = 0; i < SESSIONS; i++) {
            CHECK_EQ(ws_state(sessions[i]), WS_STATE_CLOSED);
            CHECK_STATUS(ws_recv_callback(sessions[i], on_frame, NULL, NULL), WS_ERR_ABORTED);
            ws_session_free(sessions[i]);
        }
        ws_group_free(group);
    }
}

static sem_t is_held, goes_on;

/* Holds up the thread that opens a session, behind the handshake. */
static void hold_up(uint32_t level, uint64_t session_id, const char *message, void *user_data)
{
    (void)level, (void)session_id, (void)user_data;
    if (strncmp(message, "open: ", 6) != 0)
        return;
    CHECK_EQ(sem_post(&is_held), 0);
    while (sem_wait(&goes_on) != 0)
        continue;
}

static const ws_config *held_config;

static ws_status connect_held(ws_session *nothing)
{
    (void)nothing;
    ws_session *session = NULL;
    ws_status status = ws_connect(environment("ECHO_WS_URL"), held_config, &session, NULL);
    CHECK((session != NULL) == (status == WS_OK));
    ws_session_free(session);
    return status;
}

/* The connection is there, and the library shuts down before the session is. */
static void behind_the_handshake(place where, int async)
{
    tally told = {0};
    ws_group *group = ws_group_new();
    ws_config *config = config_for(where, group, &told);
    ws_session *session = NULL;
    caller opening;
    CHECK_OK(ws_set_log_callback(WS_LOG_INFO, hold_up, NULL));
    held_config = config;
    if (async)
        CHECK_OK(ws_connect_async(environment("ECHO_WS_URL"), config, &session));
    else
        start_call(&opening, connect_held, NULL);
    while (sem_wait(&is_held) != 0)
        continue;
    ws_status status = ws_shutdown(20);
    CHECK(status == WS_OK || status == WS_ERR_TIMEOUT);
    CHECK_EQ(sem_post(&goes_on), 0);
    if (async) {
        CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
        CHECK_EQ(told.closed, 1);
        ws_session_free(session);
    } else {
        expect_result(&opening, WS_ERR_ABORTED);
        CHECK_EQ(told.closed, 0);
    }
    CHECK_OK(ws_set_log_callback(WS_LOG_OFF, NULL, NULL));
    ws_config_free(config);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK_EQ(told.opened, 0);
    CHECK_EQ(told.closed, async);
    CHECK_EQ(told.dropped, 1);
    CHECK_EQ(ws_group_size(group), 0);
    ws_group_free(group);
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    beside_openings(ALONE, 1);
    CHECK_EQ(sem_init(&is_held, 0, 0), 0);
    CHECK_EQ(sem_init(&goes_on, 0, 0), 0);
    int descriptors = count_entries("/proc/self/fd");
    for (int where = ALONE; where < PLACES; where++) {
        beside_calls((place)where, small ? 8 : 60);
        beside_openings((place)where, small ? 4 : 40);
        behind_the_handshake((place)where, 0);
        behind_the_handshake((place)where, 1);
        expect_back_at("/proc/self/fd", descriptors);
        expect_no_library_threads();
    }
    return 0;
}
