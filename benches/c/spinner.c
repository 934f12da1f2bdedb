/* Keeps one core from sleeping, and gives way to whatever else wants it: spinner CORE. Waking a virtual core takes
 * longer than most of what is measured. Ends when its standard input does. */

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)atoi(argv[1]), &cores);
    const struct sched_param none = {0};
    if (sched_setaffinity(0, sizeof cores, &cores) != 0 || sched_setscheduler(0, SCHED_IDLE, &none) != 0) {
        perror("spinner");
        return 1;
    }
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&input, 1, 0) == 0)
        for (volatile int i = 0; i < 10000000; i++) {
        }
    return 0;
}
