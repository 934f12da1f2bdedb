/* A session from its opening to its end, whatever is done with it meanwhile. */

#ifndef CONVERSATION_H
#define CONVERSATION_H

#include "exit_status.h"
#include "options.h"

#include <ktorws.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const options *options;
    ws_session *session;
    atomic_bool is_closing;     /* our Close is on its way */
    _Atomic int64_t stopped_ms; /* since when nothing more is needed from the server; 0: something may be */
    /* of the thread that receives */
    bool has_given_up; /* the server has not answered our Close */
    int64_t heard_ms;  /* when something was last sent or received since the Close */
    int64_t sent_ms;   /* when something was last sent since then */
    uint64_t received_bytes, sent_bytes;
    int64_t left_ms;    /* when the thread was last here */
    int64_t held_ms;    /* how long it was elsewhere since the Close */
    int64_t blocked_ms; /* the same, without what goes quickly */
    /* how it has ended */
    ws_status end;
    ws_close_info closed;
} conversation;

/* Begins the closing handshake, with the code and reason of the options; any thread may. What the server still sends
 * is wanted. */
void conversation_close(conversation *talk);

/* The same, and nothing more is needed: however much the server still sends, --close-timeout is the most it is given.
 */
void conversation_stop(conversation *talk);

/* Receives what is there, waiting for it until `deadline_ms` at most (-1: as long as it takes). While closing, a server
 * that is silent is waited for as long as --close-timeout says, one that sends and takes nothing ten times as long.
 * Returns as ws_recv_batch; WS_ERR_TIMEOUT is for the deadline only, and WS_ERR_INTERRUPTED says that another thread
 * has changed something. */
ws_status conversation_receive(conversation *talk, ws_frame **frames, size_t capacity, size_t *count,
                               int64_t deadline_ms);

/* Waits until the connection is gone after receiving has returned `status`, and says how it has ended. report_end
 * tells. */
exit_status conversation_end(conversation *talk, ws_status status);

#endif
