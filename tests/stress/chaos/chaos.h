/* What the files of the chaos test share.
 *
 * Threads make random calls of the whole C API against a server that misbehaves. Every call, every callback and every
 * message is checked, and after each cycle the process must be as it was before it. */

#ifndef CHAOS_H
#define CHAOS_H

#include "../chance.h"
#include <ktorws.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#if defined __SANITIZE_ADDRESS__
#define SANITIZER "AddressSanitizer"
#elif defined __SANITIZE_THREAD__
#define SANITIZER "ThreadSanitizer"
#else
#define SANITIZER ""
#endif

/* Nothing that works takes nearly this long. */
enum { HANG_MS = 60000 };

/* ---- watchdog.c ---- */

/* Ends the program: says what failed, the seed, and where all threads are. */
#define EXPECT(condition, ...)                                                                                         \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail(__FILE__, __LINE__, #condition, __VA_ARGS__);                                                         \
    } while (0)

void fail(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn));

/* The same for a child that does not end. */
void fail_of_child(long child, const char *what) __attribute__((noreturn));

/* Which timeout a call has that may take as long as it likes. */
enum { UNTIMED = -1 };

/* A call of the library: it must return within its timeout, and with a status that it may have. */
#define CALL(name, timeout_ms, call) (enter_call(name, timeout_ms), leave_call(call))
/* The same for calls that return no status. */
#define CALL_VOID(name, call) (enter_call(name, 0), (void)(call), (void)leave_call(WS_OK))

void enter_call(const char *name, int64_t timeout_ms);
ws_status leave_call(ws_status status);

uint64_t now_ns(void);
/* Waits without the library. */
void pause_us(unsigned us);
void start_thread(pthread_t *thread, void *(*run)(void *), void *argument);
void join_thread(pthread_t thread);

void start_watchdog(uint64_t seed);
void stop_watchdog(void);
/* A forked child's watchdog: it is ended if it hangs. */
void watch_child(void);

/* ---- accounting.c ---- */

typedef enum counter {
    CALLS,
    CALLBACKS,
    SESSIONS,
    REFUSED,
    MESSAGES,
    FLOWS,
    RECONNECTS,
    FORKS,
    SHUTDOWNS,
    INTERRUPTS,
    COUNTERS
} counter;

void count(counter what, unsigned number);
unsigned long counted(counter what);
void print_counters(const char *name, uint64_t seed, unsigned seconds);

/* What the library owes to one opening of a session. It stays until the cycle is over. */
typedef struct record {
    struct record *next;
    const char *made_by;
    atomic_int opened, closed, dropped, releases;
    atomic_int instances;
    atomic_int callback_gets, callback_ends, callback_drops;
    /* Threads that are in one of its callbacks, in its encoder and its decoder. */
    atomic_int inside, encoding, decoding;
    bool has_callbacks, has_on_frame, has_extension, returned;
    bool gave_callback;
    ws_status ended_with;
    int64_t send_timeout_ms, open_timeout_ms;
    struct flow *flow;
    atomic_ullong dice;
} record;

record *new_record(const char *made_by);
/* Numbers that look random, for callbacks. */
uint64_t roll_of(record *self);
/* One thread at a time is between the two. */
void enter_alone(atomic_int *inside, const char *what);
void leave_alone(atomic_int *inside);
/* All that the records are owed has come; frees them. */
void settle_records(void);

/* Numbered messages. */
size_t number_message(char *message, unsigned sender, unsigned number, chance *dice);
enum { MESSAGE_SIZE_LIMIT = 24 + 200 * 1024, SENDERS = 3, FLOW_MESSAGES = 2000 };
typedef struct ledger {
    /* What each sender has sent with WS_OK, and what has come back. */
    atomic_uint accepted[SENDERS], received[SENDERS];
    /* What was sent when the connection was lost. */
    atomic_uint uncertain[SENDERS];
    atomic_uint next[SENDERS];
    atomic_bool seen[SENDERS][FLOW_MESSAGES];
    /* Several threads receive: the order is only known for each of them. */
    bool unordered;
} ledger;

void note_message(ledger *self, const void *message, size_t size, uint32_t type);
/* Nothing is missing before the last one that came; `complete`: nothing is missing. */
void settle_ledger(ledger *self, bool gapless, bool complete, const char *made_by);

/* Descriptors, threads and memory of the process. */
void remember_process(void);
void expect_process_as_remembered(void);

/* ---- server.c ---- */

typedef struct addresses {
    unsigned port, relay_port;
    char unix_path[64];
} addresses;

/* Starts the server in a process of its own, which ends with this one. */
addresses start_server(uint64_t seed, unsigned tls_port);
/* What the server has seen of us that no client may send. */
unsigned server_complaints(void);

/* ---- settings.c ---- */

enum { OPEN_WELL = 1, KEEP_ALL = 2, RECONNECTS_TOO = 4 };

/* A random configuration. OPEN_WELL: it opens and keeps its session; KEEP_ALL: queues that wait. */
ws_config *random_config(chance *dice, record *owed, unsigned kind);
/* A URL of the server. */
void random_url(chance *dice, char *url, size_t size, const char *path);
extern addresses server;

/* ---- callbacks.c ---- */

void set_callbacks(ws_config *config, record *owed, bool with_frames);
void install_extension(ws_config *config, record *owed);
int32_t deflate_filter(void *user_data, uint32_t type, const void *data, size_t size);
int32_t decide(ws_session *session, const ws_error *why, uint32_t attempt, int32_t suggested, int64_t *delay_ms,
               void *user_data);
void prepare(ws_session *session, ws_attempt *attempt, void *user_data);
void answer_question(ws_auth *auth, void *user_data);
void frame_to_callback(ws_session *session, const ws_frame *frame, void *user_data);
void callback_dropped(void *user_data);
void change_log(chance *dice);

/* ---- calls.c ---- */

/* Sessions that all threads use. */
enum { SLOTS = 12 };

/* Opens a session into one of the slots. */
void open_into_slot(chance *dice);
/* Makes random calls on a session of a slot. */
void call_on_slot(chance *dice);
void call_on(chance *dice, ws_session *session, record *owed, unsigned calls, bool in_callback);
/* How long a call that sends may take with a timeout. */
int64_t sending_limit(const ws_session *session, int64_t timeout);
/* What may be called on a session whose messages are counted. */
void disturb(chance *dice, ws_session *session);
void free_slots(void);
/* A handle of a random slot, or NULL. */
ws_session *take_from_slot(chance *dice, record **owed);

/* ---- flows.c ---- */

typedef struct flow flow;
/* Sends numbered messages over a session and checks what comes back. */
void run_flow(chance *dice);
void run_group_flow(chance *dice);
/* A message, or the end, for the flow of a callback. */
void flow_frame(flow *self, const ws_frame *frame);
void flow_ended(flow *self, ws_status status);
/* Makes calls on a flow of another thread. */
void disturb_flow(chance *dice);
/* Callbacks that still come know their flow: it stays until the cycle is over. */
void free_kept_flows(void);

/* ---- objects.c: configurations, jars and errors that all threads use ---- */

void use_objects(chance *dice);
void free_objects(void);
/* Has the library load the list of public suffixes, which stays for good. */
void load_suffixes(void);
/* A configuration with the shared jar. */
ws_config *config_with_jar(void);
/* Sends with a lock held that the log function takes. */
ws_status send_locked(ws_session *session, const void *data, size_t size);
/* In a forked child: locks of the parent's threads may be held for good. */
void forget_locks(void);

/* ---- forks.c ---- */

void fork_amid(chance *dice);

/* ---- main.c ---- */

extern atomic_bool stopping;
/* How often ws_shutdown was called, and returned: sessions that were open meanwhile may be aborted. */
extern atomic_uint shutdowns_begun, shutdowns_ended;

#endif
