/* A refused setting stays with its configuration: ws_config_error returns it, with the names of the function and of the value,
 * and connecting fails with it. */

#include "check.h"
#include "process.h"
#include <string.h>

typedef ws_status setter(ws_config *config);

static ws_status pin(ws_config *config)
{
    return ws_config_add_tls_pin_sha256(config, "sha256//mistyped");
}

static ws_status no_pin(ws_config *config)
{
    return ws_config_add_tls_pin_sha256(config, NULL);
}

static ws_status no_list(ws_config *config)
{
    return ws_config_add_tls_crl_file(config, "/nonexistent/list.pem");
}

static ws_status directory(ws_config *config)
{
    return ws_config_add_tls_ca_file(config, "/tmp");
}

static ws_status policy(ws_config *config)
{
    return ws_config_set_incoming_queue(config, 1, 1, 77);
}

static ws_status time_limit(ws_config *config)
{
    return ws_config_set_handshake_timeout_ms(config, 0);
}

static ws_status unmasked(ws_config *config)
{
    return ws_config_set_masking(config, 0);
}

static ws_status level(ws_config *config)
{
    ws_deflate_options options = {.struct_size = sizeof options, .level = 10};
    return ws_config_install_deflate(config, &options);
}

static ws_status proxy(ws_config *config)
{
    return ws_config_set_proxy(config, "ftp://proxy:21");
}

static ws_status redirects(ws_config *config)
{
    return ws_config_set_max_redirects(config, 101);
}

static ws_status size_of_callbacks(ws_config *config)
{
    ws_callbacks callbacks = {.struct_size = 1};
    return ws_config_set_callbacks(config, &callbacks, NULL);
}

static const struct {
    setter *set;
    ws_status status;
    /* The beginning of the message, and what it contains. */
    const char *name, *value;
} refused[] = {
    {pin, WS_ERR_INVALID_ARGUMENT, "ws_config_add_tls_pin_sha256: ", "mistyped"},
    {no_pin, WS_ERR_INVALID_ARGUMENT, "ws_config_add_tls_pin_sha256: ", "NULL"},
    {no_list, WS_ERR_INVALID_ARGUMENT, "ws_config_add_tls_crl_file: ", "/nonexistent/list.pem"},
    {directory, WS_ERR_INVALID_ARGUMENT, "ws_config_add_tls_ca_file: ", "/tmp"},
    {policy, WS_ERR_INVALID_ARGUMENT, "ws_config_set_incoming_queue: ", "77"},
    {time_limit, WS_ERR_INVALID_ARGUMENT, "ws_config_set_handshake_timeout_ms: ", "0 ms"},
    {unmasked, WS_ERR_STATE, "ws_config_set_masking: ", "ws_config_set_allow_unmasked"},
    {level, WS_ERR_INVALID_ARGUMENT, "ws_config_install_deflate: ", "10"},
    {proxy, WS_ERR_INVALID_ARGUMENT, "ws_config_set_proxy: ", "scheme"},
    {redirects, WS_ERR_INVALID_ARGUMENT, "ws_config_set_max_redirects: ", "101"},
    {size_of_callbacks, WS_ERR_INVALID_ARGUMENT, "ws_config_set_callbacks: ", "struct_size"},
};

enum { REFUSED = sizeof refused / sizeof *refused };

static void expect_refusal(const ws_error *error, size_t number)
{
    CHECK(error != NULL);
    CHECK_STATUS(ws_error_status(error), refused[number].status);
    const char *message = ws_error_message(error);
    if (strncmp(message, refused[number].name, strlen(refused[number].name)) != 0 ||
        strstr(message, refused[number].value) == NULL) {
        fprintf(stderr, "%s: %s is not in \"%s\"\n", refused[number].name, refused[number].value, message);
        exit(1);
    }
}

static void expect_not_connected(const ws_config *config, size_t number)
{
    ws_session *session = NULL;
    ws_error *error = NULL;
    CHECK_STATUS(ws_connect(environment("ECHO_WS_URL"), config, &session, &error), refused[number].status);
    CHECK(session == NULL);
    expect_refusal(error, number);
    ws_error_free(error);
    CHECK_STATUS(ws_connect_async(environment("ECHO_WS_URL"), config, &session), refused[number].status);
    CHECK(session == NULL);
}

int main(void)
{
    for (size_t i = 0; i < REFUSED; i++) {
        ws_config *config = ws_config_new();
        CHECK(ws_config_error(config) == NULL);
        ws_config *clean = ws_config_clone(config);
        CHECK_STATUS(refused[i].set(config), refused[i].status);
        expect_refusal(ws_config_error(config), i);
        /* Neither a later refusal nor a setting that is accepted replaces it. */
        CHECK_STATUS(refused[(i + 1) % REFUSED].set(config), refused[(i + 1) % REFUSED].status);
        CHECK_OK(ws_config_set_origin(config, "https://example.com"));
        expect_refusal(ws_config_error(config), i);
        expect_not_connected(config, i);
        ws_config *copy = ws_config_clone(config);
        ws_config_free(config);
        expect_refusal(ws_config_error(copy), i);
        expect_not_connected(copy, i);
        ws_config_free(copy);
        CHECK(ws_config_error(clean) == NULL);
        close_and_free(connect_with(PLAIN, "", clean));
        ws_config_free(clean);
    }
    return 0;
}
