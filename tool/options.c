#include "options.h"

#include "numbers.h"
#include "usage.h"
#include "utf8.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option long_options[] = {
    {"message", required_argument, NULL, 'm'},
    {"count", required_argument, NULL, 'n'},
    {"wait", required_argument, NULL, 'w'},
    {"no-input", no_argument, NULL, 'N'},
    {"binary", no_argument, NULL, 'b'},
    {"one", no_argument, NULL, '1'},
    {"null", no_argument, NULL, '0'},
    {"length-prefixed", no_argument, NULL, OPTION_LENGTH_PREFIXED},
    {"block", required_argument, NULL, OPTION_BLOCK},
    {"max-message", required_argument, NULL, OPTION_MAX_MESSAGE},
    {"close", required_argument, NULL, OPTION_CLOSE},
    {"header", required_argument, NULL, 'H'},
    {"subprotocol", required_argument, NULL, 'p'},
    {"user-agent", required_argument, NULL, 'A'},
    {"origin", required_argument, NULL, OPTION_ORIGIN},
    {"user", required_argument, NULL, 'u'},
    {"user-file", required_argument, NULL, OPTION_USER_FILE},
    {"netrc-file", required_argument, NULL, OPTION_NETRC_FILE},
    {"digest", no_argument, NULL, OPTION_DIGEST},
    {"bearer", required_argument, NULL, OPTION_BEARER},
    {"cookie", required_argument, NULL, OPTION_COOKIE},
    {"cookie-file", required_argument, NULL, OPTION_COOKIE_FILE},
    {"location", no_argument, NULL, 'L'},
    {"max-redirects", required_argument, NULL, OPTION_MAX_REDIRECTS},
    {"deflate", optional_argument, NULL, OPTION_DEFLATE},
    {"cacert", required_argument, NULL, OPTION_CACERT},
    {"capath", required_argument, NULL, OPTION_CAPATH},
    {"crl", required_argument, NULL, OPTION_CRL},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"tls-name", required_argument, NULL, OPTION_TLS_NAME},
    {"tls-min", required_argument, NULL, OPTION_TLS_MIN},
    {"alpn", required_argument, NULL, OPTION_ALPN},
    {"pin", required_argument, NULL, OPTION_PIN},
    {"keylog", required_argument, NULL, OPTION_KEYLOG},
    {"insecure", no_argument, NULL, 'k'},
    {"proxy", required_argument, NULL, 'x'},
    {"noproxy", required_argument, NULL, OPTION_NOPROXY},
    {"resolve", required_argument, NULL, OPTION_RESOLVE},
    {"interface", required_argument, NULL, OPTION_INTERFACE},
    {"unix-socket", required_argument, NULL, OPTION_UNIX_SOCKET},
    {"reconnect", optional_argument, NULL, OPTION_RECONNECT},
    {"ping", required_argument, NULL, OPTION_PING},
    {"ping-timeout", required_argument, NULL, OPTION_PING_TIMEOUT},
    {"connect-timeout", required_argument, NULL, OPTION_CONNECT_TIMEOUT},
    {"handshake-timeout", required_argument, NULL, OPTION_HANDSHAKE_TIMEOUT},
    {"open-timeout", required_argument, NULL, OPTION_OPEN_TIMEOUT},
    {"close-timeout", required_argument, NULL, OPTION_CLOSE_TIMEOUT},
    {"idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT},
    {"latency", optional_argument, NULL, OPTION_LATENCY},
    {"interval", required_argument, NULL, OPTION_INTERVAL},
    {"throughput", optional_argument, NULL, OPTION_THROUGHPUT},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"json", no_argument, NULL, OPTION_JSON},
    {"control", no_argument, NULL, OPTION_CONTROL},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const char *name_of(int letter)
{
    for (const struct option *option = long_options; option->name != NULL; option++) {
        if (option->val == letter)
            return option->name;
    }
    return "";
}

static void set_framing(options *chosen, framing wanted)
{
    if (chosen->framing != FRAMING_LINES && chosen->framing != wanted)
        fail_usage("--one, --null and --length-prefixed exclude each other");
    chosen->framing = wanted;
}

static void set_mode(options *chosen, mode wanted)
{
    if (chosen->mode != MODE_TALK && chosen->mode != wanted)
        fail_usage("--latency and --throughput exclude each other");
    chosen->mode = wanted;
}

static int64_t read_seconds(const char *name, const char *value, bool allows_zero)
{
    int64_t ms;
    if (!parse_seconds(value, allows_zero, &ms))
        fail_usage("--%s %s: a number of seconds is needed", name, value);
    return ms;
}

static uint64_t read_count(const char *name, const char *value)
{
    uint64_t count;
    if (!parse_count(value, 1, UINT64_MAX, &count))
        fail_usage("--%s %s: a number from 1 on is needed", name, value);
    return count;
}

/* Those of messages, measuring and output. */
static void take_option(options *chosen, int letter, const char *name, char *value)
{
    uint64_t size;
    switch (letter) {
    case 'm':
        strings_add(&chosen->messages, value);
        break;
    case 'n':
        chosen->answers = read_count(name, value);
        break;
    case 'w':
        chosen->wait_ms = read_seconds(name, value, true);
        break;
    case 'N':
        chosen->reads_input = false;
        break;
    case 'b':
        chosen->is_binary = true;
        break;
    case '1':
        set_framing(chosen, FRAMING_ONE);
        break;
    case '0':
        set_framing(chosen, FRAMING_NUL);
        break;
    case OPTION_LENGTH_PREFIXED:
        set_framing(chosen, FRAMING_LENGTH);
        break;
    case OPTION_BLOCK:
        if (!parse_size(value, 1 << 30, &size))
            fail_usage("--block %s: a size up to 1G is needed", value);
        chosen->block = (size_t)size;
        break;
    case OPTION_CLOSE:
        if (!parse_close(value, &chosen->close_code, &chosen->close_reason))
            fail_usage(
                "--close %s: CODE[,REASON] is needed: 1000 to 1003, 1007 to 1014 or 3000 to 4999, and at most 123 "
                "bytes of UTF-8",
                value);
        break;
    case OPTION_CLOSE_TIMEOUT:
        chosen->close_timeout_ms = read_seconds(name, value, false);
        break;
    case OPTION_LATENCY:
        set_mode(chosen, MODE_LATENCY);
        chosen->ping_count = value == NULL ? 0 : read_count(name, value);
        break;
    case OPTION_INTERVAL:
        chosen->interval_ms = read_seconds(name, value, false);
        break;
    case OPTION_THROUGHPUT:
        set_mode(chosen, MODE_THROUGHPUT);
        if (value != NULL)
            chosen->duration_ms = read_seconds(name, value, false);
        break;
    case 'v':
        chosen->verbosity++;
        break;
    case 'q':
        chosen->is_quiet = true;
        break;
    case OPTION_JSON:
        chosen->is_json = true;
        break;
    case OPTION_CONTROL:
        chosen->shows_control = true;
        break;
    case 'h':
        print_help();
        exit(0);
    case 'V':
        printf("ktorws %s (libktorws %s)\n", WS_VERSION_STRING, ws_version_string());
        exit(0);
    default:
        /* getopt has said what is wrong */
        fputs("Try `ktorws --help`.\n", stderr);
        exit(2);
    }
}

static void check_together(options *chosen)
{
    if (chosen->mode != MODE_TALK &&
        (chosen->messages.count > 0 || chosen->answers > 0 || chosen->wait_ms >= 0 || chosen->is_binary ||
         chosen->framing != FRAMING_LINES || !chosen->reads_input || chosen->shows_control))
        fail_usage("--%s sends and receives by itself: no options of messages go with it",
                   chosen->mode == MODE_LATENCY ? "latency" : "throughput");
    if (chosen->is_binary && chosen->framing == FRAMING_LINES)
        chosen->framing = FRAMING_BLOCKS;
    for (size_t i = 0; i < chosen->messages.count && !chosen->is_binary; i++) {
        if (!utf8_is_valid(chosen->messages.items[i], strlen(chosen->messages.items[i])))
            fail_usage("--message: the text is not UTF-8; --binary sends it all the same");
    }
    if (chosen->messages.count > 0 && chosen->framing == FRAMING_ONE)
        fail_usage("--one reads standard input, and --message replaces it");
}

void options_parse(options *chosen, int argc, char **argv)
{
    *chosen = (options){
        .interval_ms = 1000,
        .duration_ms = 10000,
        .block = 64 << 10,
        .reads_input = true,
        .wait_ms = -1,
        .close_code = WS_CLOSE_NORMAL,
        .close_reason = "",
        .close_timeout_ms = 5000,
    };
    connection_start(&chosen->connection);
    /* getopt's messages begin as all others */
    static char name_in_messages[] = "ktorws";
    if (argc > 0)
        argv[0] = name_in_messages;
    int letter;
    while ((letter = getopt_long(argc, argv, "m:n:w:Nb10H:p:A:u:Lkx:vqhV", long_options, NULL)) != -1) {
        const char *name = name_of(letter);
        if (!connection_option(&chosen->connection, letter, name, optarg))
            take_option(chosen, letter, name, optarg);
    }
    if (optind + 1 != argc)
        fail_usage(optind < argc ? "one URL is needed, not several" : "a URL is needed");
    check_together(chosen);
    chosen->url = copy_text(argv[optind], strlen(argv[optind]));
    credentials_hide_url(argv[optind]);
    connection_finish(&chosen->connection, chosen->url);
}

void options_free(options *chosen)
{
    connection_free(&chosen->connection);
    strings_free(&chosen->messages);
    secret_free(chosen->url);
}
