/* end URL: sends a text and a Close, prints what still arrives, and the server's Close. */

#include <curl/curl.h>
#include <curl/websockets.h>
#include <poll.h>
#include <stdio.h>

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
    size_t count;
    curl_ws_send(curl, "last", 4, &count, 0, CURLWS_TEXT);
    code = curl_ws_send(curl,
                        "\x03\xe8"
                        "bye",
                        5, &count, 0, CURLWS_CLOSE);
    struct pollfd waited = {.events = POLLIN};
    curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &waited.fd);
    while (code == CURLE_OK || code == CURLE_AGAIN) {
        char text[4096];
        const struct curl_ws_frame *meta;
        code = curl_ws_recv(curl, text, sizeof text, &count, &meta);
        if (code == CURLE_AGAIN) {
            poll(&waited, 1, -1);
        } else if (code == CURLE_OK && meta->flags & CURLWS_CLOSE) {
            if (count >= 2)
                printf("closed: %d %.*s\n", (unsigned char)text[0] << 8 | (unsigned char)text[1], (int)count - 2,
                       text + 2);
            break;
        } else if (code == CURLE_OK && meta->flags & (CURLWS_TEXT | CURLWS_BINARY)) {
            fwrite(text, 1, count, stdout);
            if (meta->bytesleft == 0 && !(meta->flags & CURLWS_CONT))
                printf("\n");
        }
    }
    if (code != CURLE_OK)
        fprintf(stderr, "cannot receive: %s\n", curl_easy_strerror(code));
    curl_easy_cleanup(curl);
    return code != CURLE_OK;
}
