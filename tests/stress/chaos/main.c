/* Random calls of the whole C API from many threads, for a time:
 *
 *     chaos [--seconds SECONDS] [--seed SEED] [--name NAME]
 *
 * The seed repeats what the threads choose, not how they are scheduled. Run under the echo server (ECHO_WSS_URL and
 * ECHO_CA_FILE in the environment) there are sessions with TLS as well. */

#define _GNU_SOURCE
#include "chaos.h"
#include "left_out.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WORKERS = 8, CYCLE_MS = 4000 };

atomic_bool stopping;
atomic_uint shutdowns_begun, shutdowns_ended;

static void shut_down(chance *dice)
{
    static const int64_t timeouts[] = {0, 20, 500, HANG_MS};
    if (!SHUTDOWN_WHILE_OPENING)
        return;
    int64_t timeout = timeouts[below(dice, 4)];
    atomic_fetch_add(&shutdowns_begun, 1);
    CALL("ws_shutdown", timeout, ws_shutdown(timeout));
    atomic_fetch_add(&shutdowns_ended, 1);
    count(SHUTDOWNS, 1);
}

static void *work(void *argument)
{
    chance *dice = argument;
    while (!atomic_load(&stopping)) {
        unsigned act = below(dice, 1000);
        if (act < 150)
            open_into_slot(dice);
        else if (act < 600)
            call_on_slot(dice);
        else if (act < 750)
            disturb_flow(dice);
        else if (act < 850)
            run_flow(dice);
        else if (act < 890)
            run_group_flow(dice);
        else if (act < 980)
            use_objects(dice);
        else if (act < 990)
            change_log(dice);
        else if (act < 994)
            shut_down(dice);
        else
            fork_amid(dice);
    }
    return NULL;
}

/* Lets the threads work, then gives everything back: nothing may be left, and nothing may be owed. */
static void run_cycle(chance *dice, unsigned ms)
{
    pthread_t workers[WORKERS];
    chance choices[WORKERS];
    atomic_store(&stopping, false);
    for (unsigned i = 0; i < WORKERS; i++) {
        choices[i].state = roll(dice);
        start_thread(&workers[i], work, &choices[i]);
    }
    pause_us(ms * 1000);
    atomic_store(&stopping, true);
    for (unsigned i = 0; i < WORKERS; i++)
        join_thread(workers[i]);
    free_slots();
    free_objects();
    enter_call("the last ws_shutdown", UNTIMED);
    ws_status status = leave_call(ws_shutdown(HANG_MS));
    EXPECT(status == WS_OK, "ws_shutdown returned %s", ws_status_name(status));
    settle_records();
    free_kept_flows();
    EXPECT(server_complaints() == 0, "%u complaints of the server", server_complaints());
}

static unsigned port_of(const char *url)
{
    const char *colon = url == NULL ? NULL : strrchr(url, ':');
    return colon == NULL ? 0 : (unsigned)strtoul(colon + 1, NULL, 10);
}

int main(int arguments_count, char **arguments)
{
    uint64_t seed = now_ns() * UINT64_C(1000000007) + (uint64_t)time(NULL);
    unsigned seconds = 10;
    const char *name = SANITIZER[0] == 0 ? "plain" : SANITIZER;
    for (int i = 1; i + 1 < arguments_count; i += 2) {
        if (strcmp(arguments[i], "--seed") == 0)
            seed = strtoull(arguments[i + 1], NULL, 10);
        if (strcmp(arguments[i], "--seconds") == 0)
            seconds = (unsigned)strtoul(arguments[i + 1], NULL, 10);
        if (strcmp(arguments[i], "--name") == 0)
            name = arguments[i + 1];
    }
    printf("chaos: %s: seed %llu\n", name, (unsigned long long)seed);
    fflush(stdout);
    unsigned tls_port = port_of(getenv("ECHO_WSS_URL"));
    server = start_server(seed, tls_port);
    if (tls_port == 0)
        server.relay_port = 0;
    start_watchdog(seed);

    chance dice = {seed};
    /* The first cycle makes what stays for good. */
    load_suffixes();
    run_cycle(&dice, CYCLE_MS / 4);
    remember_process();
    uint64_t end = now_ns() + seconds * UINT64_C(1000000000);
    while (now_ns() < end) {
        uint64_t left_ms = (end - now_ns()) / 1000000;
        run_cycle(&dice, left_ms < CYCLE_MS ? (unsigned)left_ms : CYCLE_MS);
        expect_process_as_remembered();
        fflush(stdout);
    }
    stop_watchdog();
    print_counters(name, seed, seconds);
    return 0;
}
