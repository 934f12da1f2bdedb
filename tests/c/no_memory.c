/* Without memory for a message or a string a call returns WS_ERR_NO_MEMORY, nothing of the message is sent, and the session
 * goes on. This program's own malloc refuses large allocations of the calling thread, one after the other. */

#define _GNU_SOURCE
#include "steered.h"
#include <errno.h>
#include <stdatomic.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

enum { LARGE = 1 << 19 };

/* How many large allocations are made until one is refused; 0 for none. */
static __thread int until_refused, has_refused;

/* Those of every thread are refused, and one was. */
static atomic_int refuses_all, has_refused_any;

static int is_refused(size_t size)
{
    if (size >= LARGE && atomic_load(&refuses_all)) {
        atomic_store(&has_refused_any, 1);
        errno = ENOMEM;
        return 1;
    }
    if (size < LARGE || until_refused == 0 || --until_refused > 0)
        return 0;
    has_refused = 1;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return is_refused(size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_refused(count * size) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return is_refused(size) ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return is_refused(size) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    *memory = is_refused(size) ? NULL : __libc_memalign(alignment, size);
    return *memory == NULL ? ENOMEM : 0;
}

void free(void *memory)
{
    __libc_free(memory);
}

static void refuse(int number)
{
    until_refused = number;
    has_refused = 0;
}

/* Random, so that it does not become smaller. */
static char data[3 * LARGE];

static ws_status send_binary(ws_session *session)
{
    return ws_send_binary(session, data, sizeof data);
}

static ws_status send_batch(ws_session *session)
{
    const ws_message item = {.data = data, .size = sizeof data, .type = WS_FRAME_BINARY};
    size_t accepted = 7;
    ws_status status = ws_send_batch(session, &item, 1, &accepted, PATIENCE_MS);
    CHECK_EQ(accepted, status == WS_OK);
    return status;
}

/* Each fragment again until it is taken. */
static ws_status send_fragments(ws_session *session)
{
    static const uint32_t types[] = {WS_FRAME_BINARY, WS_FRAME_CONTINUATION, WS_FRAME_CONTINUATION};
    ws_status outcome = WS_OK, status;
    for (int i = 0; i < 3; i++) {
        do {
            status = ws_send(session, types[i], data, sizeof data, i < 2 ? WS_SEND_MORE : 0, PATIENCE_MS);
            outcome = status == WS_OK ? outcome : status;
        } while (status == WS_ERR_NO_MEMORY);
    }
    return outcome;
}

typedef struct session_kind {
    const char *path;
    int keeps, compresses, fragments;
} session_kind;

static void sending(const session_kind *kind, ws_status (*call)(ws_session *), int is_one_message)
{
    ws_config *config = ws_config_new();
    const ws_reconnect_options options = {.struct_size = sizeof options, .flags = WS_RECONNECT_KEEP_UNSENT};
    CHECK(config != NULL);
    if (kind->keeps)
        CHECK_OK(ws_config_set_reconnect(config, &options));
    if (kind->compresses)
        CHECK_OK(ws_config_install_deflate(config, NULL));
    CHECK_OK(ws_config_set_auto_fragment(config, kind->fragments ? LARGE / 4 : 0));
    int sent = 0, refused = 0;
    ws_session *session = connect_steered_at(kind->path, config);
    for (int number = 1;; number++) {
        ws_stats statistics = {.struct_size = sizeof statistics};
        refuse(number);
        ws_status status = call(session);
        int was_refused = has_refused;
        refuse(0);
        CHECK_STATUS(status, was_refused ? WS_ERR_NO_MEMORY : WS_OK);
        sent += is_one_message || !was_refused;
        refused += was_refused;
        CHECK_OK(ws_flush(session, PATIENCE_MS));
        CHECK_OK(ws_get_stats(session, &statistics));
        CHECK_EQ(statistics.messages_sent, sent);
        if (!was_refused)
            break;
        /* The session's buffers are kept for the next message: with those it would need no memory. */
        close_and_free(session);
        session = connect_steered_at(kind->path, config);
        sent = 0;
    }
    CHECK(refused >= 1 + kind->keeps);
    CHECK_OK(ws_send_text(session, "behind", 6));
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_OK(ws_close(session, WS_CLOSE_NORMAL, NULL, 0));
    CHECK_OK(ws_wait_closed(session, PATIENCE_MS));
    CHECK_STR(server("received"), "2 messages");
    ws_session_free(session);
    ws_config_free(config);
}

static void a_session_goes_on(void)
{
    ws_session *session = connect_steered(PLAIN, NULL);
    refuse(1);
    CHECK_STATUS(send_binary(session), WS_ERR_NO_MEMORY);
    refuse(0);
    CHECK_EQ(ws_buffered_amount(session), 0);
    CHECK_OK(send_binary(session));
    CHECK_OK(ws_flush(session, PATIENCE_MS));
    CHECK_STR(server("frames 1"), "B");
    close_and_free(session);
}

/* A message that cannot be held ends the session. */
static void receiving(void)
{
    ws_session *session = connect_steered(PLAIN, NULL);
    atomic_store(&refuses_all, 1);
    STEER("texts 1 %d", 4 * LARGE);
    ws_frame *frame = NULL;
    ws_status status = ws_recv(session, &frame, PATIENCE_MS);
    CHECK(atomic_load(&has_refused_any));
    atomic_store(&refuses_all, 0);
    CHECK_STATUS(status, WS_ERR_NO_MEMORY);
    ws_session_free(session);
}

static void strings(void)
{
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    static char text[2 * LARGE], url[2 * LARGE];
    memset(text, 'x', sizeof text - 1);
    memset(url, 'x', sizeof url - 1);
    memcpy(url, "ws://127.0.0.1/", 15);
    ws_session *session = NULL;
    ws_error *error = NULL;
    for (int i = 0; i < 6; i++) {
        refuse(1);
        ws_status status = i == 0   ? ws_config_add_header(config, "X-Long", text)
                           : i == 1 ? ws_config_set_bearer_token(config, text)
                           : i == 2 ? ws_config_set_proxy(config, url)
                           : i == 3 ? ws_config_set_origin(config, text)
                           : i == 4 ? ws_connect_async(url, config, &session)
                                    : ws_connect(url, config, &session, &error);
        CHECK(has_refused);
        refuse(0);
        CHECK_STATUS(status, WS_ERR_NO_MEMORY);
    }
    CHECK_EQ(ws_error_status(error), WS_ERR_NO_MEMORY);
    ws_error_free(error);
    ws_config_free(config);
}

int main(void)
{
    static const session_kind kinds[] = {{"", 0, 0, 0}, {"", 1, 0, 0}, {"", 1, 0, 1}, {"deflate", 1, 1, 0}};
    unsigned number = 1;
    for (size_t i = 0; i < sizeof data; i++) {
        number = number * 1103515245 + 12345;
        data[i] = (char)(number >> 24);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        sending(&kinds[i], send_binary, 0);
        if (kinds[i].compresses)
            continue;
        sending(&kinds[i], send_batch, 0);
        sending(&kinds[i], send_fragments, 1);
    }
    a_session_goes_on();
    receiving();
    strings();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
