/* The library as a program has it that is not linked with it. */

#ifndef LOADED_H
#define LOADED_H

#include "check.h"
#include <dlfcn.h>

#define FUNCTIONS(DO)                                                                                                  \
    DO(ws_config_new)                                                                                                  \
    DO(ws_config_free)                                                                                                 \
    DO(ws_config_add_tls_ca_file)                                                                                      \
    DO(ws_connect)                                                                                                     \
    DO(ws_send_text)                                                                                                   \
    DO(ws_recv)                                                                                                        \
    DO(ws_frame_free)                                                                                                  \
    DO(ws_close)                                                                                                       \
    DO(ws_wait_closed)                                                                                                 \
    DO(ws_session_free)                                                                                                \
    DO(ws_set_ping_interval_ms)                                                                                        \
    DO(ws_set_ping_timeout_ms)                                                                                         \
    DO(ws_get_stats)                                                                                                       \
    DO(ws_shutdown)

typedef struct library {
    void *handle;
#define MEMBER(name) __typeof__(name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
} library;

static inline library load(const char *path, int flags)
{
    library it = {.handle = dlopen(path, flags)};
    if (it.handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    void *symbol;
#define LOOK_UP(name)                                                                                                  \
    CHECK((symbol = dlsym(it.handle, #name)) != NULL);                                                                 \
    memcpy(&it.name, &symbol, sizeof symbol);
    FUNCTIONS(LOOK_UP)
#undef LOOK_UP
    return it;
}

static inline void unload(library *it)
{
    CHECK_EQ(dlclose(it->handle), 0);
    memset(it, 0, sizeof *it);
}

static inline ws_session *connect_by(const library *by, transport how)
{
    ws_session *session = NULL;
    ws_config *config = by->ws_config_new();
    CHECK(config != NULL);
    CHECK_EQ(by->ws_config_add_tls_ca_file(config, environment("ECHO_CA_FILE")), WS_OK);
    CHECK_EQ(by->ws_connect(environment(how == TLS ? "ECHO_WSS_URL" : "ECHO_WS_URL"), config, &session, NULL), WS_OK);
    by->ws_config_free(config);
    return session;
}

static inline void receive_by(const library *by, ws_session *session, const char *text)
{
    ws_frame *frame = NULL;
    CHECK_EQ(by->ws_recv(session, &frame, PATIENCE_MS), WS_OK);
    CHECK_STR((const char *)frame->data, text);
    by->ws_frame_free(frame);
}

static inline void echo_by(const library *by, ws_session *session, const char *text)
{
    CHECK_EQ(by->ws_send_text(session, text, WS_NUL_TERMINATED), WS_OK);
    receive_by(by, session, text);
}

static inline void close_by(const library *by, ws_session *session)
{
    CHECK_EQ(by->ws_close(session, WS_CLOSE_NORMAL, NULL, 0), WS_OK);
    CHECK_EQ(by->ws_wait_closed(session, PATIENCE_MS), WS_OK);
    by->ws_session_free(session);
}

#endif
