#include "usage.h"

#include "exit_status.h"
#include "screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void print_help(void)
{
    fputs("usage: ktorws [options] URL\n"
          "\n"
          "Sends each line of standard input to a WebSocket server as a text message and\n"
          "prints the messages that come. `man ktorws` explains all options.\n"
          "\n"
          "Messages\n"
          "  -m, --message TEXT      send this in place of standard input (repeatable)\n"
          "  -n, --count COUNT       end when so many messages have come\n"
          "  -w, --wait SECONDS      after the end of input, wait so long for messages\n"
          "  -N, --no-input          only receive\n"
          "  -b, --binary            binary messages: blocks in, bytes out\n"
          "  -1, --one               all of the input is one message\n"
          "  -0, --null              messages end with a NUL byte\n"
          "      --length-prefixed   messages begin with their length in 4 bytes\n"
          "      --block SIZE        size of blocks (64K)\n"
          "      --max-message SIZE  largest message to accept (64M)\n"
          "      --close CODE[,REASON]  how to close (1000)\n"
          "\n"
          "Handshake\n"
          "  -H, --header 'NAME: VALUE'  -H @FILE     -u, --user USER[:PASSWORD]\n"
          "  -p, --subprotocol NAME                   --user-file FILE  --netrc-file FILE\n"
          "  -A, --user-agent TEXT  --origin URL      --digest  --bearer FILE\n"
          "  -L, --location  --max-redirects COUNT    --cookie 'NAME=VALUE'  --cookie-file FILE\n"
          "      --deflate[=OPTION,...]\n"
          "\n"
          "TLS\n"
          "  --cacert FILE  --capath DIRECTORY  --crl FILE  --cert FILE  --key FILE\n"
          "  --tls-name NAME  --tls-min 1.2|1.3  --alpn NAMES  --pin HASH  --keylog FILE\n"
          "  -k, --insecure\n"
          "\n"
          "Network\n"
          "  -x, --proxy URL  --noproxy HOSTS  --resolve HOST:PORT:ADDRESS\n"
          "  --interface ADDRESS  --unix-socket PATH  --reconnect[=ATTEMPTS]\n"
          "  --ping SECONDS  --ping-timeout, --connect-timeout, --handshake-timeout,\n"
          "  --open-timeout, --close-timeout, --idle-timeout SECONDS\n"
          "\n"
          "Measuring\n"
          "  --latency[=COUNT]  --interval SECONDS  --throughput[=SECONDS]\n"
          "\n"
          "Output\n"
          "  -v, --verbose  -vv    connection, handshake, timings, statistics; the log\n"
          "  -q, --quiet           no progress\n"
          "      --json            one JSON object for each event\n"
          "      --control         show control frames\n"
          "  -h, --help  -V, --version\n",
          stdout);
}

noreturn void fail_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text;
    if (vasprintf(&text, format, arguments) >= 0) {
        complain("%s", text);
        free(text);
    }
    va_end(arguments);
    fputs("Try `ktorws --help`.\n", stderr);
    exit(ENDED_USAGE);
}
