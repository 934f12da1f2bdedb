/* What was sent and has to come back, what the library owes, and what the process has. */

#define _GNU_SOURCE
#include "../messages.h"
#include "chaos.h"
#include "left_out.h"
#include <dirent.h>
#include <malloc.h>
#include <unistd.h>

static atomic_ulong counters[COUNTERS];
static pthread_mutex_t records_lock = PTHREAD_MUTEX_INITIALIZER;
static record *records;

void count(counter what, unsigned number)
{
    atomic_fetch_add_explicit(&counters[what], number, memory_order_relaxed);
}

unsigned long counted(counter what)
{
    return atomic_load(&counters[what]);
}

void print_counters(const char *name, uint64_t seed, unsigned seconds)
{
    printf("chaos: %s: %u s, seed %llu: %lu calls, %lu callbacks, %lu sessions (%lu refused), %lu flows with %lu "
           "messages, "
           "%lu reconnects, %lu interrupts, %lu forks, %lu shutdowns\n",
           name, seconds, (unsigned long long)seed, counted(CALLS), counted(CALLBACKS), counted(SESSIONS),
           counted(REFUSED), counted(FLOWS), counted(MESSAGES), counted(RECONNECTS), counted(INTERRUPTS),
           counted(FORKS), counted(SHUTDOWNS));
}

record *new_record(const char *made_by)
{
    record *made = calloc(1, sizeof *made);
    CHECK(made != NULL);
    made->made_by = made_by;
    pthread_mutex_lock(&records_lock);
    made->next = records;
    records = made;
    pthread_mutex_unlock(&records_lock);
    return made;
}

uint64_t roll_of(record *self)
{
    chance dice = {atomic_fetch_add(&self->dice, UINT64_C(0x9e3779b97f4a7c15))};
    return roll(&dice);
}

void enter_alone(atomic_int *inside, const char *what)
{
    EXPECT(atomic_fetch_add(inside, 1) == 0, "%s: two threads at once", what);
}

void leave_alone(atomic_int *inside)
{
    atomic_fetch_sub(inside, 1);
}

static void settle(record *self)
{
    const char *by = self->made_by;
    int opened = atomic_load(&self->opened), closed = atomic_load(&self->closed);
    EXPECT(atomic_load(&self->inside) == 0, "%s: a callback runs after ws_shutdown", by);
    if (self->has_callbacks) {
        EXPECT(opened <= 1, "%s: %d calls of on_open", by, opened);
        bool settled = END_BEFORE_RETURN || self->returned;
        EXPECT(!settled || closed == (self->returned ? 1 : 0),
               "%s: %d calls of on_close for a session that was %sreturned", by, closed, self->returned ? "" : "not ");
        EXPECT(atomic_load(&self->dropped) == 1, "%s: %d calls of drop", by, atomic_load(&self->dropped));
    }
    if (self->has_extension) {
        EXPECT(atomic_load(&self->releases) == 1, "%s: %d calls of release", by, atomic_load(&self->releases));
        EXPECT(atomic_load(&self->instances) == 0, "%s: %d instances of an extension are left", by,
               atomic_load(&self->instances));
    }
    int ends = atomic_load(&self->callback_ends), drops = atomic_load(&self->callback_drops);
    EXPECT(ends == (self->gave_callback ? 1 : 0) && drops == ends, "%s: ws_recv_callback: %d ends, %d drops", by, ends,
           drops);
}

void settle_records(void)
{
    pthread_mutex_lock(&records_lock);
    while (records != NULL) {
        record *first = records;
        records = first->next;
        settle(first);
        free(first);
    }
    pthread_mutex_unlock(&records_lock);
}

static pthread_once_t letters_made = PTHREAD_ONCE_INIT;

size_t number_message(char *message, unsigned sender, unsigned number, chance *dice)
{
    pthread_once(&letters_made, make_letters);
    return write_message(message, sender, number, body_size(dice) / (below(dice, 4) == 0 ? 1 : 16));
}

void note_message(ledger *self, const void *message, size_t size, uint32_t type)
{
    pthread_once(&letters_made, make_letters);
    /* An event, and the flood of a server that misbehaves. */
    if (type >= WS_FRAME_OPENED || size == 0 || *(const char *)message == 0)
        return;
    unsigned sender = SENDERS, number = FLOW_MESSAGES;
    read_message(message, size, type, &sender, &number);
    EXPECT(sender < SENDERS && number < FLOW_MESSAGES, "a message that was not sent: %u of %u", number, sender);
    EXPECT(!atomic_exchange(&self->seen[sender][number], true), "message %u of %u came twice", number, sender);
    if (!self->unordered) {
        unsigned next = atomic_load(&self->next[sender]);
        EXPECT(number >= next, "message %u of %u came behind %u", number, sender, next - 1);
        atomic_store(&self->next[sender], number + 1);
    }
    atomic_fetch_add(&self->received[sender], 1);
    count(MESSAGES, 1);
}

void settle_ledger(ledger *self, bool gapless, bool complete, const char *made_by)
{
    for (unsigned i = 0; i < SENDERS; i++) {
        unsigned accepted = atomic_load(&self->accepted[i]), received = atomic_load(&self->received[i]);
        unsigned uncertain = atomic_load(&self->uncertain[i]);
        EXPECT(received <= accepted + uncertain, "%s: sender %u sent %u, and %u came back", made_by, i, accepted,
               received);
        EXPECT(!complete || received == accepted, "%s: of %u messages of sender %u came back %u", made_by, accepted, i,
               received);
        for (unsigned j = 0; gapless && j < received; j++)
            EXPECT(atomic_load(&self->seen[i][j]), "%s: message %u of sender %u is missing before others", made_by, j,
                   i);
    }
}

static struct {
    unsigned descriptors, threads;
    size_t memory;
} remembered;

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

static size_t memory_in_use(void)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#endif
}

static unsigned entries_of(const char *path)
{
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    unsigned entries = 0;
    while (readdir(directory) != NULL)
        entries++;
    closedir(directory);
    return entries;
}

static void print_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[300], target[256];
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0)
            continue;
        target[length] = 0;
        printf("chaos: descriptor %s is %s\n", entry->d_name, target);
    }
    closedir(directory);
}

void remember_process(void)
{
    remembered.descriptors = entries_of("/proc/self/fd");
    remembered.threads = entries_of("/proc/self/task");
    remembered.memory = memory_in_use();
}

/* What may stay of a cycle whatever it did: what malloc, threads and the TLS library keep. */
enum { KEPT_MEMORY = 512 * 1024 };

void expect_process_as_remembered(void)
{
    /* A thread that was joined, and a child's, may stay in /proc for a moment. */
    uint64_t start = now_ns();
    unsigned descriptors, threads;
    do {
        descriptors = entries_of("/proc/self/fd");
        threads = entries_of("/proc/self/task");
        if (descriptors == remembered.descriptors && threads == remembered.threads)
            break;
        pause_us(1000);
    } while (now_ns() - start < HANG_MS * UINT64_C(1000000));
    if (descriptors != remembered.descriptors)
        print_descriptors();
    EXPECT(descriptors == remembered.descriptors, "%u descriptors, before %u", descriptors, remembered.descriptors);
    EXPECT(threads == remembered.threads, "%u threads, before %u", threads, remembered.threads);
    size_t memory = memory_in_use();
    EXPECT(memory <= remembered.memory + KEPT_MEMORY, "%zu bytes in use, before %zu", memory, remembered.memory);
    printf("chaos: %u descriptors, %u threads, %zu bytes in use, before %zu\n", descriptors - 3, threads, memory,
           remembered.memory);
}
