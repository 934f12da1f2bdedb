/* Pings to the sessions of a group are answered, however rarely the application receives. */

#define _GNU_SOURCE
#include "threads.h"
#include "watching.h"
#include <unistd.h>

enum { MANY = 200, SESSIONS = 4, TEXTS = 900 };

/* More sessions than one call of epoll_wait reports, pinged at once while nobody receives. */
static void many_sessions_at_once(unsigned *connections)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    ws_session *sessions[MANY];
    unsigned first = *connections;
    for (int i = 0; i < MANY; i++, ++*connections)
        sessions[i] = connect_steered(PLAIN, config);
    ws_config_free(config);
    STEER("everyone %d pings 1", (int)getpid());
    for (unsigned i = 0; i < MANY; i++) {
        STEER("connection %u", first + i);
        CHECK_STR(server("pongs 1"), "in order");
    }
    for (int i = 0; i < MANY; i++)
        ws_session_free(sessions[i]);
    ws_group_free(group);
}

static atomic_int taken;
static atomic_int is_answered;

/* Takes a message now and then, until all pings are answered. */
static void *receive_slowly(void *group)
{
    while (!atomic_load(&is_answered) && atomic_load(&taken) < SESSIONS * TEXTS) {
        ws_session *session = NULL;
        ws_frame *frame = NULL;
        CHECK_OK(ws_group_recv(group, &session, &frame, PATIENCE_MS));
        ws_frame_free(frame);
        atomic_fetch_add(&taken, 1);
        /* What the application does with a message. */
        usleep(10000);
    }
    return NULL;
}

/* A ping behind messages does not wait until the application has taken them. */
static void slow_application(transport how, unsigned *connections)
{
    ws_group *group = ws_group_new();
    ws_config *config = config_of(group);
    CHECK_OK(ws_config_add_tls_ca_file(config, environment("STEERED_CA_FILE")));
    ws_session *sessions[SESSIONS];
    unsigned first = *connections;
    atomic_store(&taken, 0);
    atomic_store(&is_answered, 0);
    pthread_t thread;
    for (int i = 0; i < SESSIONS; i++, ++*connections) {
        sessions[i] = connect_steered(how, config);
        STEER("texts %d", TEXTS);
        if (i == 0)
            start(&thread, receive_slowly, group);
    }
    ws_config_free(config);
    for (unsigned i = 0; i < SESSIONS; i++) {
        STEER("connection %u", first + i);
        STEER("pings 1");
        CHECK_STR(server("pongs 1"), "in order");
    }
    atomic_store(&is_answered, 1);
    join(thread);
    CHECK(atomic_load(&taken) < SESSIONS * TEXTS / 2);
    for (int i = 0; i < SESSIONS; i++)
        ws_session_free(sessions[i]);
    ws_group_free(group);
}

int main(void)
{
    unsigned connections = 0;
    many_sessions_at_once(&connections);
    slow_application(PLAIN, &connections);
    slow_application(TLS, &connections);
    return 0;
}
