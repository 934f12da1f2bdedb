/* keepalive URL: prints what arrives, and pings the server every second. It ends if a pong takes a second. */

#define _POSIX_C_SOURCE 200809L
#include <curl/curl.h>
#include <curl/websockets.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        fprintf(stderr, "cannot connect: %s\n", curl_easy_strerror(code));
        curl_easy_cleanup(curl);
        return 1;
    }
    struct pollfd waited = {.events = POLLIN};
    curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &waited.fd);
    long long next_ping = now_ms() + 1000;
    int is_answered = 1;
    size_t count;
    for (;;) {
        char text[4096];
        const struct curl_ws_frame *meta;
        code = curl_ws_recv(curl, text, sizeof text, &count, &meta);
        if (code == CURLE_OK) {
            if (meta->flags & CURLWS_CLOSE)
                break;
            if (meta->flags & CURLWS_PONG) {
                is_answered = 1;
            } else if (meta->flags & (CURLWS_TEXT | CURLWS_BINARY)) {
                fwrite(text, 1, count, stdout);
                if (meta->bytesleft == 0 && !(meta->flags & CURLWS_CONT))
                    printf("\n");
            }
        } else if (code != CURLE_AGAIN) {
            break;
        }
        long long left = next_ping - now_ms();
        if (left <= 0) {
            if (!is_answered) {
                code = CURLE_OPERATION_TIMEDOUT;
                break;
            }
            curl_ws_send(curl, "", 0, &count, 0, CURLWS_PING);
            is_answered = 0;
            next_ping += 1000;
        } else if (code == CURLE_AGAIN) {
            poll(&waited, 1, (int)left);
        }
    }
    if (code != CURLE_OK)
        fprintf(stderr, "cannot receive: %s\n", curl_easy_strerror(code));
    curl_ws_send(curl, "\x03\xe8", 2, &count, 0, CURLWS_CLOSE);
    curl_easy_cleanup(curl);
    return code != CURLE_OK;
}
