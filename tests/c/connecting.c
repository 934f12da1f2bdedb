/* From a URL to a session: addresses, trust, what the request says, and what an error says. */

#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static void over_ipv6(void)
{
    const char *url = environment("ECHO_WS_IPV6_URL");
    if (url[0] == '\0') {
        fprintf(stderr, "no IPv6 on this machine: not tested\n");
        return;
    }
    ws_session *session = NULL;
    CHECK_OK(ws_connect(url, NULL, &session, NULL));
    CHECK_STR(ws_request_url(session), url);
    CHECK(strncmp(ws_request_header(session, "host", 0), "[::1]:", 6) == 0);
    echo_text(session, "over IPv6");
    close_and_free(session);
}

/* The certificates that the system trusts are those of SSL_CERT_FILE where that is set. */
static void trusted_by_the_system(void)
{
    const char *url = environment("ECHO_WSS_URL");
    ws_session *session = NULL;
    ws_error *error = NULL;
    CHECK_STATUS(ws_connect(url, NULL, &session, &error), WS_ERR_TLS_CERTIFICATE);
    CHECK_EQ(ws_error_phase(error), WS_PHASE_TLS);
    ws_error_free(error);

    CHECK_EQ(setenv("SSL_CERT_FILE", environment("ECHO_CA_FILE"), 1), 0);
    CHECK_OK(ws_connect(url, NULL, &session, NULL));
    CHECK_EQ(unsetenv("SSL_CERT_FILE"), 0);
    echo_text(session, "trusted");
    close_and_free(session);
}

static void the_request_says_what_was_asked_for(void)
{
    char url[256];
    const char *host = environment("ECHO_WS_URL") + strlen("ws://");
    CHECK(snprintf(url, sizeof url, "http://us%%20er:p%%40ss@%s?q=1", host) < (int)sizeof url);
    ws_config *config = ws_config_new();
    CHECK(config != NULL);
    CHECK_OK(ws_config_add_header(config, "X-One", "1"));
    CHECK_OK(ws_config_add_header(config, "X-One", "2"));
    CHECK_OK(ws_config_set_header(config, "X-Two", "old"));
    CHECK_OK(ws_config_set_header(config, "x-two", "new"));
    CHECK_OK(ws_config_set_header(config, "X-Three", "3"));
    CHECK_OK(ws_config_set_header(config, "X-Three", NULL));
    CHECK_OK(ws_config_set_origin(config, "https://example.com"));
    CHECK_OK(ws_config_add_subprotocol(config, "first"));
    CHECK_OK(ws_config_add_subprotocol(config, "second"));

    ws_session *session = NULL;
    CHECK_OK(ws_connect(url, config, &session, NULL));
    CHECK(strstr(ws_request_url(session), "ws://127.0.0.1:") == ws_request_url(session));
    CHECK(strstr(ws_request_url(session), "p%40ss") == NULL);
    CHECK_STR(ws_request_header(session, "Authorization", 0), "Basic dXMgZXI6cEBzcw==");
    CHECK_STR(ws_request_header(session, "x-one", 0), "1");
    CHECK_STR(ws_request_header(session, "x-one", 1), "2");
    CHECK(ws_request_header(session, "x-one", 2) == NULL);
    CHECK_STR(ws_request_header(session, "X-Two", 0), "new");
    CHECK(ws_request_header(session, "X-Two", 1) == NULL);
    CHECK(ws_request_header(session, "X-Three", 0) == NULL);
    CHECK_STR(ws_request_header(session, "Origin", 0), "https://example.com");
    CHECK_STR(ws_request_header(session, "User-Agent", 0), "ktorws/" WS_VERSION_STRING);
    CHECK_STR(ws_request_header(session, "Sec-WebSocket-Protocol", 0), "first, second");
    CHECK_EQ(strlen(ws_request_header(session, "Sec-WebSocket-Key", 0)), 24);
    CHECK_STR(ws_subprotocol(session), "first");
    CHECK_EQ(ws_response_status(session), 101);
    CHECK_STR(ws_response_header(session, "upgrade", 0), "websocket");
    close_and_free(session);

    CHECK_OK(ws_config_set_user_agent(config, NULL));
    CHECK_OK(ws_config_set_header(config, "Authorization", "Bearer token"));
    CHECK_OK(ws_config_set_header(config, "Host", "elsewhere.example"));
    CHECK_OK(ws_connect(url, config, &session, NULL));
    CHECK(ws_request_header(session, "User-Agent", 0) == NULL);
    CHECK_STR(ws_request_header(session, "Authorization", 0), "Bearer token");
    CHECK_STR(ws_request_header(session, "Host", 0), "elsewhere.example");
    CHECK(ws_request_header(session, "Host", 1) == NULL);
    close_and_free(session);
    ws_config_free(config);
}

static void errors_say_what_happened(void)
{
    ws_session *session = NULL;
    ws_error *error = NULL;
    CHECK_STATUS(ws_connect("ws://127.0.0.1:1/", NULL, &session, &error), WS_ERR_CONNECT);
    CHECK(session == NULL);
    CHECK_EQ(ws_error_status(error), WS_ERR_CONNECT);
    CHECK_EQ(ws_error_phase(error), WS_PHASE_CONNECT);
    CHECK_EQ(ws_error_os_errno(error), ECONNREFUSED);
    CHECK_EQ(ws_error_tls_alert(error), -1);
    CHECK_EQ(ws_error_http_status(error), 0);
    CHECK(strstr(ws_error_message(error), "127.0.0.1:1") != NULL);
    ws_error_free(error);

    CHECK_STATUS(ws_connect("ws://user:secret@127.0.0.1:1/#here", NULL, &session, &error), WS_ERR_URL);
    CHECK_EQ(ws_error_phase(error), WS_PHASE_NONE);
    CHECK(strstr(ws_error_message(error), "fragment") != NULL);
    CHECK(strstr(ws_error_message(error), "secret") == NULL);
    ws_error_free(error);
}

static void *connect_in_vain(void *url)
{
    ws_session *session = NULL;
    ws_error *error = NULL;
    CHECK_STATUS(ws_connect(url, NULL, &session, &error), WS_ERR_ABORTED);
    CHECK(session == NULL);
    CHECK_EQ(ws_error_phase(error), WS_PHASE_NONE);
    CHECK(strstr(ws_error_message(error), "shut down") != NULL);
    ws_error_free(error);
    return NULL;
}

/* The server takes the connection and the first bytes, and says nothing. */
static void a_shutdown_ends_connecting(const char *scheme)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(listen(listener, 1), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    char url[64];
    CHECK(snprintf(url, sizeof url, "%s://127.0.0.1:%d/", scheme, ntohs(address.sin_port)) < (int)sizeof url);

    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, connect_in_vain, url), 0);
    int connection = accept(listener, NULL, NULL);
    CHECK(connection >= 0);
    char byte;
    CHECK_EQ(read(connection, &byte, 1), 1);
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(close(connection), 0);
    CHECK_EQ(close(listener), 0);
}

int main(void)
{
    over_ipv6();
    trusted_by_the_system();
    the_request_says_what_was_asked_for();
    errors_say_what_happened();
    a_shutdown_ends_connecting("ws");
    a_shutdown_ends_connecting("wss");
    CHECK_OK(ws_shutdown(PATIENCE_MS));
    return 0;
}
