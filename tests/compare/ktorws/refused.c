/* refused URL: prints the answer of a server that refuses the handshake: status, a header field, body. */

#include <ktorws.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    ws_session *session;
    ws_error *error;
    ws_status status = ws_connect(argv[1], NULL, &session, &error);
    if (status == WS_OK) {
        fprintf(stderr, "the server accepts\n");
        ws_session_end(session, 5000);
        return 1;
    }
    if (status == WS_ERR_HANDSHAKE_STATUS) {
        const char *retry = ws_error_http_header(error, "Retry-After", 0);
        size_t size;
        const uint8_t *body = ws_error_http_body(error, &size);
        printf("%u\n%s\n", (unsigned)ws_error_http_status(error), retry != NULL ? retry : "");
        printf("%.*s\n", (int)size, (const char *)body);
    } else {
        fprintf(stderr, "cannot connect: %s\n", ws_error_message(error));
    }
    ws_error_free(error);
    return status != WS_ERR_HANDSHAKE_STATUS;
}
