// What is thrown, and what it holds.

#include "answering.hpp"
#include <cstring>
#include <stdexcept>

namespace
{

using namespace std::chrono_literals;
using namespace std::string_literals;

void refusals()
{
    answering_server server({"HTTP/1.1 403 Forbidden\r\nX-Why: first\r\nX-Why: second\r\nContent-Length: 9\r\n\r\n"
                             "too\0young"s});
    const ktorws::error thrown = THROWN(ktorws::connect(server.url()));
    CHECK_CODE(thrown.code(), handshake_status);
    const ktorws::failure &details = thrown.details();
    CHECK_EQ(thrown.what(), details.message());
    CHECK(std::strstr(thrown.what(), "403") != nullptr);
    CHECK_EQ(details.phase(), ktorws::phase::handshake);
    CHECK_EQ(details.http_status(), 403U);
    CHECK_EQ(details.http_header("x-why").value(), "first");
    CHECK_EQ(details.http_header("X-Why", 1).value(), "second");
    CHECK(!details.http_header("X-Why", 2));
    CHECK(!details.http_header("X-Why\0"s));
    CHECK_EQ(details.http_header_at(1)->name, "X-Why");
    CHECK_EQ(details.http_header_at(1)->value, "second");
    CHECK(!details.http_header_at(3));
    CHECK_EQ(details.http_body().text(), "too\0young"s);
    CHECK_EQ(details.http_body().size(), 9U);
    CHECK(!details.tls_alert());
}

void connections()
{
    // It can be caught as what the standard library has.
    try {
        ktorws::connect("ws://127.0.0.1:1/");
        CHECK(false);
    } catch (const std::system_error &thrown) {
        CHECK_CODE(thrown.code(), connect);
    }
    const ktorws::error thrown = THROWN(ktorws::connect("ws://127.0.0.1:1/"));
    CHECK(thrown.details().os_error() == std::errc::connection_refused);
    CHECK_EQ(thrown.details().phase(), ktorws::phase::connect);
    CHECK_CODE(THROWN(ktorws::connect("ftp://x/")).code(), url);
    CHECK_CODE(THROWN(ktorws::connect("ws://x/\0"s)).code(), invalid_argument);
    CHECK_CODE(THROWN(ktorws::connect_async("ftp://x/")).code(), url);
    CHECK_CODE(THROWN(ktorws::connect(environment("ECHO_WSS_URL"))).code(), tls_certificate);

    const std::string plain = environment("ECHO_WSS_URL");
    const ktorws::error not_http = THROWN(ktorws::connect("ws" + plain.substr(3)));
    CHECK_EQ(not_http.details().phase(), ktorws::phase::handshake);
    const ktorws::error not_tls = THROWN(ktorws::connect("wss" + echo_url().substr(2)));
    CHECK_EQ(not_tls.details().phase(), ktorws::phase::tls);

    const ktorws::session opening = ktorws::connect_async("ws://127.0.0.1:1/");
    const ktorws::error later = THROWN(opening.wait_open(patience));
    CHECK_CODE(later.code(), connect);
    CHECK(later.details().os_error() == std::errc::connection_refused);
    ktorws::connect_async(echo_url()).wait_open(patience);
}

void arguments()
{
    const ktorws::error thrown = THROWN(ktorws::config().set_connect_timeout(0s));
    CHECK_CODE(thrown.code(), invalid_argument);
    // The error outlives the configuration.
    CHECK_EQ(thrown.what(), thrown.details().message());
    CHECK(std::strstr(thrown.what(), "ws_config_set_connect_timeout_ms") != nullptr);
    // Only the first one is remembered.
    ktorws::config twice;
    CHECK_CODE(THROWN(twice.set_tls_alpn("h3")).details().code(), unsupported);
    const ktorws::error second = THROWN(twice.set_connect_timeout(0s));
    CHECK_EQ(second.what(), "set_connect_timeout: "s + ws_strerror(WS_ERR_INVALID_ARGUMENT));
    CHECK(!second.details());
    CHECK_CODE(twice.error().code(), unsupported);
    CHECK_CODE(THROWN(ktorws::connect(echo_url(), twice)).code(), unsupported);
    CHECK_CODE(THROWN(ktorws::config().set_tls_alpn("h3")).code(), unsupported);
    CHECK_CODE(THROWN(ktorws::config().set_masking(false)).code(), state);
    const ktorws::group no_sessions(nullptr);
    CHECK_CODE(THROWN(ktorws::config().set_group(no_sessions)).code(), invalid_argument);
    const ktorws::cookie_jar no_cookies(nullptr);
    CHECK_CODE(THROWN(ktorws::config().set_cookie_jar(no_cookies)).code(), invalid_argument);
    CHECK_CODE(THROWN(ktorws::set_log_callback(ktorws::log_level::info, ktorws::log_function())).code(),
               invalid_argument);
    CHECK_CODE(THROWN(ktorws::config().install_deflate().install_deflate()).code(), invalid_argument);
    CHECK_CODE(THROWN(ktorws::cookie_jar().add("ftp://x/", "a=b")).code(), url);
    CHECK_CODE(THROWN(ktorws::cookie_jar().header("ftp://x/")).code(), url);
    CHECK_CODE(THROWN(ktorws::group().recv(0s)).code(), timeout);
    CHECK_CODE(THROWN(ktorws::set_worker_threads(0)).code(), invalid_argument);

    ktorws::group group;
    ktorws::cookie_jar jar;
    jar.add(echo_url(), "a=1");
    ktorws::config config;
    config.set_origin("https://example.com")
        .add_header("X-One", "1")
        .set_ping_interval(1h)
        .set_tcp_keepalive(60s, 10s, 3)
        .set_incoming_queue(10, 0, ktorws::queue_policy::drop_oldest)
        .install_deflate()
        .set_cookie_jar(jar)
        .set_group(group)
        .set_group(ktorws::no_group);
    const ktorws::session session = ktorws::connect(echo_url(), config);
    CHECK_EQ(session.request_header("Origin").value(), "https://example.com");
    CHECK_EQ(session.request_header("Cookie").value(), "a=1");
    CHECK(session.ping_interval() == 1h);
}

void sessions()
{
    ktorws::session session = ktorws::connect(echo_url());
    CHECK_CODE(THROWN(session.recv(0s)).code(), timeout);
    CHECK_CODE(THROWN(session.send_text("\xff")).code(), utf8);
    CHECK_CODE(THROWN(session.close(ktorws::close_code::no_status)).code(), invalid_argument);
    CHECK_CODE(THROWN(session.close_info()).code(), state);
    CHECK_CODE(THROWN(session.set_max_message_size(0)).code(), invalid_argument);
    session.interrupt();
    const ktorws::error woken = THROWN(session.recv());
    CHECK_CODE(woken.code(), interrupted);
    CHECK(!woken.details());
    session.send_text("still here");
    const auto kept = session.recv(patience).text();
    CHECK_EQ(kept, "still here");
    session.send_text("back");
    const ktorws::frame frame = session.recv(patience);
    session.send(frame.type(), frame.data());
    const auto bytes = session.recv(patience).data();
    CHECK_EQ(ktorws::bytes(bytes).text(), "back");
    session.send_batch({ktorws::message(frame.type(), frame.data())});
    CHECK(session.recv(patience).is_text());
    session.sendv(frame.type(), {ktorws::slice(frame.data()), ktorws::slice(frame.data())});
    const auto joined = session.recv(patience).text();
    CHECK_EQ(joined, "backback");
    session.close(ktorws::close_code::going_away, "away");
    session.wait_closed(patience);
    CHECK_CODE(THROWN(session.recv()).code(), closed);
    CHECK_EQ(session.close_info().local_code, 1001U);

    // The error outlives its session.
    session = ktorws::connect(echo_url("drop"));
    const ktorws::error lost = THROWN(session.recv(patience));
    const std::string said(session.session_error().message());
    session = ktorws::session();
    CHECK_CODE(lost.code(), closed_abnormally);
    CHECK_EQ(lost.details().phase(), ktorws::phase::open);
    CHECK_EQ(lost.what(), said);

    ktorws::config small;
    small.set_max_message_size(3);
    session = ktorws::connect(echo_url("hello"), small);
    CHECK_CODE(THROWN(session.recv(patience)).code(), message_too_big);
    CHECK_CODE(THROWN(session.send_text("x")).code(), message_too_big);
    session.wait_closed(patience);
    CHECK_EQ(session.close_info().local_code, 1009U);
    CHECK_EQ(session.close_info().initiator, ktorws::close_initiator::protocol);

    session = ktorws::connect(echo_url("silent"));
    session.abort();
    CHECK_CODE(THROWN(session.recv()).code(), aborted);
}

void iterations()
{
    int count = 0;
    for (const ktorws::frame &frame : ktorws::connect(echo_url("burst/1000")).incoming(patience))
        CHECK_EQ(frame.text(), std::to_string(count++));
    CHECK_EQ(count, 1000);

    // A message can be kept beyond the loop.
    std::vector<ktorws::frame> kept;
    for (ktorws::frame &frame : ktorws::connect(echo_url("burst/3")).incoming())
        kept.push_back(std::move(frame));
    CHECK_EQ(kept.size(), 3U);
    CHECK_EQ(kept[0].text(), "0");
    CHECK_EQ(kept[2].text(), "2");

    ktorws::session session = ktorws::connect(echo_url("drop"));
    const auto iterate = [&](ktorws::time_limit limit) {
        for (const ktorws::frame &frame : session.incoming(limit))
            CHECK(!frame);
    };
    CHECK_CODE(THROWN((iterate(patience), 0)).code(), closed_abnormally);

    std::error_code ec;
    for (const ktorws::frame &frame : session.incoming(ec))
        CHECK(!frame);
    CHECK_CODE(ec, closed_abnormally);

    session = ktorws::connect(echo_url("hello"));
    for (const ktorws::frame &frame : session.incoming(patience)) {
        CHECK_EQ(frame.text(), "hello");
        break;
    }
    CHECK_CODE(THROWN((iterate(0s), 0)).code(), timeout);
    session.send_text("again");
    for (const ktorws::frame &frame : session.incoming(patience, ec)) {
        CHECK_EQ(frame.text(), "again");
        session.close();
    }
    CHECK_NONE(ec);
    session.wait_closed(patience);
    iterate(ktorws::no_limit);
}

void logs()
{
    std::string lines;
    ktorws::set_log_callback(ktorws::log_level::info,
                             [&](ktorws::log_level level, std::uint64_t, std::string_view line) {
                                 CHECK(level != ktorws::log_level::off && level <= ktorws::log_level::info);
                                 lines += line;
                                 throw std::runtime_error("ignored");
                             });
    ktorws::connect(echo_url()).close();
    ktorws::set_log_callback(ktorws::no_log);
    CHECK(!lines.empty());
}

} // namespace

int main()
{
    refusals();
    connections();
    arguments();
    sessions();
    iterations();
    logs();
    ktorws::shutdown(patience);
}
