/* The server: listens on ephemeral ports of the loopback device and on an abstract Unix socket. */

#define _GNU_SOURCE
#include "server.h"
#include "chaos.h"
#include "check.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 512, STACK = 512 * 1024, READ_LIMIT_MS = 30000 };

typedef struct listener {
    int fd;
    uint64_t seed;
    /* Where bytes are passed on to; 0: the server answers itself. */
    unsigned relayed_port;
} listener;

typedef struct accepted {
    connection connection;
    unsigned relayed_port;
} accepted;

/* Shared by the server and the program that it serves. */
static atomic_uint *complaints;

void complain(const char *what)
{
    fprintf(stderr, "chaos: the server received %s\n", what);
    atomic_fetch_add(complaints, 1);
}

unsigned server_complaints(void)
{
    return atomic_load(complaints);
}

static void *serve(void *argument)
{
    accepted *self = argument;
    if (self->relayed_port == 0)
        serve_connection(&self->connection);
    else
        relay(&self->connection, self->relayed_port);
    close(self->connection.fd);
    free(self->connection.in);
    free(self);
    return NULL;
}

__attribute__((noreturn)) static void *accept_all(void *argument)
{
    listener *self = argument;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK);
    for (;;) {
        int fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC);
        accepted *made = fd < 0 ? NULL : calloc(1, sizeof *made);
        if (made == NULL) {
            stay_silent_us(1000);
            continue;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        *made = (accepted){.connection = {.fd = fd, .dice = {self->seed++}}, .relayed_port = self->relayed_port};
        set_read_limit_ms(&made->connection, READ_LIMIT_MS);
        pthread_t thread;
        if (pthread_create(&thread, &attributes, serve, made) != 0) {
            close(fd);
            free(made);
        }
    }
}

static int listen_on(const struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, address, size) == 0 && listen(fd, BACKLOG) == 0);
    return fd;
}

static int listen_on_loopback(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    int fd = listen_on((struct sockaddr *)&address, size);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static int listen_on_unix(char path[64])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path, 64, "@ktorws-chaos-%ld", (long)getpid());
    strcpy(address.sun_path + 1, path + 1);
    return listen_on((struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
}

addresses start_server(uint64_t seed, unsigned tls_port)
{
    addresses made;
    complaints = mmap(NULL, sizeof *complaints, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(complaints != MAP_FAILED);
    listener listeners[] = {
        {.fd = listen_on_loopback(&made.port), .seed = seed},
        {.fd = listen_on_loopback(&made.relay_port), .seed = seed + 1000000, .relayed_port = tls_port},
        {.fd = listen_on_unix(made.unix_path), .seed = seed + 2000000},
    };
    pid_t parent = getpid(), child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        signal(SIGPIPE, SIG_IGN);
        pthread_t thread;
        for (unsigned i = 1; i < 3; i++)
            CHECK_EQ(pthread_create(&thread, NULL, accept_all, &listeners[i]), 0);
        accept_all(&listeners[0]);
    }
    for (unsigned i = 0; i < 3; i++)
        close(listeners[i].fd);
    return made;
}
