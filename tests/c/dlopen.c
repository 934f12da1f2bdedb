/* A plug-in's host loads the library, lets go of it and loads it again, also with sessions open and threads in it. */

#define _GNU_SOURCE
#include "loaded.h"
#include "process.h"
#include "threads.h"

enum { ROUNDS = 10, PINGS = 5 };

static const char *path;

/* As promised, and not only because something of it is in use. */
static void it_stays_in_memory(void)
{
    library it = load(path, RTLD_NOW | RTLD_LOCAL);
    unload(&it);
    void *still_there = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    CHECK(still_there != NULL);
    CHECK_EQ(dlclose(still_there), 0);
}

static void use(int flags)
{
    library it = load(path, flags);
    for (transport how = PLAIN; how <= TLS; how++) {
        ws_session *session = connect_by(&it, how);
        echo_by(&it, session, "loaded");
        close_by(&it, session);
    }
    unload(&it);
}

/* What the library keeps for a thread goes with the thread, after the library was let go of. */
static void *use_on_a_thread(void *nothing)
{
    use(RTLD_NOW | RTLD_LOCAL);
    return nothing;
}

static void again_and_again(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread;
        use(round % 2 == 0 ? RTLD_NOW | RTLD_LOCAL : RTLD_LAZY | RTLD_GLOBAL);
        start(&thread, use_on_a_thread, NULL);
        join(thread);
    }
}

static uint64_t pongs_received(const library *by, ws_session *session)
{
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK_EQ(by->ws_get_stats(session, &stats), WS_OK);
    return stats.pongs_received;
}

/* Its threads work on: they ping. */
static void with_a_session_open(transport how)
{
    library it = load(path, RTLD_NOW | RTLD_LOCAL);
    ws_session *session = connect_by(&it, how);
    CHECK_EQ(it.ws_set_ping_timeout_ms(session, PATIENCE_MS), WS_OK);
    CHECK_EQ(it.ws_set_ping_interval_ms(session, 1), WS_OK);
    echo_by(&it, session, "before");
    uint64_t before = pongs_received(&it, session), now = before;
    unload(&it);
    while (now < before + PINGS) {
        poll(NULL, 0, 1);
        it = load(path, RTLD_NOW | RTLD_LOCAL);
        now = pongs_received(&it, session);
        unload(&it);
    }
    it = load(path, RTLD_NOW | RTLD_LOCAL);
    echo_by(&it, session, "after");
    close_by(&it, session);
    CHECK_EQ(it.ws_shutdown(PATIENCE_MS), WS_OK);
    unload(&it);
    expect_no_library_threads();
}

typedef struct receiver {
    library by;
    ws_session *session;
    atomic_int is_there;
} receiver;

static void *receive_and_go(void *argument)
{
    receiver *self = argument;
    atomic_store(&self->is_there, 1);
    receive_by(&self->by, self->session, "wake up");
    return NULL;
}

/* Some are in the call by now, some are not yet: either way its code must be there. */
static void with_a_thread_in_it(transport how)
{
    library it = load(path, RTLD_NOW | RTLD_LOCAL);
    receiver waiting = {.by = it, .session = connect_by(&it, how)};
    pthread_t thread;
    start(&thread, receive_and_go, &waiting);
    while (!atomic_load(&waiting.is_there))
        sched_yield();
    unload(&it);
    it = load(path, RTLD_NOW | RTLD_LOCAL);
    CHECK_EQ(it.ws_send_text(waiting.session, "wake up", WS_NUL_TERMINATED), WS_OK);
    join(thread);
    close_by(&it, waiting.session);
    unload(&it);
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    path = argv[1];
    it_stays_in_memory();
    again_and_again();
    for (transport how = PLAIN; how <= TLS; how++) {
        with_a_session_open(how);
        for (int round = 0; round < ROUNDS; round++)
            with_a_thread_in_it(how);
    }
    return 0;
}
