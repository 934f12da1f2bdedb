#include "connection.h"

#include "cookies.h"
#include "deflate.h"
#include "files.h"
#include "numbers.h"
#include "usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void connection_start(connection *settings)
{
    *settings = (connection){.config = ws_config_new(), .jar = ws_cookie_jar_new(), .max_redirects = 10};
    if (settings->config == NULL || settings->jar == NULL)
        fail_usage("no memory");
}

/* After a setter that can only fail by its argument. */
static void expect(ws_status status, const char *name, const char *value, const char *needed)
{
    if (status != WS_OK)
        fail_usage("--%s %s: %s is needed", name, value, needed);
}

static int64_t read_seconds(const char *name, const char *value)
{
    int64_t ms;
    if (!parse_seconds(value, false, &ms))
        fail_usage("--%s %s: a number of seconds is needed", name, value);
    return ms;
}

static uint64_t read_count(const char *name, const char *value, uint64_t least, uint64_t most)
{
    uint64_t count;
    if (!parse_count(value, least, most, &count))
        fail_usage("--%s %s: a number from %llu to %llu is needed", name, value, (unsigned long long)least,
                   (unsigned long long)most);
    return count;
}

/* The value is not repeated in messages: it may be a secret. */
static void add_header(connection *settings, const char *line)
{
    const char *colon = strchr(line, ':');
    if (colon == NULL)
        fail_usage("--header: \"NAME: VALUE\" is needed");
    char *name = copy_text(line, (size_t)(colon - line));
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (ws_config_add_header(settings->config, name, value) != WS_OK)
        fail_usage("--header %s: not a header that can be added to the handshake", name);
    free(name);
}

static void add_headers(connection *settings, const char *path)
{
    char *text = file_read("header", path);
    char *rest = text;
    char *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        line[strcspn(line, "\r")] = '\0';
        if (line[0] != '\0')
            add_header(settings, line);
    }
    secret_free(text);
}

static void add_subprotocols(connection *settings, const char *value)
{
    char *list = copy_text(value, strlen(value));
    char *rest = list;
    char *name;
    while ((name = strsep(&rest, ",")) != NULL) {
        name += strspn(name, " ");
        size_t length = strlen(name);
        while (length > 0 && name[length - 1] == ' ')
            name[--length] = '\0';
        expect(ws_config_add_subprotocol(settings->config, name), "subprotocol", value,
               "a token that is not there yet");
    }
    free(list);
}

static void add_cookie(connection *settings, const char *value)
{
    if (strchr(value, '=') == NULL)
        fail_usage("--cookie: NAME=VALUE is needed");
    char *joined;
    if (asprintf(&joined, "%s%s%s", settings->cookies == NULL ? "" : settings->cookies,
                 settings->cookies == NULL ? "" : "; ", value) < 0)
        fail_usage("no memory");
    free(settings->cookies);
    settings->cookies = joined;
}

static void set_bearer(connection *settings, const char *path)
{
    char *token = secret_from_file("bearer", path);
    if (ws_config_set_bearer_token(settings->config, token) != WS_OK)
        fail_usage("--bearer %s: the first line is not a token", path);
    secret_free(token);
}

/* HOST:PORT:ADDRESS[,ADDRESS...]; the host may be an IPv6 address in brackets. */
static void add_addresses(connection *settings, const char *value)
{
    char *text = copy_text(value, strlen(value));
    char *host = text;
    char *after = text;
    if (text[0] == '[') {
        host++;
        after = strchr(text, ']');
        if (after != NULL)
            *after++ = '\0';
    } else {
        after = strchr(text, ':');
    }
    uint64_t port;
    char *addresses = after == NULL || *after != ':' ? NULL : strchr(after + 1, ':');
    if (addresses == NULL)
        fail_usage("--resolve %s: HOST:PORT:ADDRESS is needed", value);
    *after++ = '\0';
    *addresses++ = '\0';
    if (!parse_count(after, 0, UINT16_MAX, &port))
        fail_usage("--resolve %s: %s is not a port", value, after);
    char *address;
    while ((address = strsep(&addresses, ",")) != NULL) {
        size_t length = strlen(address);
        if (length > 1 && address[0] == '[' && address[length - 1] == ']') {
            address[length - 1] = '\0';
            address++;
        }
        expect(ws_config_add_resolve(settings->config, host, (uint16_t)port, address), "resolve", value,
               "HOST:PORT:ADDRESS, with IP addresses,");
    }
    free(text);
}

static void set_tls_min(connection *settings, const char *value)
{
    uint32_t version = strcmp(value, "1.2") == 0 ? WS_TLS_1_2 : strcmp(value, "1.3") == 0 ? WS_TLS_1_3 : 0;
    expect(ws_config_set_tls_min_version(settings->config, version), "tls-min", value, "1.2 or 1.3");
}

static void set_max_message(connection *settings, const char *value)
{
    uint64_t bytes;
    if (!parse_size(value, INT64_MAX, &bytes))
        fail_usage("--max-message %s: a size is needed, like 500K or 2G", value);
    ws_config_set_max_frame_size(settings->config, bytes);
    ws_config_set_max_message_size(settings->config, bytes);
}

/* Those of HTTP. */
static bool handshake_option(connection *settings, int option, const char *name, char *value)
{
    ws_config *config = settings->config;
    switch (option) {
    case 'H':
        if (value[0] == '@') {
            add_headers(settings, value + 1);
        } else {
            add_header(settings, value);
            credentials_hide(value + strcspn(value, ":"));
        }
        return true;
    case 'p':
        add_subprotocols(settings, value);
        return true;
    case 'A':
        expect(ws_config_set_user_agent(config, value[0] == '\0' ? NULL : value), name, value, "text");
        return true;
    case 'u':
        settings->user = value;
        return true;
    case 'L':
        settings->follows_redirects = true;
        return true;
    case OPTION_ORIGIN:
        expect(ws_config_set_origin(config, value), name, value, "text");
        return true;
    case OPTION_USER_FILE:
        settings->user_file = value;
        return true;
    case OPTION_NETRC_FILE:
        settings->netrc_file = value;
        return true;
    case OPTION_DIGEST:
        settings->wants_digest = true;
        return true;
    case OPTION_BEARER:
        set_bearer(settings, value);
        return true;
    case OPTION_COOKIE:
        add_cookie(settings, value);
        credentials_hide(value);
        return true;
    case OPTION_COOKIE_FILE:
        cookies_load(settings->jar, value);
        return true;
    case OPTION_MAX_REDIRECTS:
        settings->max_redirects = (uint32_t)read_count(name, value, 0, 100);
        settings->follows_redirects = true;
        return true;
    case OPTION_DEFLATE:
        deflate_install(config, value);
        return true;
    case OPTION_MAX_MESSAGE:
        set_max_message(settings, value);
        return true;
    default:
        return false;
    }
}

static bool tls_option(connection *settings, int option, const char *name, const char *value)
{
    ws_config *config = settings->config;
    switch (option) {
    case 'k':
        ws_config_set_tls_verify(config, 0, 0);
        return true;
    case OPTION_CACERT:
        file_check(name, value);
        expect(ws_config_add_tls_ca_file(config, value), name, value, "a PEM file with certificates");
        return true;
    case OPTION_CAPATH:
        file_check(name, value);
        expect(ws_config_add_tls_ca_dir(config, value), name, value, "a directory with certificates");
        return true;
    case OPTION_CRL:
        file_check(name, value);
        expect(ws_config_add_tls_crl_file(config, value), name, value, "a PEM file with revocation lists");
        return true;
    case OPTION_CERT:
        file_check(name, value);
        settings->certificate = value;
        return true;
    case OPTION_KEY:
        file_check(name, value);
        settings->key = value;
        return true;
    case OPTION_TLS_NAME:
        expect(ws_config_set_tls_server_name(config, value), name, value, "a host name or an IP address");
        return true;
    case OPTION_TLS_MIN:
        set_tls_min(settings, value);
        return true;
    case OPTION_ALPN:
        expect(ws_config_set_tls_alpn(config, value[0] == '\0' ? NULL : value), name, value,
               "a list of protocols without h2 and h3");
        return true;
    case OPTION_PIN:
        expect(ws_config_add_tls_pin_sha256(config, value), name, value, "the base64 of a SHA-256");
        return true;
    case OPTION_KEYLOG:
        expect(ws_config_set_tls_key_log_file(config, value), name, value, "a file that can be written to");
        return true;
    default:
        return false;
    }
}

static bool network_option(connection *settings, int option, const char *name, char *value)
{
    ws_config *config = settings->config;
    switch (option) {
    case 'x':
        settings->proxy = value;
        return true;
    case OPTION_NOPROXY:
        settings->noproxy = value;
        return true;
    case OPTION_RESOLVE:
        add_addresses(settings, value);
        return true;
    case OPTION_INTERFACE:
        expect(ws_config_set_local_address(config, value), name, value, "an IP address of this machine");
        return true;
    case OPTION_UNIX_SOCKET:
        expect(ws_config_set_unix_socket(config, value), name, value, "a path of at most 107 bytes");
        return true;
    case OPTION_RECONNECT:
        settings->reconnects = true;
        if (value != NULL)
            settings->reconnect_attempts = (uint32_t)read_count(name, value, 1, UINT32_MAX);
        return true;
    case OPTION_PING:
        ws_config_set_ping_interval_ms(config, read_seconds(name, value));
        return true;
    case OPTION_PING_TIMEOUT:
        ws_config_set_ping_timeout_ms(config, read_seconds(name, value));
        return true;
    case OPTION_CONNECT_TIMEOUT:
        ws_config_set_connect_timeout_ms(config, read_seconds(name, value));
        return true;
    case OPTION_HANDSHAKE_TIMEOUT:
        ws_config_set_handshake_timeout_ms(config, read_seconds(name, value));
        return true;
    case OPTION_OPEN_TIMEOUT:
        ws_config_set_open_timeout_ms(config, read_seconds(name, value));
        return true;
    case OPTION_IDLE_TIMEOUT:
        ws_config_set_idle_timeout_ms(config, read_seconds(name, value));
        return true;
    default:
        return false;
    }
}

bool connection_option(connection *settings, int option, const char *name, char *value)
{
    return handshake_option(settings, option, name, value) || tls_option(settings, option, name, value) ||
           network_option(settings, option, name, value);
}

static void answer_challenge(ws_auth *auth, void *user_data)
{
    const credentials *known = user_data;
    /* A second question means that the first answer was wrong, or its nonce too old. */
    if (ws_auth_attempt(auth) <= 2)
        ws_auth_digest(auth, known->user, known->password);
}

static void set_credentials(connection *settings, const char *url)
{
    credentials *known = &settings->credentials;
    int sources = (settings->user != NULL) + (settings->user_file != NULL) + (settings->netrc_file != NULL);
    if (sources > 1)
        fail_usage("--user, --user-file and --netrc-file exclude each other");
    if (settings->wants_digest && sources == 0)
        fail_usage("--digest needs --user, --user-file or --netrc-file");
    if (settings->user != NULL)
        credentials_from_argument(known, settings->user);
    else if (settings->user_file != NULL)
        credentials_from_file(known, settings->user_file);
    else if (settings->netrc_file != NULL)
        credentials_from_netrc(known, settings->netrc_file, url);
    if (known->user == NULL)
        return;
    if (settings->wants_digest)
        ws_config_set_auth_callback(settings->config, answer_challenge, known);
    else if (ws_config_set_basic_auth(settings->config, known->user, known->password) != WS_OK)
        fail_usage("the user name or the password has a control character");
}

static void set_proxy(connection *settings)
{
    if (settings->proxy != NULL &&
        ws_config_set_proxy(settings->config, settings->proxy[0] == '\0' ? NULL : settings->proxy) != WS_OK)
        fail_usage("--proxy: the URL is not one of a proxy");
    if (settings->noproxy == NULL)
        return;
    /* Exceptions there are in the environment only. */
    unsetenv("NO_PROXY");
    setenv("no_proxy", settings->noproxy, 1);
    if (settings->proxy != NULL) {
        setenv("ws_proxy", settings->proxy, 1);
        setenv("wss_proxy", settings->proxy, 1);
        ws_config_set_proxy_from_env(settings->config, 1);
    }
}

void connection_finish(connection *settings, const char *url)
{
    ws_config *config = settings->config;
    set_credentials(settings, url);
    set_proxy(settings);
    if (settings->proxy != NULL)
        credentials_hide_url(settings->proxy);
    if (settings->certificate != NULL)
        expect(ws_config_set_tls_client_cert_file(config, settings->certificate, settings->key), "cert",
               settings->certificate, "a PEM file with a certificate, and its key there or in --key,");
    else if (settings->key != NULL)
        fail_usage("--key needs --cert");
    if (settings->cookies != NULL && ws_config_set_header(config, "Cookie", settings->cookies) != WS_OK)
        fail_usage("--cookie: the value has a control character");
    if (settings->follows_redirects)
        ws_config_set_max_redirects(config, settings->max_redirects);
    ws_config_set_cookie_jar(config, settings->jar);
}

void connection_free(connection *settings)
{
    ws_config_free(settings->config);
    ws_cookie_jar_free(settings->jar);
    credentials_free(&settings->credentials);
    secret_free(settings->cookies);
}
