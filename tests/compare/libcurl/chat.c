/* chat URL: one thread sends the lines of standard input, another prints what arrives. A handle is for one thread at a
 * time, so a mutex guards it. */

#define _POSIX_C_SOURCE 200809L
#include <curl/curl.h>
#include <curl/websockets.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CURL *curl;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *print_messages(void *unused)
{
    (void)unused;
    struct pollfd waited = {.events = POLLIN};
    curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &waited.fd);
    for (;;) {
        char text[4096];
        size_t count;
        const struct curl_ws_frame *meta;
        pthread_mutex_lock(&mutex);
        CURLcode code = curl_ws_recv(curl, text, sizeof text, &count, &meta);
        pthread_mutex_unlock(&mutex);
        if (code == CURLE_AGAIN) {
            poll(&waited, 1, -1);
        } else if (code != CURLE_OK) {
            fprintf(stderr, "cannot receive: %s\n", curl_easy_strerror(code));
            return NULL;
        } else if (meta->flags & CURLWS_CLOSE) {
            return NULL;
        } else if (meta->flags & (CURLWS_TEXT | CURLWS_BINARY)) {
            fwrite(text, 1, count, stdout);
            if (meta->bytesleft == 0 && !(meta->flags & CURLWS_CONT))
                printf("\n");
            fflush(stdout);
        }
    }
}

/* Sends a frame. The receiving thread may have the handle while this one waits. */
static CURLcode send_all(const char *data, size_t size, unsigned flags)
{
    CURLcode code;
    do {
        size_t sent = 0;
        pthread_mutex_lock(&mutex);
        code = curl_ws_send(curl, data, size, &sent, 0, flags);
        pthread_mutex_unlock(&mutex);
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
    if (argc != 2)
        return 2;
    curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 2L);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        fprintf(stderr, "cannot connect: %s\n", curl_easy_strerror(code));
        curl_easy_cleanup(curl);
        return 1;
    }
    pthread_t receiver;
    if (pthread_create(&receiver, NULL, print_messages, NULL) != 0) {
        fprintf(stderr, "cannot start a thread\n");
        return 1;
    }
    char *line = NULL;
    size_t capacity = 0;
    while (code == CURLE_OK && getline(&line, &capacity, stdin) > 0)
        code = send_all(line, strcspn(line, "\n"), CURLWS_TEXT);
    if (code != CURLE_OK)
        fprintf(stderr, "cannot send: %s\n", curl_easy_strerror(code));
    free(line);
    send_all("\x03\xe8", 2, CURLWS_CLOSE);
    pthread_join(receiver, NULL);
    curl_easy_cleanup(curl);
    return code != CURLE_OK;
}
