// What a session says about its connection and its handshake, and messages that come in parts.

#include "check.hpp"
#include <cstring>
#include <map>

namespace
{

using namespace std::chrono_literals;
using namespace std::string_literals;
using ktorws::frame_flags;
using ktorws::frame_type;

void plain_connection()
{
    std::error_code ec;
    const ktorws::session session = ktorws::connect(echo_url());
    const ktorws::session_info info = session.session_info();
    CHECK_EQ(info.http_version, 0x0101U);
    CHECK_EQ(info.local_address.substr(0, 10), "127.0.0.1:");
    CHECK_EQ("ws://" + info.peer_address + "/", echo_url());
    CHECK(info.tls_version == ktorws::tls_version::none && !info.tls_resumed);
    CHECK(info.proxy.empty() && info.tls_cipher_suite.empty() && info.tls_key_exchange_group.empty());
    CHECK(session.peer_certificate().empty());
    CHECK_CODE(THROWN(session.deflate_info()).code(), state);

    CHECK_CODE(THROWN(ktorws::session().session_info()).code(), invalid_argument);
    CHECK(ktorws::session().session_info(ec).peer_address.empty());
    CHECK_CODE(ec, invalid_argument);
    CHECK(ktorws::session().peer_certificate().empty() && ktorws::session().is_closed_for_receive());
    CHECK_EQ(ktorws::session().deflate_info(ec).level, 0U);
    CHECK_CODE(ec, invalid_argument);
}

void tls_connection()
{
    ktorws::config config;
    config.add_tls_ca_file(environment("ECHO_CA_FILE"));
    const ktorws::session session = ktorws::connect(environment("ECHO_WSS_URL"), config);
    const ktorws::session_info info = session.session_info();
    CHECK_EQ(info.tls_version, ktorws::tls_version::tls_1_3);
    CHECK(!info.tls_cipher_suite.empty() && !info.tls_key_exchange_group.empty());
    const ktorws::bytes certificate = session.peer_certificate();
    // A SEQUENCE.
    CHECK(certificate.size() > 100 && certificate[0] == std::byte{0x30});
    CHECK(session.peer_certificate(9).empty());
}

void headers()
{
    const ktorws::session session = ktorws::connect(echo_url(), ktorws::config().add_header("X-Own", "1"));
    std::map<std::string, std::string> sent;
    for (std::size_t i = 0; const auto field = session.request_header_at(i); i++)
        sent[std::string(field->name)] = field->value;
    CHECK_EQ(sent.at("X-Own"), "1");
    CHECK_EQ(sent.at("Upgrade"), "websocket");
    std::size_t count = 0;
    bool is_accepted = false;
    for (; const auto field = session.response_header_at(count); count++)
        is_accepted = is_accepted || session.response_header("Sec-WebSocket-Accept") == field->value;
    CHECK(is_accepted && count >= 3);
    CHECK(!ktorws::session().request_header_at(0) && !ktorws::session().response_header_at(0));
}

void deflate()
{
    ktorws::deflate_options options;
    options.level = 3;
    options.client_no_context_takeover = true;
    options.omit_client_max_window_bits = true;
    options.offer_fallback = true;
    const ktorws::session session =
        ktorws::connect(environment("STEERED_WS_URL") + "deflate", ktorws::config().install_deflate(options));
    const auto offered = session.request_header("Sec-WebSocket-Extensions").value();
    CHECK(offered.find("client_max_window_bits") == std::string_view::npos);
    CHECK(offered.find(", permessage-deflate") != std::string_view::npos);
    const ktorws::deflate_info info = session.deflate_info();
    CHECK_EQ(info.level, 3U);
    CHECK(info.client_max_window_bits == 15 && info.server_max_window_bits == 15);
    CHECK(info.client_no_context_takeover && !info.server_no_context_takeover);
}

void parts()
{
    const ktorws::session session = ktorws::connect(echo_url(), ktorws::config().set_deliver_parts(1024));
    const std::string message(100'000, 'x');
    session.send_text(message);
    std::string received;
    std::size_t count = 0;
    for (bool has_more = true; has_more; count++) {
        const ktorws::frame part = session.recv(patience);
        CHECK_EQ(part.type(), frame_type::text);
        has_more = ktorws::has(part.flags(), frame_flags::more);
        received += part.text();
    }
    CHECK(received == message && count > 1);
}

} // namespace

int main()
{
    plain_connection();
    tls_connection();
    headers();
    deflate();
    parts();
    ktorws::shutdown(patience);
}
