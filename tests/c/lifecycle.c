/* Handles: who owns what, how long it lives, and that nothing is left behind. */

#define _POSIX_C_SOURCE 200809L
#include "process.h"

static void a_clone_is_independent(void)
{
    ws_config *original = ws_config_new();
    CHECK(original != NULL);
    CHECK_OK(ws_config_add_header(original, "X-Shared", "yes"));
    CHECK_OK(ws_config_add_subprotocol(original, "chat"));
    ws_config *clone = ws_config_clone(original);
    CHECK(clone != NULL);
    CHECK_OK(ws_config_add_header(original, "X-Original", "yes"));
    CHECK_OK(ws_config_add_header(clone, "X-Clone", "yes"));

    ws_session *from_original = connect_with(PLAIN, "", original);
    ws_config_free(original);
    ws_session *from_clone = connect_with(PLAIN, "", clone);
    ws_config_free(clone);

    CHECK_STR(ws_request_header(from_original, "x-shared", 0), "yes");
    CHECK_STR(ws_request_header(from_original, "x-original", 0), "yes");
    CHECK(ws_request_header(from_original, "x-clone", 0) == NULL);
    CHECK_STR(ws_request_header(from_clone, "x-shared", 0), "yes");
    CHECK_STR(ws_request_header(from_clone, "x-clone", 0), "yes");
    CHECK(ws_request_header(from_clone, "x-original", 0) == NULL);
    CHECK_STR(ws_subprotocol(from_clone), "chat");
    close_and_free(from_original);
    close_and_free(from_clone);
}

static void the_last_reference_ends_the_session(void)
{
    ws_session *session = connect_plain("");
    ws_session *reference = ws_session_ref(session);
    CHECK(reference != NULL);
    ws_session_free(session);
    echo_text(reference, "still here");
    close_and_free(reference);
}

static void freeing_null_does_nothing(void)
{
    ws_session_free(NULL);
    ws_frame_free(NULL);
    ws_config_free(NULL);
    ws_error_free(NULL);
}

static void a_frame_outlives_its_session(void)
{
    ws_session *session = connect_plain("");
    CHECK_OK(ws_send_text(session, "lasting", WS_NUL_TERMINATED));
    ws_frame *frame = NULL;
    CHECK_OK(ws_recv(session, &frame, PATIENCE_MS));
    close_and_free(session);
    CHECK_EQ(frame->size, 7);
    CHECK_STR((const char *)frame->data, "lasting");
    ws_frame_free(frame);
}

static void connect_and_leave(int round)
{
    ws_session *session = round % 2 == 0 ? connect_plain("") : connect_tls("");
    echo_text(session, "hello");
    if (round % 3 == 0)
        ws_session_free(session);
    else
        close_and_free(session);
}

static void sessions_leave_nothing_behind(void)
{
    connect_and_leave(0);
    connect_and_leave(1);
    int descriptors = count_entries("/proc/self/fd");
    int threads = count_entries("/proc/self/task");
    for (int round = 0; round < 200; round++)
        connect_and_leave(round);
    expect_back_at("/proc/self/fd", descriptors);
    expect_back_at("/proc/self/task", threads);
}

static void shutdown_ends_sessions_and_threads(int descriptors, int threads)
{
    ws_session *session = connect_plain("");
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_back_at("/proc/self/task", threads);
    ws_frame *frame = NULL;
    CHECK_STATUS(ws_recv(session, &frame, PATIENCE_MS), WS_ERR_ABORTED);
    CHECK(frame == NULL);
    ws_session_free(session);
    expect_back_at("/proc/self/fd", descriptors);
}

int main(void)
{
    int descriptors = count_entries("/proc/self/fd");
    int threads = count_entries("/proc/self/task");

    CHECK_OK(ws_shutdown(PATIENCE_MS));
    freeing_null_does_nothing();
    a_clone_is_independent();
    the_last_reference_ends_the_session();
    a_frame_outlives_its_session();
    sessions_leave_nothing_behind();
    shutdown_ends_sessions_and_threads(descriptors, threads);

    ws_session *session = connect_plain("");
    echo_text(session, "again after ws_shutdown");
    close_and_free(session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    expect_back_at("/proc/self/task", threads);
    return 0;
}
