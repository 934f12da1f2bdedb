/* poll URL: sends the lines of standard input and prints what arrives, in one loop. */

#define _POSIX_C_SOURCE 200809L
#include <curl/curl.h>
#include <curl/websockets.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sends a frame. */
static void send_all(CURL *curl, const char *data, size_t size, unsigned flags)
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
}

/* Prints what has arrived. Returns CURLE_AGAIN when there is no more, CURLE_OK after the Close of the server. */
static CURLcode print_messages(CURL *curl)
{
    for (;;) {
        char text[4096];
        size_t count;
        const struct curl_ws_frame *meta;
        CURLcode code = curl_ws_recv(curl, text, sizeof text, &count, &meta);
        if (code != CURLE_OK || meta->flags & CURLWS_CLOSE)
            return code;
        if (meta->flags & (CURLWS_TEXT | CURLWS_BINARY)) {
            fwrite(text, 1, count, stdout);
            if (meta->bytesleft == 0 && !(meta->flags & CURLWS_CONT))
                printf("\n");
            fflush(stdout);
        }
    }
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
    /* poll does not see what a buffer holds. */
    setvbuf(stdin, NULL, _IONBF, 0);
    struct pollfd waited[] = {{.events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &waited[0].fd);
    char *line = NULL;
    size_t capacity = 0;
    while ((code = print_messages(curl)) == CURLE_AGAIN && poll(waited, 2, -1) > 0) {
        if (waited[1].revents == 0)
            continue;
        if (getline(&line, &capacity, stdin) > 0) {
            send_all(curl, line, strcspn(line, "\n"), CURLWS_TEXT);
        } else {
            send_all(curl, "\x03\xe8", 2, CURLWS_CLOSE);
            waited[1].fd = -1;
        }
    }
    if (code != CURLE_OK)
        fprintf(stderr, "cannot receive: %s\n", curl_easy_strerror(code));
    free(line);
    curl_easy_cleanup(curl);
    return code != CURLE_OK;
}
