/* Forks while other threads use one kind of object again and again. The child, which may find its locks held by threads
 * that it does not have, uses and frees the same objects and never hangs. With a number: so many forks for each kind.
 */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"

enum { LARGE = 64 * 1024, COOKIES = 40 };

static atomic_int is_over;
static atomic_uint rounds;

static ws_group *group;
static ws_config *grouped, *with_jar, *with_key_log, *plain;
static ws_cookie_jar *jar;
static ws_session *member, *echo;
static char key_log[] = "/tmp/ktorws_fork_XXXXXX";

static void on_line(uint32_t level, uint64_t id, const char *line, void *user_data)
{
    (void)level, (void)id, (void)line, (void)user_data;
}

static ws_session *connect_plainly(const ws_config *config)
{
    ws_session *session = NULL;
    CHECK_OK(ws_connect(environment("ECHO_WS_URL"), config, &session, NULL));
    return session;
}

/* What the threads of the parent do. */

static void look_at_the_group(void)
{
    CHECK_EQ(ws_group_size(group), 1);
}

static void grow_and_shrink_the_group(void)
{
    ws_session *session = connect_plainly(grouped);
    ws_abort(session);
    ws_session_free(session);
}

static void read_the_jar(void)
{
    char header[8192];
    size_t size = 0;
    CHECK_OK(ws_cookie_jar_header(jar, environment("ECHO_WS_URL"), header, sizeof header, &size));
    CHECK(size > 0);
}

static void change_the_jar(void)
{
    CHECK_OK(ws_cookie_jar_add(jar, environment("ECHO_WS_URL"), "changing=1"));
}

/* Its memory is kept for the next large message, or given back. */
static ws_frame *receive_a_large_frame(void)
{
    static const char large[LARGE];
    ws_frame *frame = NULL;
    CHECK_OK(ws_send_binary(echo, large, sizeof large));
    CHECK_OK(ws_recv(echo, &frame, PATIENCE_MS));
    return frame;
}

static ws_frame *kept_frame;

static void free_large_frames(void)
{
    ws_frame_free(receive_a_large_frame());
}

static void write_keys(void)
{
    ws_session *session = NULL;
    CHECK_OK(ws_connect(environment("ECHO_WSS_URL"), with_key_log, &session, NULL));
    ws_abort(session);
    ws_session_free(session);
}

static void set_and_write_the_log(void)
{
    ws_session *session = NULL;
    CHECK_OK(ws_set_log_callback(WS_LOG_DEBUG, on_line, NULL));
    CHECK_STATUS(ws_connect("ws://127.0.0.1:1/", NULL, &session, NULL), WS_ERR_CONNECT);
}

/* The library starts, with a log, and ends. */
static void start_and_shut_down(void)
{
    set_and_write_the_log();
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

static void connect_and_interrupt(void)
{
    ws_session *session = NULL;
    CHECK_OK(ws_config_interrupt(plain));
    ws_status status = ws_connect("ws://127.0.0.1:1/", plain, &session, NULL);
    CHECK(status == WS_ERR_INTERRUPTED || status == WS_ERR_CONNECT);
}

/* What the child does. */

static void free_the_group(void)
{
    CHECK_EQ(ws_group_size(group), 0);
    CHECK_STATUS(ws_group_interrupt(group), WS_ERR_FORKED);
    ws_session_free(member);
    ws_group_free(group);
    ws_config_free(grouped);
    ws_group *own = ws_group_new();
    CHECK_EQ(ws_group_size(own), 0);
    ws_group_free(own);
}

static void use_a_copy_of_the_jar(void)
{
    char header[8192];
    size_t size = 0;
    close_and_free(connect_plainly(with_jar));
    CHECK_OK(ws_cookie_jar_add(jar, environment("ECHO_WS_URL"), "childs=1"));
    CHECK_OK(ws_cookie_jar_header(jar, environment("ECHO_WS_URL"), header, sizeof header, &size));
    CHECK(memmem(header, size, "childs=1", 8) != NULL);
    ws_cookie_jar_clear(jar);
    CHECK_OK(ws_cookie_jar_header(jar, environment("ECHO_WS_URL"), header, sizeof header, &size));
    CHECK_EQ(size, 0);
    ws_config_free(with_jar);
    ws_cookie_jar_free(jar);
}

static void find_all_cookies(void)
{
    char header[8192];
    size_t size = 0, count = 0;
    CHECK_OK(ws_cookie_jar_header(jar, environment("ECHO_WS_URL"), header, sizeof header, &size));
    for (size_t i = 0; i < size; i++)
        count += header[i] == '=';
    CHECK_EQ(count, COOKIES);
    use_a_copy_of_the_jar();
}

static void free_the_frame(void)
{
    CHECK_EQ(kept_frame->size, LARGE);
    ws_frame_free(kept_frame);
    ws_session_free(echo);
}

static void connect_with_inherited_tls(void)
{
    write_keys();
    ws_config_free(with_key_log);
}

static void use_the_log(void)
{
    set_and_write_the_log();
    CHECK_OK(ws_set_log_callback(WS_LOG_OFF, NULL, NULL));
    CHECK_OK(ws_set_log_callback(WS_LOG_DEBUG, on_line, NULL));
    close_and_free(connect_plainly(NULL));
}

/* An interrupt of the parent's is not for the child's calls, and one of the child's is not lost, whatever the parent's
 * threads were at. */
static void interrupt_own_calls(void)
{
    for (int i = 0; i < 2; i++) {
        ws_session *session = connect_plainly(plain);
        echo_text(session, "not interrupted");
        close_and_free(session);
        CHECK_OK(ws_config_interrupt(plain));
        CHECK_STATUS(ws_connect(environment("ECHO_WS_URL"), plain, &session, NULL), WS_ERR_INTERRUPTED);
    }
}

static void interrupt_before_the_first_call(void)
{
    ws_session *session = NULL;
    CHECK_OK(ws_config_interrupt(plain));
    CHECK_STATUS(ws_connect(environment("ECHO_WS_URL"), plain, &session, NULL), WS_ERR_INTERRUPTED);
    close_and_free(connect_plainly(plain));
}

typedef void (*doing)(void);

static void in_the_child(void *child)
{
    (*(doing *)child)();
    /* In all ways at the end of a process. */
    int way = (int)getpid() % 3;
    if (way == 1)
        CHECK_OK(ws_shutdown(PATIENCE_MS));
    if (way == 2)
        exit(0);
}

static void *use_again_and_again(void *use)
{
    while (!atomic_load(&is_over)) {
        (*(doing *)use)();
        atomic_fetch_add(&rounds, 1);
    }
    return NULL;
}

static void fork_beside(int forks, int threads, doing use, doing child)
{
    pthread_t users[2];
    atomic_store(&is_over, 0);
    atomic_store(&rounds, 0);
    for (int i = 0; i < threads; i++)
        start(&users[i], use_again_and_again, &use);
    while (atomic_load(&rounds) == 0)
        sched_yield();
    for (int i = 0; i < forks; i++)
        expect_success(start_child(in_the_child, &child));
    atomic_store(&is_over, 1);
    for (int i = 0; i < threads; i++)
        join(users[i]);
}

static void set_up(void)
{
    group = ws_group_new();
    CHECK_OK(ws_config_set_group(grouped = ws_config_new(), group));
    member = connect_plainly(grouped);
    jar = ws_cookie_jar_new();
    for (int i = 0; i < COOKIES; i++) {
        char cookie[64];
        snprintf(cookie, sizeof cookie, "cookie%d=%d", i, i);
        CHECK_OK(ws_cookie_jar_add(jar, environment("ECHO_WS_URL"), cookie));
    }
    CHECK_OK(ws_config_set_cookie_jar(with_jar = ws_config_new(), jar));
    int fd = mkstemp(key_log);
    CHECK(fd >= 0);
    close(fd);
    with_key_log = ws_config_new();
    CHECK_OK(ws_config_add_tls_ca_file(with_key_log, environment("ECHO_CA_FILE")));
    CHECK_OK(ws_config_set_tls_key_log_file(with_key_log, key_log));
    plain = ws_config_new();
    echo = connect_plainly(NULL);
    kept_frame = receive_a_large_frame();
}

/* What the children did was to copies. */
static void expect_unharmed(void)
{
    echo_text(echo, "unharmed");
    CHECK_EQ(ws_group_size(group), 1);
    CHECK_OK(ws_send_text(member, "unharmed", WS_NUL_TERMINATED));
    ws_session *from = NULL;
    ws_frame *frame = NULL;
    CHECK_OK(ws_group_recv(group, &from, &frame, PATIENCE_MS));
    CHECK(from == member);
    ws_frame_free(frame);
}

int main(int argc, char **argv)
{
    int forks = argc > 1 ? atoi(argv[1]) : 60;
    set_up();
    fork_beside(forks, 2, look_at_the_group, free_the_group);
    fork_beside(forks, 1, read_the_jar, find_all_cookies);
    fork_beside(forks, 2, read_the_jar, use_a_copy_of_the_jar);
    fork_beside(forks, 1, change_the_jar, use_a_copy_of_the_jar);
    fork_beside(forks, 1, free_large_frames, free_the_frame);
    fork_beside(forks, 2, write_keys, connect_with_inherited_tls);
    fork_beside(forks, 2, set_and_write_the_log, use_the_log);
    fork_beside(forks, 2, connect_and_interrupt, interrupt_own_calls);
    fork_beside(forks, 2, connect_and_interrupt, interrupt_before_the_first_call);
    expect_unharmed();
    fork_beside(forks, 1, grow_and_shrink_the_group, free_the_group);
    ws_group_free(group);
    ws_session_free(member);
    close_and_free(echo);
    fork_beside(forks, 1, start_and_shut_down, use_the_log);
    CHECK_OK(ws_set_log_callback(WS_LOG_OFF, NULL, NULL));
    ws_frame_free(kept_frame);
    ws_config_free(grouped);
    ws_config_free(with_jar);
    ws_config_free(with_key_log);
    ws_config_free(plain);
    ws_cookie_jar_free(jar);
    unlink(key_log);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
