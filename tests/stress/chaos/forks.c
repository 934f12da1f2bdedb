/* Children, forked while all threads are busy: they exit, run another program, or go on using the library. */

#define _GNU_SOURCE
#include "chaos.h"
#include "left_out.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A group, with a session in it, and a configuration with a jar, which a child inherits. */
typedef struct heritage {
    ws_group *group;
    ws_session *member;
    ws_config *config;
} heritage;

static heritage make_heritage(void)
{
    char url[64];
    heritage made = {.group = ws_group_new(), .config = config_with_jar()};
    EXPECT(made.group != NULL, "no group");
    EXPECT(ws_config_set_group(made.config, made.group) == WS_OK, "no group");
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/echo/0/0", server.port);
    /* ws_shutdown may come in between. */
    CALL("ws_connect_async", 0, ws_connect_async(url, made.config, &made.member));
    EXPECT(ws_config_set_group(made.config, NULL) == WS_OK, "a group");
    return made;
}

static void free_heritage(const heritage *self)
{
    ws_session_free(self->member);
    ws_group_free(self->group);
    ws_config_free(self->config);
}

static void use_inherited_group(ws_group *group)
{
    ws_session *session = NULL;
    ws_frame *frame = NULL;
    EXPECT(ws_group_size(group) == 0, "a group of sessions in a child");
    EXPECT(ws_group_recv(group, &session, &frame, -1) == WS_ERR_FORKED, "received from a group in a child");
    EXPECT(ws_group_interrupt(group) == WS_ERR_FORKED, "interrupted a group in a child");
    EXPECT(ws_group_close(group, 1000, NULL, 0, -1) == WS_ERR_FORKED, "closed a group in a child");
    EXPECT(ws_group_event_fd(group) == -1, "a group's descriptor in a child");
}

/* What the child inherits must refuse to work, and must be freed without harm. */
static void use_inherited(ws_session *session)
{
    ws_frame *frame = NULL;
    ws_stats stats = {.struct_size = sizeof stats};
    EXPECT(ws_send_text(session, "child", 5) == WS_ERR_FORKED, "sent in a child");
    EXPECT(ws_recv(session, &frame, -1) == WS_ERR_FORKED, "received in a child");
    EXPECT(ws_close(session, 1000, NULL, 0) == WS_ERR_FORKED, "closed in a child");
    EXPECT(ws_interrupt(session) == WS_ERR_FORKED, "interrupted in a child");
    EXPECT(ws_get_stats(session, &stats) == WS_ERR_FORKED, "statistics in a child");
    EXPECT(ws_wait_closed(session, -1) == WS_ERR_FORKED, "waited in a child");
    EXPECT(ws_state(session) == WS_STATE_CLOSED, "a state in a child");
    EXPECT(ws_event_fd(session) == -1, "a descriptor in a child");
}

/* A session of the child's own. */
static void use_own(chance *dice, const ws_config *config)
{
    char url[64], text[32];
    ws_session *session = NULL;
    ws_error *error = NULL;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/echo/0/%u", server.port, below(dice, 1000));
    ws_status status = ws_connect(url, config, &session, &error);
    EXPECT(status == WS_OK, "no session in a child: %s", ws_error_message(error));
    for (unsigned i = 0; i < 3; i++) {
        ws_frame *frame = NULL;
        int length = snprintf(text, sizeof text, "of a child %u", i);
        EXPECT(ws_send_text(session, text, WS_NUL_TERMINATED) == WS_OK, "not sent");
        EXPECT(ws_recv(session, &frame, HANG_MS) == WS_OK, "not received");
        EXPECT(frame->size == (size_t)length && memcmp(frame->data, text, frame->size) == 0, "another message");
        ws_frame_free(frame);
    }
    EXPECT(ws_close(session, WS_CLOSE_NORMAL, NULL, 0) == WS_OK, "not closed");
    EXPECT(ws_wait_closed(session, HANG_MS) == WS_OK, "not closed");
    ws_session_free(session);
    EXPECT(ws_shutdown(HANG_MS) == WS_OK, "threads of a child do not end");
}

static void wait_for_child(pid_t child, const char *kind)
{
    int status = 0;
    uint64_t start = now_ns();
    pid_t waited;
    while ((waited = waitpid(child, &status, WNOHANG)) == 0 || (waited < 0 && errno == EINTR)) {
        if (now_ns() - start > HANG_MS / 2 * UINT64_C(1000000))
            fail_of_child(child, kind);
        pause_us(500);
    }
    EXPECT(waited == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child that %s: status %x", kind,
           status);
}

void fork_amid(chance *dice)
{
    static const char *const kinds[] = {"exits", "runs another program", "goes on", "goes on"};
    unsigned kind = below(dice, sizeof kinds / sizeof *kinds);
    record *owed;
    ws_session *session = take_from_slot(dice, &owed);
    heritage inherited = {0};
    if (INHERITED_GROUPS)
        inherited = make_heritage();
    enter_call("fork", UNTIMED);
    pid_t child = fork();
    EXPECT(child >= 0, "no child: %s", strerror(errno));
    if (child == 0) {
        watch_child();
        forget_locks();
        if (kind == 0)
            _exit(0);
        if (kind == 1)
            execlp("true", "true", (char *)NULL);
        if (kind == 1)
            _exit(1);
        if (session != NULL) {
            use_inherited(session);
            ws_session_free(session);
        }
        if (inherited.group != NULL)
            use_inherited_group(inherited.group);
        if (below(dice, 2) == 0)
            ws_set_log_callback(WS_LOG_OFF, NULL, NULL);
        if (SESSION_OF_CHILD)
            use_own(dice, inherited.config);
        free_heritage(&inherited);
        _exit(0);
    }
    leave_call(WS_OK);
    count(FORKS, 1);
    wait_for_child(child, kinds[kind]);
    free_heritage(&inherited);
    CALL_VOID("ws_session_free", ws_session_free(session));
}
