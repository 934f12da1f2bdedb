/* Two copies of the library in one process, as two plug-ins may bring them, know nothing of each other. */

#define _GNU_SOURCE
#include "loaded.h"
#include "process.h"
#include "threads.h"

enum { MESSAGES = 2000, USERS = 4 };

/* A second file, or the loader would hand out the first again. */
static library load_a_copy(const char *path)
{
    char copy[] = "./ktorws-copy-XXXXXX", piece[1 << 16];
    size_t size;
    FILE *from = fopen(path, "r"), *to = fdopen(mkstemp(copy), "w");
    CHECK(from != NULL && to != NULL);
    while ((size = fread(piece, 1, sizeof piece, from)) > 0)
        CHECK_EQ(fwrite(piece, 1, size, to), size);
    CHECK_EQ(fclose(from), 0);
    CHECK_EQ(fclose(to), 0);
    library it = load(copy, RTLD_NOW | RTLD_LOCAL);
    CHECK_EQ(unlink(copy), 0);
    return it;
}

typedef struct user {
    pthread_t thread;
    const library *by;
    transport how;
} user;

static void *use(void *argument)
{
    user *self = argument;
    ws_session *session = connect_by(self->by, self->how);
    for (int i = 0; i < MESSAGES; i++)
        echo_by(self->by, session, "at the same time");
    close_by(self->by, session);
    return NULL;
}

static void both_at_once(const library *first, const library *second)
{
    user users[USERS];
    for (int i = 0; i < USERS; i++) {
        users[i] = (user){.by = i % 2 == 0 ? first : second, .how = i < 2 ? PLAIN : TLS};
        start(&users[i].thread, use, &users[i]);
    }
    for (int i = 0; i < USERS; i++)
        join(users[i].thread);
}

static void shutting_one_down_leaves_the_other(const library *ended, const library *other)
{
    ws_frame *frame = NULL;
    ws_session *session = connect_by(ended, PLAIN), *others[] = {connect_by(other, PLAIN), connect_by(other, TLS)};
    echo_by(ended, session, "hello");
    CHECK_EQ(ended->ws_shutdown(PATIENCE_MS), WS_OK);
    CHECK_EQ(ended->ws_recv(session, &frame, PATIENCE_MS), WS_ERR_ABORTED);
    ended->ws_session_free(session);
    CHECK(count_library_threads() > 0);
    for (int i = 0; i < 2; i++) {
        echo_by(other, others[i], "still here");
        close_by(other, others[i]);
    }
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    int threads = count_entries("/proc/self/task");
    library first = load(argv[1], RTLD_NOW | RTLD_LOCAL), second = load_a_copy(argv[1]);
    CHECK(first.ws_connect != second.ws_connect);
    both_at_once(&first, &second);
    shutting_one_down_leaves_the_other(&first, &second);
    shutting_one_down_leaves_the_other(&second, &first);
    both_at_once(&first, &second);
    CHECK_EQ(first.ws_shutdown(PATIENCE_MS), WS_OK);
    CHECK_EQ(second.ws_shutdown(PATIENCE_MS), WS_OK);
    unload(&first);
    unload(&second);
    expect_back_at("/proc/self/task", threads);
    return 0;
}
