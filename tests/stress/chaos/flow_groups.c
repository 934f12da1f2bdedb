/* Flows whose sessions belong to a group, which is received from as one. */

#define _GNU_SOURCE
#include "flows.h"
#include "left_out.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { MEMBERS = 5 };

typedef struct members {
    ws_group *group;
    flow *flows[MEMBERS];
    sender senders[MEMBERS];
    unsigned count, ended;
    int fd;
} members;

static void open_member(members *self, chance *dice)
{
    char path[64];
    flow *made = calloc(1, sizeof *made);
    EXPECT(made != NULL, "no memory");
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->owed = new_record("a flow of a group");
    made->owed->flow = made;
    made->ending = (ending)below(dice, ENDINGS);
    made->cut = below(dice, 4) == 0;
    made->reconnects = below(dice, 4) == 0;
    snprintf(path, sizeof path, "%s/%u/%u", made->cut ? "cut" : "echo", below(dice, 100), below(dice, 1000000));
    ws_config *config = random_config(dice, made->owed, OPEN_WELL | KEEP_ALL | (made->reconnects ? RECONNECTS_TOO : 0));
    EXPECT(ws_config_set_group(config, self->group) == WS_OK, "no group");
    if (below(dice, 2) == 0)
        set_callbacks(config, made->owed, false);
    bool open = open_flow(made, dice, path, config);
    CALL_VOID("ws_config_free", ws_config_free(config));
    if (made->session == NULL) {
        keep_flow(made);
        return;
    }
    EXPECT(ws_set_user_data(made->session, made) == WS_OK, "no user data");
    self->flows[self->count++] = made;
    if (!open)
        return;
    made->extended = ws_extension_count(made->session) > 0;
    made->senders = 1;
    atomic_store(&made->sending, 1);
}

/* Receives once. Whether something came. */
static bool receive_member(members *self, chance *dice)
{
    ws_session *session = NULL;
    ws_frame *frame = NULL;
    int64_t timeout = flow_timeout(dice);
    if (self->fd >= 0 && below(dice, 2) == 0) {
        struct pollfd watched = {.fd = self->fd, .events = POLLIN};
        poll(&watched, 1, (int)timeout);
    }
    ws_status status = CALL("ws_group_recv", timeout, ws_group_recv(self->group, &session, &frame, timeout));
    if (status == WS_ERR_TIMEOUT || (status == WS_ERR_INTERRUPTED && session == NULL))
        return false;
    EXPECT(session != NULL, "%s of no session", ws_status_name(status));
    flow *told = ws_get_user_data(session);
    EXPECT(told != NULL && told->session == session, "another session");
    EXPECT(!told->ended, "a session is received from behind its end");
    EXPECT((frame != NULL) == (status == WS_OK), "%s", ws_status_name(status));
    if (status == WS_OK) {
        flow_frame(told, frame);
        ws_frame_free(frame);
    } else {
        flow_ended(told, status);
        self->ended++;
    }
    return true;
}

void run_group_flow(chance *dice)
{
    members *self = calloc(1, sizeof *self);
    EXPECT(self != NULL, "no memory");
    self->group = ws_group_new();
    EXPECT(self->group != NULL, "no group");
    self->fd = below(dice, 2) == 0 ? ws_group_event_fd(self->group) : -1;
    for (unsigned i = 1 + below(dice, MEMBERS); i > 0; i--)
        open_member(self, dice);
    unsigned size = (unsigned)ws_group_size(self->group);
    EXPECT(size == self->count, "%u sessions in a group of %u", self->count, size);
    for (unsigned i = 0; i < self->count; i++) {
        register_flow(self->flows[i]->session);
        if (self->flows[i]->senders > 0)
            start_sender(&self->senders[i], self->flows[i], self->flows[i]->session, 0, 20 + below(dice, 100), dice);
    }
    /* Sometimes the group goes before its sessions have ended. */
    unsigned until = below(dice, 4) == 0 ? below(dice, 300) : UINT32_MAX;
    for (unsigned received = 0; self->ended < self->count && received < until;) {
        received += receive_member(self, dice);
        if (below(dice, 50) == 0)
            CALL("ws_group_interrupt", 0, ws_group_interrupt(self->group));
        if (below(dice, 50) == 0)
            pause_us(below(dice, 20000));
    }
    bool all = self->ended == self->count;
    EXPECT(!all || ws_group_size(self->group) == 0, "%zu sessions are left", ws_group_size(self->group));
    if (below(dice, 2) == 0) {
        int64_t timeout = flow_timeout(dice);
        CALL("ws_group_close", timeout, ws_group_close(self->group, WS_CLOSE_NORMAL, NULL, 0, timeout));
    }
    CALL_VOID("ws_group_free", ws_group_free(self->group));
    for (unsigned i = 0; i < self->count; i++) {
        flow *member = self->flows[i];
        if (member->senders > 0)
            join_thread(self->senders[i].thread);
        deregister_flow(member->session);
        if (all && member->senders > 0)
            settle_flow(member);
        CALL_VOID("ws_session_free", ws_session_free(member->session));
        keep_flow(member);
    }
    free(self);
}
