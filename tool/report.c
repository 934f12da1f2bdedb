#include "report.h"

#include "handshake.h"
#include "json.h"
#include "screen.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *phase_name(ws_phase phase)
{
    static const char *const names[] = {"none", "resolve", "connect", "proxy", "tls", "handshake", "open"};
    return (size_t)phase < sizeof names / sizeof *names ? names[phase] : "";
}

static const char *initiator_name(uint32_t initiator)
{
    static const char *const names[] = {"", "local", "remote", "protocol", "transport"};
    return initiator < sizeof names / sizeof *names ? names[initiator] : "";
}

static void write_error(const ws_error *error)
{
    json_begin("error");
    json_string("status", ws_status_name(ws_error_status(error)));
    json_string("message", ws_error_message(error));
    json_string("phase", phase_name(ws_error_phase(error)));
    if (ws_error_os_errno(error) != 0)
        json_number("errno", (uint64_t)ws_error_os_errno(error));
    if (ws_error_tls_alert(error) >= 0)
        json_number("tls_alert", (uint64_t)ws_error_tls_alert(error));
    if (ws_error_http_status(error) != 0) {
        json_number("http_status", ws_error_http_status(error));
        size_t size;
        const uint8_t *body = ws_error_http_body(error, &size);
        json_text("http_body", body == NULL ? "" : (const char *)body, size);
    }
    json_end();
}

void report_failure(const options *chosen, const ws_error *error)
{
    if (chosen->is_json) {
        write_error(error);
        return;
    }
    complain("%s", ws_error_message(error));
    if (chosen->verbosity > 0 && ws_error_http_status(error) != 0)
        handshake_show_refusal(error);
}

void report_problem(const options *chosen, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text;
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    if (chosen->is_json) {
        json_begin("error");
        json_string("message", text);
        json_end();
    } else {
        complain("%s", text);
    }
    free(text);
}

static int64_t opening_us(const ws_stats *numbers)
{
    return (int64_t)(numbers->resolve_us + numbers->connect_us + numbers->proxy_us + numbers->tls_us +
                     numbers->handshake_us);
}

static void write_opened(const ws_session *session, const ws_stats *numbers, const ws_session_info *info)
{
    json_begin("opened");
    json_string("url", ws_request_url(session));
    json_string("subprotocol", ws_subprotocol(session));
    json_open("extensions", '[');
    for (size_t i = 0; i < ws_extension_count(session); i++) {
        const ws_extension *extension = ws_extension_at(session, i);
        json_open(NULL, '{');
        json_string("name", extension->name);
        json_string("parameters", extension->parameters);
        json_close('}');
    }
    json_close(']');
    json_open("timings_ms", '{');
    json_ms("resolve", (int64_t)numbers->resolve_us);
    json_ms("connect", (int64_t)numbers->connect_us);
    json_ms("proxy", (int64_t)numbers->proxy_us);
    json_ms("tls", (int64_t)numbers->tls_us);
    json_ms("handshake", (int64_t)numbers->handshake_us);
    json_ms("total", opening_us(numbers));
    json_close('}');
    json_bool("tls_resumed", info->tls_resumed != 0);
    handshake_write(session);
    json_end();
}

static const char *tls_name(uint32_t version)
{
    return version == WS_TLS_1_3 ? "TLS 1.3" : version == WS_TLS_1_2 ? "TLS 1.2" : "TLS";
}

static void show_connection(const ws_session_info *info)
{
    bool is_named = info->local_address[0] != '\0';
    note('*', "connected to %s%s%s", info->peer_address, is_named ? " from " : "", info->local_address);
    if (info->proxy[0] != '\0')
        note('*', "proxy %s", info->proxy);
    if (info->tls_version != 0)
        note('*', "%s, %s, %s, %s, %s%s", tls_name(info->tls_version), info->tls_cipher_suite,
             info->tls_key_exchange_group, info->tls_resumed != 0 ? "resumed" : "new session",
             info->alpn[0] != '\0' ? "ALPN " : "no ALPN", info->alpn);
    note('*', "HTTP/%u.%u", (unsigned)(info->http_version >> 8), (unsigned)(info->http_version & 0xff));
}

void report_opened(const options *chosen, const ws_session *session)
{
    ws_stats numbers = {.struct_size = sizeof numbers};
    ws_session_info info = {.struct_size = sizeof info};
    ws_get_stats(session, &numbers);
    ws_get_session_info(session, &info);
    if (chosen->is_json)
        write_opened(session, &numbers, &info);
    if (chosen->verbosity == 0)
        return;
    show_connection(&info);
    handshake_show(session);
    note('*', "resolve %.3f ms, connect %.3f ms, proxy %.3f ms, tls %.3f ms, handshake %.3f ms: open after %.3f ms",
         (double)numbers.resolve_us / 1e3, (double)numbers.connect_us / 1e3, (double)numbers.proxy_us / 1e3,
         (double)numbers.tls_us / 1e3, (double)numbers.handshake_us / 1e3, (double)opening_us(&numbers) / 1e3);
    for (size_t i = 0; i < ws_extension_count(session); i++) {
        const ws_extension *extension = ws_extension_at(session, i);
        note('*', "extension %s%s%s", extension->name, extension->parameters[0] == '\0' ? "" : "; ",
             extension->parameters);
    }
    if (ws_subprotocol(session)[0] != '\0')
        note('*', "subprotocol %s", ws_subprotocol(session));
}

static void write_closed(const ws_close_info *closed, const ws_stats *numbers)
{
    json_begin("closed");
    json_number("code", closed->remote_code);
    json_text("reason", closed->reason, closed->reason_size);
    json_number("local_code", closed->local_code);
    json_bool("clean", closed->clean != 0);
    json_string("by", initiator_name(closed->initiator));
    json_open("statistics", '{');
    json_number("messages_sent", numbers->messages_sent);
    json_number("messages_received", numbers->messages_received);
    json_number("payload_sent", numbers->payload_sent);
    json_number("payload_received", numbers->payload_received);
    json_number("wire_sent", numbers->wire_sent);
    json_number("wire_received", numbers->wire_received);
    json_number("compressed_sent_before", numbers->compressed_sent_before);
    json_number("compressed_sent_after", numbers->compressed_sent_after);
    json_number("compressed_received_before", numbers->compressed_received_before);
    json_number("compressed_received_after", numbers->compressed_received_after);
    json_number("pings_sent", numbers->pings_sent);
    json_number("pings_received", numbers->pings_received);
    json_number("pongs_sent", numbers->pongs_sent);
    json_number("pongs_received", numbers->pongs_received);
    json_ms("last_rtt_ms", (int64_t)numbers->last_rtt_us);
    json_number("reconnects", numbers->reconnects);
    json_close('}');
    json_end();
}

static void say_end(const conversation *talk)
{
    const ws_close_info *closed = &talk->closed;
    if (talk->has_given_up) {
        complain("the server has not answered our Close for %.3g s", (double)talk->options->close_timeout_ms / 1e3);
    } else if (talk->end != WS_ERR_CLOSED) {
        const ws_error *error = ws_session_error(talk->session);
        complain("%s", error == NULL ? ws_strerror(talk->end) : ws_error_message(error));
    } else if (exit_status_of_end(talk->end, closed) != ENDED_CLEANLY) {
        complain("the server closed with %u%s%s", closed->remote_code, closed->reason_size > 0 ? ": " : "",
                 closed->reason);
    }
}

static void show_end(const ws_close_info *closed, const ws_stats *numbers)
{
    note('*', "closed, begun by %s: %s%u sent, %u received%s%s", initiator_name(closed->initiator),
         closed->clean != 0 ? "" : "not clean, ", closed->local_code, closed->remote_code,
         closed->reason_size > 0 ? ": " : "", closed->reason);
    note('*',
         "sent %" PRIu64 " messages, %" PRIu64 " bytes (%" PRIu64 " on the wire); received %" PRIu64
         " messages, %" PRIu64 " bytes (%" PRIu64 " on the wire)",
         numbers->messages_sent, numbers->payload_sent, numbers->wire_sent, numbers->messages_received,
         numbers->payload_received, numbers->wire_received);
}

void report_end(const conversation *talk)
{
    ws_stats numbers = {.struct_size = sizeof numbers};
    ws_get_stats(talk->session, &numbers);
    if (talk->options->is_json) {
        const ws_error *error = ws_session_error(talk->session);
        if (error != NULL)
            write_error(error);
        write_closed(&talk->closed, &numbers);
    } else {
        say_end(talk);
    }
    if (talk->options->verbosity > 0)
        show_end(&talk->closed, &numbers);
}
