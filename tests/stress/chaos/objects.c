/* Configurations and jars that all threads use, and the log. */

#define _GNU_SOURCE
#include "chaos.h"
#include "left_out.h"
#include <stdio.h>
#include <string.h>

enum { CONFIGS = 3 };

/* Many may use a configuration; one changes it. */
static pthread_rwlock_t config_locks[CONFIGS] = {PTHREAD_RWLOCK_INITIALIZER, PTHREAD_RWLOCK_INITIALIZER,
                                                 PTHREAD_RWLOCK_INITIALIZER};
static struct {
    ws_config *config;
    record *owed;
} configs[CONFIGS];

static pthread_mutex_t jar_lock = PTHREAD_MUTEX_INITIALIZER;
static ws_cookie_jar *jar;

/* Two states of the log function, of which one is set at a time. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool log_is_set[2];
static unsigned log_next;
/* Taken around some calls, and in the log function. */
static pthread_mutex_t lock_in_log = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static atomic_bool in_child;

void forget_locks(void)
{
    atomic_store(&in_child, true);
}

ws_status send_locked(ws_session *session, const void *data, size_t size)
{
    pthread_mutex_lock(&lock_in_log);
    ws_status status = ws_send(session, WS_FRAME_BINARY, data, size, 0, 0);
    pthread_mutex_unlock(&lock_in_log);
    return status;
}

static void log_line(uint32_t level, uint64_t session_id, const char *message, void *user_data)
{
    (void)session_id;
    EXPECT(atomic_load((atomic_bool *)user_data), "the log goes to a function that was removed");
    EXPECT(level >= WS_LOG_ERROR && level <= WS_LOG_DEBUG && strlen(message) > 0, "a line of level %u", level);
    if (LOCK_IN_LOG && !atomic_load(&in_child)) {
        pthread_mutex_lock(&lock_in_log);
        pthread_mutex_unlock(&lock_in_log);
    }
}

void change_log(chance *dice)
{
    if (!LOG_AND_FORK)
        return;
    pthread_mutex_lock(&log_lock);
    unsigned before = log_next;
    log_next = !log_next;
    atomic_store(&log_is_set[log_next], true);
    uint32_t level = below(dice, 5);
    ws_log_callback function = level == 0 ? NULL : log_line;
    CALL("ws_set_log_callback", 0, ws_set_log_callback(level, function, &log_is_set[log_next]));
    atomic_store(&log_is_set[before], false);
    pthread_mutex_unlock(&log_lock);
}

static ws_cookie_jar *shared_jar(void)
{
    pthread_mutex_lock(&jar_lock);
    if (jar == NULL)
        jar = ws_cookie_jar_new();
    EXPECT(jar != NULL, "no jar");
    pthread_mutex_unlock(&jar_lock);
    return jar;
}

ws_config *config_with_jar(void)
{
    ws_config *made = ws_config_new();
    EXPECT(made != NULL && ws_config_set_cookie_jar(made, shared_jar()) == WS_OK, "no jar");
    return made;
}

void load_suffixes(void)
{
    EXPECT(ws_cookie_jar_add(shared_jar(), "ws://www.example.com/", "a=b; Domain=example.com") == WS_OK, "no cookie");
}

static void use_jar(chance *dice)
{
    char text[400];
    size_t size = 0;
    ws_cookie_jar *shared = shared_jar();
    switch (below(dice, 4)) {
    case 0:
        snprintf(text, sizeof text, "name%u=value; Max-Age=%u", below(dice, 40), 1 + below(dice, 100));
        CALL("ws_cookie_jar_add", 0, ws_cookie_jar_add(shared, "ws://127.0.0.1/", text));
        break;
    case 1:
        if (below(dice, 10) == 0)
            ws_cookie_jar_clear(shared);
        break;
    default: {
        ws_status status = CALL("ws_cookie_jar_header", 0,
                                ws_cookie_jar_header(shared, "ws://127.0.0.1/", text, below(dice, sizeof text), &size));
        EXPECT(status != WS_OK || size <= sizeof text, "%zu bytes", size);
        break;
    }
    }
}

/* A new configuration in place of a shared one. */
static void change_config(chance *dice, unsigned i)
{
    record *owed = new_record("a shared configuration");
    ws_config *made = random_config(dice, owed, 0);
    if (below(dice, 2) == 0)
        EXPECT(ws_config_set_cookie_jar(made, shared_jar()) == WS_OK, "no jar");
    pthread_rwlock_wrlock(&config_locks[i]);
    ws_config *before = configs[i].config;
    configs[i].config = made;
    configs[i].owed = owed;
    pthread_rwlock_unlock(&config_locks[i]);
    CALL_VOID("ws_config_free", ws_config_free(before));
}

static void connect_with_shared(chance *dice, unsigned i)
{
    char path[64], url[128];
    snprintf(path, sizeof path, "any/%u/%u", below(dice, 100), below(dice, 1000000));
    random_url(dice, url, sizeof url, path);
    pthread_rwlock_rdlock(&config_locks[i]);
    ws_session *session = NULL;
    ws_error *error = NULL;
    record *owed = configs[i].owed;
    ws_status status = WS_ERR_STATE;
    if (owed != NULL) {
        status = CALL("ws_connect", owed->open_timeout_ms, ws_connect(url, configs[i].config, &session, &error));
        EXPECT(ws_error_status(error) == status, "an error of %s", ws_status_name(status));
        ws_error_free(error);
    }
    pthread_rwlock_unlock(&config_locks[i]);
    count(status == WS_OK ? SESSIONS : REFUSED, 1);
    if (status == WS_OK) {
        call_on(dice, session, owed, 1 + below(dice, 20), false);
        CALL_VOID("ws_session_free", ws_session_free(session));
    }
}

void use_objects(chance *dice)
{
    unsigned i = below(dice, CONFIGS);
    switch (below(dice, 8)) {
    case 0:
        change_config(dice, i);
        break;
    case 1:
        pthread_rwlock_rdlock(&config_locks[i]);
        CALL_VOID("ws_config_free", ws_config_free(ws_config_clone(configs[i].config)));
        pthread_rwlock_unlock(&config_locks[i]);
        break;
    case 2:
        pthread_rwlock_rdlock(&config_locks[i]);
        if (INTERRUPTED_SHARED_CONFIG && configs[i].config != NULL)
            CALL("ws_config_interrupt", 0, ws_config_interrupt(configs[i].config));
        pthread_rwlock_unlock(&config_locks[i]);
        break;
    case 3:
    case 4:
        use_jar(dice);
        break;
    default:
        connect_with_shared(dice, i);
        break;
    }
}

void free_objects(void)
{
    for (unsigned i = 0; i < CONFIGS; i++) {
        CALL_VOID("ws_config_free", ws_config_free(configs[i].config));
        configs[i].config = NULL;
        configs[i].owed = NULL;
    }
    ws_cookie_jar_free(jar);
    jar = NULL;
    CALL("ws_set_log_callback", 0, ws_set_log_callback(WS_LOG_OFF, NULL, NULL));
}
