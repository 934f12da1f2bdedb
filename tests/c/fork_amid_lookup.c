/* Forks while another thread looks up a name. The C library holds a lock then that nobody releases in the child, and its
 * threads take that lock when they end on the stack of a thread that has looked up a name: the library's must not. */

#define _GNU_SOURCE
#include "process.h"
#include "threads.h"

#if defined __GLIBC__ && defined __x86_64__

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

/* That of the library's threads: in the child one of them gets the stack of the thread that looks up the name. */
enum { STACK_SIZE = 8 * 1024 * 1024 };

/* The last argument of a system call that is not trapped. */
enum { UNTRAPPED = 0x6b746f72 };

static atomic_int has_lock, may_go_on, cannot_trap;

/* A lookup asks whether the configuration has changed, which it always has. With the lock held it is read again. */
static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    int is_configuration = strcmp((const char *)registers[REG_RSI], "/etc/resolv.conf") == 0;
    if (is_configuration && info->si_syscall == SYS_openat) {
        atomic_store(&has_lock, 1);
        while (!atomic_load(&may_go_on))
            sched_yield();
    }
    long result = syscall(info->si_syscall, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                          registers[REG_R10], 0, UNTRAPPED);
    if (is_configuration && info->si_syscall == SYS_newfstatat && result == 0)
        ((struct stat *)registers[REG_RDX])->st_mtim.tv_nsec ^= 1;
    registers[REG_RAX] = result < 0 ? -errno : result;
}

/* Of the calling thread only. Whether the kernel does that. */
static int trap_file_access(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, UNTRAPPED, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    CHECK_EQ(sigaction(SIGSYS, &action, NULL), 0);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

static void look_up_localhost(void)
{
    struct addrinfo *found = NULL;
    if (getaddrinfo("localhost", NULL, NULL, &found) == 0)
        freeaddrinfo(found);
}

static void *look_up(void *nothing)
{
    /* Without an earlier lookup the thread has nothing yet that its end takes the lock for. */
    look_up_localhost();
    if (!trap_file_access())
        atomic_store(&cannot_trap, 1);
    look_up_localhost();
    return nothing;
}

static void use_the_library(void *nothing)
{
    (void)nothing;
    ws_session *session = connect_plain("");
    echo_text(session, "beside a lookup of the parent's");
    close_and_free(session);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
}

int main(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attributes, STACK_SIZE), 0);
    CHECK_EQ(pthread_create(&thread, &attributes, look_up, NULL), 0);
    while (!atomic_load(&has_lock)) {
        if (atomic_load(&cannot_trap)) {
            printf("SKIPPED: the kernel traps no system calls\n");
            return 77;
        }
        sched_yield();
    }
    pid_t child = start_child(use_the_library, NULL);
    atomic_store(&may_go_on, 1);
    join(thread);
    expect_success(child);
    use_the_library(NULL);
    return 0;
}

#else

int main(void)
{
    printf("SKIPPED: not the C library whose lock is held\n");
    return 77;
}

#endif
