/* Many sessions of the library: each by itself, or all in a group that one thread receives from. */

#include "ktorws_clients.h"

#include <stdlib.h>
#include <string.h>

/* For closing all sessions at once: as long as it takes on a machine that closes 10,000 a second, and half a minute. */
enum { CLOSING_MS = 30000, CLOSED_PER_MS = 10 };

/* What was configured; `config` is a copy of it that is freed with the sessions. */
static ws_config *configured;
static ws_session **sessions;
static size_t session_count;
static ws_group *group;
/* Whose turn it is without a group. */
static size_t next;

static int64_t closing_ms(void)
{
    return CLOSING_MS + (int64_t)session_count / CLOSED_PER_MS;
}

static void make_sessions(const struct options *options)
{
    configured = config;
    config = ws_config_clone(configured);
    if (config == NULL)
        fail("no memory");
    session_count = options->connections;
    check(ws_config_set_close_timeout_ms(config, closing_ms()), "setting the close timeout");
    sessions = allocate(session_count * sizeof *sessions);
    next = 0;
}

static void make_group(const struct options *options)
{
    make_sessions(options);
    group = ws_group_new();
    if (group == NULL)
        fail("no group");
    check(ws_config_set_group(config, group), "setting the group");
}

/* What ws_get_user_data points to is the session's entry, so its place is known from the session. */
static void keep(size_t place, ws_session *session)
{
    sessions[place] = session;
    check(ws_set_user_data(session, &sessions[place]), "setting user data");
}

static void open_place(size_t place, const char *url)
{
    keep(place, open_session(NULL, url));
}

static void open_each(const struct options *options)
{
    make_sessions(options);
    open_on_threads(options, open_place);
}

static void open_in_group(const struct options *options)
{
    make_group(options);
    open_on_threads(options, open_place);
}

static void open_pinging(const struct options *options)
{
    make_group(options);
    check(ws_config_set_ping_interval_ms(config, (int64_t)(RESTS_PER_PING * options->count)), "setting the pings");
    open_on_threads(options, open_place);
}

static void open_async(const struct options *options)
{
    make_group(options);
    char url[URL_SIZE];
    for (size_t place = 0; place < session_count; place++) {
        ws_session *session;
        check_memory(options, place);
        url_of_host(url, options, place);
        check(ws_connect_async(url, config, &session), "starting to connect");
        keep(place, session);
    }
    for (size_t place = 0; place < session_count; place++) {
        ws_error *error = NULL;
        if (ws_wait_open(sessions[place], -1, &error) != WS_OK) {
            url_of_host(url, options, place);
            fail_to_connect(url, error);
        }
    }
}

static void send_at(size_t place, const uint8_t *message, size_t size)
{
    send_each(sessions[place], message, size, 1);
}

static size_t receive_in_turn(size_t size)
{
    ws_frame *frame;
    check(ws_recv(sessions[next], &frame, -1), "receiving");
    check_message(frame->data, frame->size, size);
    ws_frame_free(frame);
    size_t place = next;
    next = next + 1 == session_count ? 0 : next + 1;
    return place;
}

static size_t receive_of_group(size_t size)
{
    ws_session *session;
    ws_frame *frame;
    check(ws_group_recv(group, &session, &frame, -1), "receiving of the group");
    check_message(frame->data, frame->size, size);
    ws_frame_free(frame);
    ws_session **entry = ws_get_user_data(session);
    return (size_t)(entry - sessions);
}

static size_t count_clean(void)
{
    size_t clean = 0;
    for (size_t place = 0; place < session_count; place++) {
        ws_close_info info = {.struct_size = sizeof info};
        clean += ws_get_close_info(sessions[place], &info) == WS_OK && info.clean;
    }
    return clean;
}

static size_t close_each(void)
{
    for (size_t place = 0; place < session_count; place++)
        check(ws_close(sessions[place], WS_CLOSE_NORMAL, NULL, 0), "closing");
    for (size_t place = 0; place < session_count; place++)
        check(ws_wait_closed(sessions[place], closing_ms()), "waiting for the end");
    return count_clean();
}

static size_t close_group(void)
{
    check(ws_group_close(group, WS_CLOSE_NORMAL, NULL, 0, closing_ms()), "closing the group");
    return count_clean();
}

static void release_each(void)
{
    for (size_t place = 0; place < session_count; place++)
        ws_session_free(sessions[place]);
    free(sessions);
    ws_config_free(config);
    config = configured;
}

static void release_group(void)
{
    release_each();
    ws_group_free(group);
}

static uint64_t pongs(void)
{
    uint64_t sum = 0;
    for (size_t place = 0; place < session_count; place++) {
        ws_stats stats = {.struct_size = sizeof stats};
        check(ws_get_stats(sessions[place], &stats), "statistics");
        sum += stats.pongs_received;
    }
    return sum;
}

const struct many many_sessions = {
    .open = open_each,
    .send = send_at,
    .receive = receive_in_turn,
    .close = close_each,
    .release = release_each,
};

const struct many many_of_group = {
    .open = open_in_group,
    .send = send_at,
    .receive = receive_of_group,
    .close = close_group,
    .release = release_group,
};

const struct many many_async = {
    .open = open_async,
    .send = send_at,
    .receive = receive_of_group,
    .close = close_group,
    .release = release_group,
};

const struct many many_pinging = {
    .open = open_pinging,
    .send = send_at,
    .receive = receive_of_group,
    .close = close_group,
    .release = release_group,
    .pongs = pongs,
};
