#include "terminal.h"

#include "memory.h"
#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static int changed_descriptor = -1;

static bool change(int descriptor, tcflag_t off)
{
    struct termios modes;
    if (changed_descriptor < 0 && tcgetattr(descriptor, &before) != 0)
        return false;
    modes = before;
    modes.c_lflag &= ~off;
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    /* Not behind what is still to be shown: that may wait for somebody to press Ctrl-Q. */
    if (tcsetattr(descriptor, TCSANOW, &modes) != 0)
        return false;
    changed_descriptor = descriptor;
    return true;
}

bool terminal_set_keys(void)
{
    return change(STDIN_FILENO, ICANON | ECHO | IEXTEN);
}

void terminal_pause(void)
{
    if (changed_descriptor >= 0)
        tcsetattr(changed_descriptor, TCSANOW, &before);
}

void terminal_resume(void)
{
    if (changed_descriptor >= 0)
        terminal_set_keys();
}

void terminal_restore(void)
{
    terminal_pause();
    changed_descriptor = -1;
}

void terminal_die(int number)
{
    terminal_restore();
    signal(number, SIG_DFL);
    raise(number);
}

static char *read_line(int descriptor)
{
    char *line = resize(NULL, 1024);
    size_t length = 0;
    for (;;) {
        char byte;
        ssize_t got = read(descriptor, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || length == 1023) {
            explicit_bzero(line, 1024);
            free(line);
            return NULL;
        }
        if (byte == '\n') {
            line[length] = '\0';
            return line;
        }
        line[length++] = byte;
    }
}

char *terminal_ask(const char *prompt)
{
    int descriptor = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0)
        return NULL;
    static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction handlers[4];
    struct sigaction restoring = {.sa_handler = terminal_die};
    for (size_t i = 0; i < 4; i++)
        sigaction(deadly[i], &restoring, &handlers[i]);

    char *line = NULL;
    /* Without knowing that the password stays invisible it is not asked for. */
    if (change(descriptor, ECHO)) {
        write_fully(descriptor, prompt, strlen(prompt));
        line = read_line(descriptor);
        write_fully(descriptor, "\n", 1);
        terminal_restore();
    }
    for (size_t i = 0; i < 4; i++)
        sigaction(deadly[i], &handlers[i], NULL);
    close(descriptor);
    return line;
}
