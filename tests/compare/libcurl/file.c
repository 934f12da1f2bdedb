/* file URL FILE: sends a file as one binary message in fragments, and prints the answer. */

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

/* Sends a fragment. */
static CURLcode send_all(CURL *curl, const char *data, size_t size, unsigned flags)
{
    CURLcode code;
    do {
        size_t sent = 0;
        code = curl_ws_send(curl, data, size, &sent, 0, flags);
        data += sent;
        size -= sent;
        if (code == CURLE_AGAIN) {
            struct pollfd waited = {.events = POLLOUT};
            curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &waited.fd);
            poll(&waited, 1, -1);
        }
    } while (code == CURLE_AGAIN || (code == CURLE_OK && size > 0));
    return code;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    FILE *file = fopen(argv[2], "rb");
    if (file == NULL) {
        perror(argv[2]);
        return 1;
    }
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        fprintf(stderr, "cannot connect: %s\n", curl_easy_strerror(code));
        curl_easy_cleanup(curl);
        return 1;
    }
    static char block[65536];
    unsigned more = CURLWS_CONT;
    while (code == CURLE_OK && more) {
        size_t size = fread(block, 1, sizeof block, file);
        if (ferror(file)) {
            perror(argv[2]);
            return 1;
        }
        more = feof(file) ? 0 : CURLWS_CONT;
        code = send_all(curl, block, size, CURLWS_BINARY | more);
    }
    if (code == CURLE_OK)
        code = receive(curl, block, sizeof block, 5000);
    if (code == CURLE_OK)
        printf("%s\n", block);
    else
        fprintf(stderr, "not sent: %s\n", curl_easy_strerror(code));
    size_t count;
    curl_ws_send(curl, "\x03\xe8", 2, &count, 0, CURLWS_CLOSE);
    curl_easy_cleanup(curl);
    fclose(file);
    return code != CURLE_OK;
}
