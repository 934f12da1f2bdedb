/* ca URL CA_FILE: sends a text over TLS and prints the answer. It trusts the authorities of CA_FILE and no others. */

#include <curl/curl.h>
#include <curl/websockets.h>
#include <poll.h>
#include <stdio.h>

/* Receives a message. Returns CURLE_OPERATION_TIMEDOUT if the server is silent, CURLE_ABORTED_BY_CALLBACK after its
 * Close. */
static CURLcode receive(CURL *curl, char *text, size_t capacity, int timeout_ms)
{
    size_t used = 0;
    for (;;) {
        size_t count;
        const struct curl_ws_frame *meta;
        CURLcode code = curl_ws_recv(curl, text + used, capacity - used - 1, &count, &meta);
        if (code == CURLE_AGAIN) {
            struct pollfd waited = {.events = POLLIN};
            curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &waited.fd);
            if (poll(&waited, 1, timeout_ms) <= 0)
                return CURLE_OPERATION_TIMEDOUT;
            continue;
        }
        if (code != CURLE_OK)
            return code;
        if (meta->flags & CURLWS_CLOSE)
            return CURLE_ABORTED_BY_CALLBACK;
        if (!(meta->flags & (CURLWS_TEXT | CURLWS_BINARY)))
            continue;
        used += count;
        if (meta->bytesleft == 0 && !(meta->flags & CURLWS_CONT)) {
            text[used] = 0;
            return CURLE_OK;
        }
        if (used == capacity - 1)
            return CURLE_TOO_LARGE;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
    curl_easy_setopt(curl, CURLOPT_CAINFO, argv[2]);
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        fprintf(stderr, "cannot connect: %s\n", curl_easy_strerror(code));
        curl_easy_cleanup(curl);
        return 1;
    }
    static char text[65536];
    size_t count;
    code = curl_ws_send(curl, "hello", 5, &count, 0, CURLWS_TEXT);
    if (code == CURLE_OK)
        code = receive(curl, text, sizeof text, 5000);
    if (code == CURLE_OK)
        printf("%s\n", text);
    else
        fprintf(stderr, "no answer: %s\n", curl_easy_strerror(code));
    curl_ws_send(curl, "\x03\xe8", 2, &count, 0, CURLWS_CLOSE);
    curl_easy_cleanup(curl);
    return code != CURLE_OK;
}
