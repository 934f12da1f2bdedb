/* Callbacks, opening without waiting, and groups, with what their functions must refuse: the documented status, nothing
 * called, nothing written. */

#include "check.h"

#define REFUSED(call) CHECK_STATUS(call, WS_ERR_INVALID_ARGUMENT)

static void never_called(ws_session *session, const ws_frame *frame, void *user_data)
{
    (void)session, (void)frame, (void)user_data;
    abort();
}

static void never_dropped(void *user_data)
{
    (void)user_data;
    abort();
}

static void callbacks_and_opening(void)
{
    ws_callbacks callbacks = {.struct_size = sizeof callbacks, .on_frame = never_called, .drop = never_dropped};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    REFUSED(ws_config_set_callbacks(NULL, &callbacks, NULL));
    REFUSED(ws_config_set_callbacks(NULL, NULL, NULL));
    for (callbacks.struct_size = 0; callbacks.struct_size < sizeof callbacks; callbacks.struct_size += 8)
        REFUSED(ws_config_set_callbacks(config, &callbacks, NULL));
    callbacks.struct_size = 4097;
    REFUSED(ws_config_set_callbacks(config, &callbacks, NULL));
    callbacks.struct_size = SIZE_MAX;
    REFUSED(ws_config_set_callbacks(config, &callbacks, NULL));
    CHECK_OK(ws_config_set_callbacks(config, NULL, NULL));
    ws_config_free(config);
    config = ws_config_new();

    ws_session *session = NULL;
    const char *url = environment("ECHO_WS_URL");
    REFUSED(ws_connect_async(NULL, config, &session));
    REFUSED(ws_connect_async(url, config, NULL));
    CHECK_STATUS(ws_connect_async("", config, &session), WS_ERR_URL);
    CHECK_STATUS(ws_connect_async("ws://localhost:99999/", config, &session), WS_ERR_URL);
    CHECK(session == NULL);

    ws_error *error = NULL;
    REFUSED(ws_wait_open(NULL, 0, NULL));
    REFUSED(ws_wait_open(NULL, -1, &error));
    CHECK_STATUS(ws_error_status(error), WS_ERR_INVALID_ARGUMENT);
    ws_error_free(error);
    REFUSED(ws_config_interrupt(NULL));
    REFUSED(ws_recv_callback(NULL, never_called, NULL, never_dropped));

    CHECK_OK(ws_connect_async(url, config, &session));
    ws_config_free(config);
    error = (ws_error *)&error;
    CHECK_OK(ws_wait_open(session, PATIENCE_MS, &error));
    CHECK(error == NULL);
    REFUSED(ws_recv_callback(session, NULL, NULL, never_dropped));
    echo_text(session, "received as ever");
    close_and_free(session);
}

static void groups(void)
{
    static const uint32_t bad_codes[] = {1, 999, 1004, 1005, 1006, 1015, 2999, 5000, UINT32_MAX};
    char long_reason[124];
    memset(long_reason, 'r', sizeof long_reason);
    ws_group *group = ws_group_new();
    ws_session *const unwritten = (ws_session *)&group, *session = unwritten;
    ws_frame *frame = (ws_frame *)&session;
    REFUSED(ws_group_recv(NULL, &session, &frame, -1));
    CHECK(session == NULL && frame == NULL);
    session = unwritten;
    frame = (ws_frame *)&session;
    REFUSED(ws_group_recv(group, NULL, &frame, -1));
    REFUSED(ws_group_recv(group, &session, NULL, -1));
    CHECK(session == NULL && frame == NULL);
    CHECK_STATUS(ws_group_recv(group, &session, &frame, 0), WS_ERR_TIMEOUT);
    CHECK(session == NULL && frame == NULL);
    REFUSED(ws_group_close(NULL, WS_CLOSE_NORMAL, NULL, 0, 0));
    REFUSED(ws_group_interrupt(NULL));
    CHECK_EQ(ws_group_event_fd(NULL), -1);
    CHECK_EQ(ws_event_fd(NULL), -1);
    CHECK_EQ(ws_group_size(NULL), 0);
    CHECK_EQ(ws_group_size(group), 0);
    ws_group_free(NULL);
    REFUSED(ws_config_set_group(NULL, group));
    REFUSED(ws_config_set_group(NULL, NULL));

    ws_config *config = ws_config_new();
    CHECK_OK(ws_config_set_group(config, group));
    ws_callbacks callbacks = {.struct_size = sizeof callbacks, .on_frame = never_called};
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, NULL));
    session = unwritten;
    ws_error *error = NULL;
    REFUSED(ws_connect(environment("ECHO_WS_URL"), config, &session, &error));
    CHECK_STATUS(ws_error_status(error), WS_ERR_INVALID_ARGUMENT);
    ws_error_free(error);
    CHECK(session == NULL);
    CHECK_EQ(ws_group_size(group), 0);
    CHECK_OK(ws_config_set_callbacks(config, NULL, NULL));

    /* Nothing is closed by a Close that cannot be sent. */
    CHECK_OK(ws_connect(environment("ECHO_WS_URL"), config, &session, NULL));
    for (size_t i = 0; i < sizeof bad_codes / sizeof bad_codes[0]; i++)
        REFUSED(ws_group_close(group, bad_codes[i], NULL, 0, 0));
    REFUSED(ws_group_close(group, WS_CLOSE_NORMAL, long_reason, sizeof long_reason, 0));
    REFUSED(ws_group_close(group, WS_CLOSE_NORMAL, "\xff", 1, 0));
    REFUSED(ws_group_close(group, WS_CLOSE_NORMAL, NULL, 1, 0));
    REFUSED(ws_group_close(group, 0, "reason", 6, 0));
    CHECK_EQ(ws_state(session), WS_STATE_OPEN);
    CHECK_EQ(ws_group_size(group), 1);
    ws_config_free(config);
    ws_session_free(session);
    ws_group_free(group);
}

int main(void)
{
    callbacks_and_opening();
    groups();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
