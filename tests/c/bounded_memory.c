/* A hostile server does not make a session keep more memory than its queues' bounds, however little its messages are. */

#define _GNU_SOURCE
#include "memory.h"
#include "steered.h"
#include <poll.h>

enum {
    MIB = 1024,
    /* The default of the incoming queue. */
    DEFAULT_KIB = 4 * MIB,
    /* What a session has besides: its buffers, an inflater, what the allocator keeps. */
    ROOM_KIB = 4 * MIB,
    KEPT = 200
};

static ws_session *connect_bounded(const char *path, size_t messages, size_t bytes, uint32_t policy)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_install_deflate(config, NULL));
    CHECK_OK(ws_config_set_deliver_control(config, WS_CONTROL_PING));
    if (messages != 0 || bytes != 0)
        CHECK_OK(ws_config_set_incoming_queue(config, messages, bytes, policy));
    char url[256];
    snprintf(url, sizeof url, "%s%s", environment("STEERED_WS_URL"), path);
    ws_session *session = connect_to(url, environment("STEERED_CA_FILE"), config);
    ws_config_free(config);
    return session;
}

static ws_stats numbers(ws_session *session)
{
    ws_stats stats = {.struct_size = sizeof stats};
    CHECK_OK(ws_get_stats(session, &stats));
    return stats;
}

static void expect_growth(long before, long most_kib, const char *what)
{
    long grown = peak_since(before);
    if (grown > most_kib) {
        fprintf(stderr, "%s: %ld KiB more than before, at most %ld were expected\n", what, grown, most_kib);
        exit(1);
    }
}

/* Nobody receives: the library stops reading, and has no more by then than the bound. */
static void nobody_receives(const char *flood, const char *path, size_t messages, size_t kib)
{
    ws_session *session = connect_bounded(path, messages, kib * 1024, WS_QUEUE_WAIT);
    long before = resident_kib();
    STEER("flood %s", flood);
    CHECK_STR(server("held"), "yes");
    CHECK(numbers(session).incoming_messages > 0);
    expect_growth(before, (kib == 0 ? DEFAULT_KIB : (long)kib) + ROOM_KIB, flood);
    ws_abort(session);
    ws_session_free(session);
}

/* The library goes on reading, and keeps the newest. */
static void the_oldest_are_dropped(const char *flood, const char *path)
{
    ws_session *session = connect_bounded(path, 0, MIB * 1024, WS_QUEUE_DROP_OLDEST);
    long before = resident_kib();
    STEER("flood %s", flood);
    while (numbers(session).incoming_dropped < 100)
        poll(NULL, 0, 1);
    expect_growth(before, MIB + ROOM_KIB, flood);
    ws_abort(session);
    ws_session_free(session);
}

/* The application keeps what it receives: it has what the messages are, not what they were made of. */
static void the_application_keeps_messages(const char *flood, const char *path)
{
    static ws_frame *kept[KEPT];
    ws_session *session = connect_bounded(path, 0, 0, WS_QUEUE_WAIT);
    long before = resident_kib();
    STEER("flood %s", flood);
    for (unsigned i = 0; i < KEPT; i++) {
        CHECK_OK(ws_recv(session, &kept[i], PATIENCE_MS));
        CHECK_EQ(kept[i]->size, 1);
    }
    expect_growth(before, DEFAULT_KIB + ROOM_KIB, flood);
    for (unsigned i = 0; i < KEPT; i++)
        ws_frame_free(kept[i]);
    ws_abort(session);
    ws_session_free(session);
}

/* Memory of a large message that the application has freed does not go with each small one it keeps. */
static void a_large_message_between_small_ones(void)
{
    enum { LARGE = 4 << 20, SMALL = 40000, ROUNDS = 30 };
    static ws_frame *kept[ROUNDS];
    ws_session *session = connect_bounded("", 0, 0, WS_QUEUE_WAIT);
    long before = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        ws_frame *large = NULL;
        STEER("texts 1 %d", LARGE);
        CHECK_OK(ws_recv(session, &large, PATIENCE_MS));
        CHECK_EQ(large->size, LARGE);
        ws_frame_free(large);
        if (i == 0)
            before = resident_kib();
        STEER("texts 1 %d", SMALL);
        CHECK_OK(ws_recv(session, &kept[i], PATIENCE_MS));
        CHECK_EQ(kept[i]->size, SMALL);
    }
    /* Two large ones at a time, and what the allocator keeps; with all of them it would be more than 100 MiB. */
    expect_growth(before, 48L * MIB, "small messages that are kept");
    for (unsigned i = 0; i < ROUNDS; i++)
        ws_frame_free(kept[i]);
    ws_abort(session);
    ws_session_free(session);
}

int main(void)
{
    nobody_receives("blocks", "deflate", 0, 0);
    nobody_receives("blocks", "deflate", 0, MIB);
    nobody_receives("bare", "", 0, MIB);
    nobody_receives("texts 100000000 1", "", 0, MIB);
    the_oldest_are_dropped("blocks", "deflate");
    the_application_keeps_messages("blocks", "deflate");
    a_large_message_between_small_ones();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
