/* Mutual TLS: shows a certificate of its own to the server, and talks only to a server with a known public key.
 *
 *     client_certificate URL CA_FILE CERTIFICATE_FILE KEY_FILE PIN
 *
 * PIN is the SHA-256 of the server's public key in base64:
 *
 *     openssl x509 -in server.pem -noout -pubkey | openssl pkey -pubin -outform der |
 *         openssl dgst -sha256 -binary | base64
 *
 * Sends "hello" and prints the answer. */

#include <ktorws.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns NULL if a file or the pin cannot be used. */
static ws_config *configure(char **files)
{
    ws_config *config = ws_config_new();
    ws_config_add_tls_ca_file(config, files[0]);
    ws_config_set_tls_client_cert_file(config, files[1], files[2]);
    ws_config_add_tls_pin_sha256(config, files[3]);
    /* The first of them that was refused. */
    const ws_error *refused = ws_config_error(config);
    if (config != NULL && refused == NULL)
        return config;
    fprintf(stderr, "client_certificate: %s\n", config == NULL ? "no memory" : ws_error_message(refused));
    ws_config_free(config);
    return NULL;
}

/* Who does not accept whom. */
static void explain(const ws_error *error)
{
    fprintf(stderr, "client_certificate: %s: %s\n", ws_status_name(ws_error_status(error)), ws_error_message(error));
    if (ws_error_status(error) == WS_ERR_TLS_CERTIFICATE)
        fprintf(stderr, "It is the server's certificate: look at CA_FILE and PIN.\n");
    else if (ws_error_tls_alert(error) >= 0)
        /* 42 to 49 and 116 are about certificates (RFC 8446 section 6) */
        fprintf(stderr, "The server refused with TLS alert %d: look at CERTIFICATE_FILE.\n",
                (int)ws_error_tls_alert(error));
}

static int talk(ws_session *session)
{
    ws_frame *frame = NULL;
    ws_status status = ws_send_text(session, "hello", WS_NUL_TERMINATED);
    if (status == WS_OK)
        status = ws_recv(session, &frame, 5000);
    if (status != WS_OK) {
        fprintf(stderr, "client_certificate: %s\n", ws_strerror(status));
        return EXIT_FAILURE;
    }
    printf("%s\n", (const char *)frame->data);
    ws_frame_free(frame);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: client_certificate URL CA_FILE CERTIFICATE_FILE KEY_FILE PIN\n");
        return 2;
    }
    ws_config *config = configure(argv + 2);
    if (config == NULL)
        return EXIT_FAILURE;
    ws_session *session = NULL;
    ws_error *error = NULL;
    ws_status status = ws_connect(argv[1], config, &session, &error);
    ws_config_free(config);
    if (status != WS_OK) {
        explain(error);
        ws_error_free(error);
        return EXIT_FAILURE;
    }
    int result = talk(session);
    ws_session_end(session, -1);
    return result;
}
