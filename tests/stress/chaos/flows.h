/* What the files of flows share. */

#ifndef CHAOS_FLOWS_H
#define CHAOS_FLOWS_H

#include "chaos.h"

enum { BATCH = 6 };

typedef enum ending { CLOSES_AFTER, CLOSES_AMID, ABORTS, ENDINGS } ending;

typedef enum delivery { BY_RECV, BY_MANY, BY_DESCRIPTOR, BY_ON_FRAME, BY_RECV_CALLBACK, DELIVERIES } delivery;

struct flow {
    flow *next;
    ws_session *session;
    record *owed;
    /* What it is, for messages. */
    char name[160];
    ledger ledger;
    ending ending;
    delivery delivery;
    unsigned senders;
    /* Senders that have not finished; the last one closes the session. */
    atomic_uint sending;
    unsigned shutdowns_before;
    bool shut_down_at_first;
    /* The server sends; it fails; it is reached through the relay; another connection follows; messages are encoded. */
    bool served, cut, relayed, reconnects, extended;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ended;
    ws_status end;
};

typedef struct sender {
    pthread_t thread;
    flow *flow;
    ws_session *session;
    unsigned number, messages;
    chance dice;
} sender;

/* ---- flows.c ---- */

/* Nothing has ended, and nothing is lost. */
bool is_waiting(ws_status status);
int64_t flow_timeout(chance *dice);
void register_flow(ws_session *session);
void deregister_flow(ws_session *session);
bool was_shut_down(const flow *self);
void *send_all(void *argument);
void start_sender(sender *self, flow *whole, ws_session *session, unsigned number, unsigned messages, chance *dice);
bool open_flow(flow *self, chance *dice, const char *path, ws_config *config);
void free_flow(flow *self);
void settle_flow(flow *self);

/* ---- flow_receiving.c ---- */

/* Receives until the session has ended. */
void receive_flow(flow *self, chance *dice);
/* Has a callback receive. False: the session has ended already. */
bool call_back_frames(flow *self);
/* Frees it at the end of the cycle. */
void keep_flow(flow *self);

#endif
