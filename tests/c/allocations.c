/* In steady state neither small nor large messages cost the calling thread an allocation: this program's own malloc
 * counts those of each thread. When the machine keeps this thread from running for some milliseconds, the library takes
 * it to be away and gives memory back; so of several rounds one has to be free of them. Over TLS, rustls makes an
 * allocation for each record. */

#define _GNU_SOURCE
#include "check.h"
#include <errno.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static __thread unsigned long allocations;

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    allocations++;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    allocations++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    allocations++;
    *memory = __libc_memalign(alignment, size);
    return *memory == NULL ? ENOMEM : 0;
}

void free(void *memory)
{
    __libc_free(memory);
}

/* Records of a large message hold more than this on the average. */
enum { SMALLEST_RECORD = 8192 };
enum { SMALL = 64, LARGE = 1 << 20, BATCH = 32 };
enum { ROUNDS = 30, SMALL_MESSAGES = 960, LARGE_MESSAGES = 10 };

static char data[LARGE], echo[LARGE];

typedef void (*round_trip)(ws_session *session, size_t size);

static void received_as_a_frame(ws_session *session, size_t size)
{
    ws_frame *frame;
    CHECK_OK(ws_send_binary(session, data, size));
    CHECK_OK(ws_recv(session, &frame, -1));
    CHECK_EQ(frame->size, size);
    ws_frame_free(frame);
}

static void received_into_a_buffer(ws_session *session, size_t size)
{
    size_t received;
    CHECK_OK(ws_send_text(session, data, size));
    CHECK_OK(ws_recv_into(session, echo, sizeof echo, &received, NULL, -1));
    CHECK_EQ(received, size);
}

/* With a timeout the call sleeps in another way. */
static void received_with_a_timeout(ws_session *session, size_t size)
{
    ws_frame *frame;
    ws_status status;
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, data, size, 0, PATIENCE_MS));
    while ((status = ws_recv(session, &frame, 20)) == WS_ERR_TIMEOUT)
        ;
    CHECK_OK(status);
    CHECK_EQ(frame->size, size);
    ws_frame_free(frame);
}

static void in_batches(ws_session *session, size_t size)
{
    ws_message items[BATCH];
    ws_frame *frames[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        items[i] = (ws_message){.data = data, .size = size, .type = WS_FRAME_TEXT};
    CHECK_OK(ws_send_batch(session, items, BATCH, NULL, -1));
    for (size_t received = 0, count; received < BATCH; received += count) {
        CHECK_OK(ws_recv_batch(session, frames, BATCH, &count, -1));
        for (size_t i = 0; i < count; i++)
            ws_frame_free(frames[i]);
    }
}

/* Messages that follow each other quickly: some of them are kept back for the next. */
static void in_streaks(ws_session *session, size_t size)
{
    for (size_t i = 0; i < BATCH; i++)
        CHECK_OK(ws_send_text(session, data, size));
    for (size_t i = 0; i < BATCH; i++) {
        size_t received;
        CHECK_OK(ws_recv_into(session, echo, sizeof echo, &received, NULL, -1));
    }
}

static void corked(ws_session *session, size_t size)
{
    ws_frame *frame;
    CHECK_OK(ws_send(session, WS_FRAME_TEXT, data, size, WS_SEND_CORK, -1));
    CHECK_OK(ws_recv(session, &frame, -1));
    ws_frame_free(frame);
}

/* A round trip of `each` messages. */
static void run(transport how, const char *name, round_trip make, size_t size, unsigned each)
{
    unsigned messages = size == LARGE ? LARGE_MESSAGES : SMALL_MESSAGES;
    /* With some milliseconds between two messages, which a busy machine can make of each, the library gives back the memory of
     * a large message, of the frame and of what is read. */
    unsigned long allowed = size == LARGE ? 3 * messages : 0;
    if (how == TLS)
        allowed += 2 * messages * (1 + size / SMALLEST_RECORD);
    unsigned long fewest = allowed + 1;
    ws_session *session = connect_with(how, "", NULL);
    for (unsigned round = 0; round < ROUNDS && fewest > allowed; round++) {
        unsigned long before = allocations;
        for (unsigned i = 0; i < messages; i += each)
            make(session, size);
        unsigned long made = allocations - before;
        fewest = round == 0 || made < fewest ? made : fewest;
    }
    if (fewest > allowed) {
        fprintf(stderr, "%s, %zu bytes, %s: at least %lu allocations in %u messages\n", name, size,
                how == TLS ? "TLS" : "plain", fewest, messages);
        exit(1);
    }
    close_and_free(session);
}

int main(void)
{
    /* The count counts. */
    unsigned long before = allocations;
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK(allocations > before);
    ws_config_free(config);

    memset(data, 'd', sizeof data);
    for (transport how = PLAIN; how <= TLS; how++) {
        run(how, "frames", received_as_a_frame, SMALL, 1);
        run(how, "a buffer", received_into_a_buffer, SMALL, 1);
        run(how, "a timeout", received_with_a_timeout, SMALL, 1);
        run(how, "batches", in_batches, SMALL, BATCH);
        run(how, "streaks", in_streaks, SMALL, BATCH);
        run(how, "corked", corked, SMALL, 1);
        run(how, "large frames", received_as_a_frame, LARGE, 1);
        run(how, "large, a buffer", received_into_a_buffer, LARGE, 1);
    }
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
