/* Forks when threads have outlasted ws_shutdown, which nobody has joined. The child frees the last that knows of them while
 * its own threads have their stacks: that must leave those alone. */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"

/* More than have outlasted it. */
enum { CHILDS_THREADS = 16 };

static atomic_int is_inside, may_return;

static void stay_inside(ws_session *session, void *user_data)
{
    (void)session;
    (void)user_data;
    atomic_store(&is_inside, 1);
    while (!atomic_load(&may_return))
        sched_yield();
}

static void free_beside_its_own(void *inherited)
{
    CHECK_OK(ws_set_worker_threads(CHILDS_THREADS));
    ws_session *own = connect_plain("");
    echo_text(own, "before");
    ws_session_free(inherited);
    echo_text(own, "after");
    close_and_free(own);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_no_library_threads();
}

int main(void)
{
    ws_callbacks callbacks = {.struct_size = sizeof callbacks, .on_open = stay_inside};
    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, NULL));
    ws_session *session = connect_with(PLAIN, "", config);
    while (!atomic_load(&is_inside))
        sched_yield();
    CHECK_STATUS(ws_shutdown(0), WS_ERR_TIMEOUT);
    atomic_store(&may_return, 1);
    expect_no_library_threads();
    expect_success(start_child(free_beside_its_own, session));
    ws_session_free(session);
    ws_config_free(config);
    free_beside_its_own(NULL);
    return 0;
}
