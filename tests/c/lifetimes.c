/* Every object of the library × what can become of it × every function of the application that the library calls: a run
 * goes through all of these functions, and in one of them does one thing. Whatever that is, on_close and drop come exactly
 * once. With --small only some of the runs, for valgrind. */

#define _GNU_SOURCE
#include "lifetimes_actions.h"
#include "lifetimes_functions.h"

static ws_config *config_of(run *self)
{
    const ws_callbacks callbacks = {.struct_size = sizeof callbacks,
                                    .on_open = on_open,
                                    .on_frame = self->takes_recv_callback ? NULL : on_frame,
                                    .on_writable = on_writable,
                                    .on_close = on_close,
                                    .drop = drop};
    const ws_extension_vtable vtable = {.struct_size = sizeof vtable,
                                        .name = "x-copy",
                                        .offer = offer,
                                        .negotiate = negotiate,
                                        .encode = encode,
                                        .decode = decode,
                                        .drop = drop_instance,
                                        .release = release};
    const ws_deflate_options deflate = {.struct_size = sizeof deflate, .filter = filter, .filter_user_data = self};
    const ws_reconnect_options reconnect = {
        .struct_size = sizeof reconnect, .first_delay_ms = 1, .decide = decide, .prepare = prepare, .user_data = self};
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_set_callbacks(config, &callbacks, self));
    CHECK_OK(ws_config_install_extension(config, &vtable, self));
    CHECK_OK(ws_config_install_deflate(config, &deflate));
    CHECK_OK(ws_config_set_auth_callback(config, auth, self));
    CHECK_OK(ws_config_set_cookie_jar(config, self->jar));
    CHECK_OK(ws_config_add_header(config, "X-Test", "value"));
    if (self->place == DECIDE || self->place == PREPARE)
        CHECK_OK(ws_config_set_reconnect(config, &reconnect));
    return config;
}

static run *begin(place where, const action *what)
{
    run *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->place = where;
    self->action = what;
    self->takes_recv_callback = where == RECV_CALLBACK_END || where == RECEIVER_DROP;
    CHECK_EQ(pthread_mutex_init(&self->lock, NULL), 0);
    CHECK_EQ(pthread_cond_init(&self->changed, NULL), 0);
    ws_session *session = NULL;
    CHECK_STATUS(ws_connect("ftp://localhost/", NULL, &session, &self->error), WS_ERR_URL);
    CHECK_OK(ws_send_text(frame_source, "kept", 4));
    CHECK_OK(ws_recv(frame_source, &self->frame, PATIENCE_MS));
    self->group = ws_group_new();
    self->jar = ws_cookie_jar_new();
    CHECK(self->group != NULL && self->jar != NULL);
    self->config = config_of(self);
    current = self;
    CHECK_OK(ws_set_log_callback(where == LOG ? WS_LOG_DEBUG : WS_LOG_OFF, where == LOG ? write_log : NULL, NULL));
    return self;
}

/* Sends until there is no room, and has the server make some. */
static void fill(ws_session *session)
{
    static char large[64 * 1024];
    STEER("read off");
    ws_status status = WS_OK;
    while (status == WS_OK)
        status = ws_send(session, WS_FRAME_BINARY, large, sizeof large, 0, 0);
    CHECK_STATUS(status, WS_ERR_TIMEOUT);
    STEER("read on");
}

static ws_session *connect_in(run *self, int async)
{
    char url[256];
    ws_session *session = NULL;
    CHECK(snprintf(url, sizeof url, "%sasking", environment("STEERED_WS_URL")) < (int)sizeof url);
    if (async) {
        CHECK_OK(ws_connect_async(url, self->config, &session));
        CHECK(session != NULL);
    } else {
        ws_error *error = (ws_error *)&session;
        ws_status status = ws_connect(url, self->config, &session, &error);
        if (status == WS_ERR_ABORTED) {
            /* On_open was faster, and has freed it. */
            CHECK(self->place == ON_OPEN && atomic_load(&self->is_freed));
            CHECK(session == NULL);
            ws_error_free(error);
            return NULL;
        }
        CHECK_OK(status);
        CHECK(error == NULL);
    }
    wait_for_call(self, ON_OPEN, 1);
    return session;
}

/* From the opening to the end, unless what is done ends it before. */
static void go_through(run *self, ws_session *session)
{
    if (goes_on(self) && self->takes_recv_callback)
        CHECK_OK(ws_recv_callback(session, receive, self, drop_receiver));
    if (goes_on(self) && self->place == ON_WRITABLE) {
        fill(session);
        wait_for_call(self, ON_WRITABLE, 1);
    } else if (goes_on(self)) {
        STEER("echo");
        CHECK_OK(ws_send_text(session, "hello", 5));
        wait_for_call(self, ON_FRAME, 1);
    }
    if (goes_on(self) && (self->place == DECIDE || self->place == PREPARE)) {
        STEER("reset");
        wait_for_call(self, PREPARE, 1);
    }
    if (goes_on(self))
        CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
}

static void one_run(place where, const action *what, int async)
{
    run *self = begin(where, what);
    ws_session *session = connect_in(self, async);
    if (session != NULL)
        go_through(self, session);
    wait_for_call(self, ON_CLOSE, 0);
    if (!atomic_load(&self->is_freed))
        ws_session_free(session);
    ws_session_free(self->kept);
    wait_for_call(self, INSTANCE_DROP, 0);
    /* With the configuration there it may be used in drop. */
    if (where == DROP && self->config != NULL) {
        CHECK_OK(ws_config_set_callbacks(self->config, NULL, NULL));
        wait_for_call(self, DROP, 0);
    }
    ws_config *config = self->config;
    self->config = NULL;
    ws_config_free(config);
    wait_for_call(self, DROP, 0);
    wait_for_call(self, RELEASE, 0);
    CHECK_OK(ws_set_log_callback(WS_LOG_OFF, NULL, NULL));

    if (!self->has_acted || count_of(self, ON_OPEN) != 1 || count_of(self, ON_CLOSE) != 1 ||
        count_of(self, DROP) != 1 || count_of(self, RELEASE) != 1 ||
        count_of(self, RECEIVER_DROP) != count_of(self, RECV_CALLBACK_END) ||
        count_of(self, INSTANCE_DROP) != count_of(self, NEGOTIATE)) {
        fprintf(stderr, "%s in %s:", what->name, place_names[where]);
        for (int i = 0; i < PLACES; i++)
            fprintf(stderr, " %s %u", place_names[i], count_of(self, (place)i));
        fprintf(stderr, "\n");
        exit(1);
    }
    ws_error_free(self->error);
    ws_frame_free(self->frame);
    ws_cookie_jar_free(self->jar);
    ws_group_free(self->group);
    CHECK_EQ(pthread_cond_destroy(&self->changed), 0);
    CHECK_EQ(pthread_mutex_destroy(&self->lock), 0);
    free(self);
}

int main(int argc, char **argv)
{
    int small = argc > 1 && strcmp(argv[1], "--small") == 0;
    unsigned number = 0;
    frame_source = connect_plain("");
    for (int where = 0; where < PLACES; where++)
        for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
            for (int async = 0; async <= 1; async++)
                if (is_for(&actions[i], (place)where) && (!small || number++ % 3 == 0))
                    one_run((place)where, &actions[i], async);
    close_and_free(frame_source);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
