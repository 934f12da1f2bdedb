// What can be done and go wrong, with std::error_code. Built with exceptions and without.

#include "check.hpp"
#include <array>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace
{

using namespace std::chrono_literals;
using namespace std::string_literals;
using ktorws::errc;
using ktorws::frame_type;
using ktorws::send_flags;

void conditions()
{
    CHECK(std::error_code(errc::timeout) == std::errc::timed_out);
    CHECK(std::error_code(errc::interrupted) == std::errc::interrupted);
    CHECK(std::error_code(errc::invalid_argument) == std::errc::invalid_argument);
    CHECK(std::error_code(errc::no_memory) == std::errc::not_enough_memory);
    CHECK(std::error_code(errc::message_too_big) == std::errc::message_size);
    CHECK(std::error_code(errc::closed_abnormally) == std::errc::connection_reset);
    // Who takes it for a timeout waits for ever.
    CHECK(std::error_code(errc::ping_timeout) != std::errc::timed_out);
    CHECK(std::error_code(errc::idle_timeout) != std::errc::timed_out);
    CHECK(std::error_code(errc::closed) != std::errc::connection_reset);
    CHECK_EQ(std::error_code(errc::timeout).message(), ws_strerror(WS_ERR_TIMEOUT));
    CHECK_EQ(ktorws::error_category().name(), "ktorws"s);
    CHECK_EQ(ktorws::status_name(errc::ping_timeout), "WS_ERR_PING_TIMEOUT"s);
    CHECK_EQ(ktorws::status_name({}), "WS_OK"s);
    CHECK_EQ(ktorws::status_name(std::make_error_code(std::errc::io_error)), "WS_ERR_UNKNOWN"s);
}

void connecting()
{
    std::error_code ec = errc::timeout;
    ktorws::failure details;
    ktorws::session session = ktorws::connect(echo_url(), ec);
    CHECK_NONE(ec);
    CHECK(session);

    session = ktorws::connect("ws://127.0.0.1:1/", ktorws::config(), ec, details);
    CHECK(!session);
    CHECK_CODE(ec, connect);
    CHECK_CODE(details.code(), connect);
    CHECK_EQ(details.phase(), ktorws::phase::connect);
    CHECK(details.os_error() == std::errc::connection_refused);
    CHECK(!details.message().empty());
    CHECK_EQ(details.http_status(), 0U);
    CHECK(!details.tls_alert());
    CHECK(!details.http_header("Server"));
    CHECK(details.http_body().empty());

    CHECK(!ktorws::connect("ftp://127.0.0.1/", ec));
    CHECK_CODE(ec, url);
    // The rest of the string must not be lost on the way to C.
    CHECK(!ktorws::connect(echo_url() + "\0/drop"s, ec));
    CHECK_CODE(ec, invalid_argument);
    CHECK(!ktorws::connect_async("ws:/"s + '\0', ec));
    CHECK_CODE(ec, invalid_argument);
    for (const ktorws::zstring &url : {ktorws::zstring(ktorws::none), ktorws::zstring(static_cast<char *>(nullptr))}) {
        CHECK(!ktorws::connect(url, ec));
        CHECK_CODE(ec, invalid_argument);
    }

    ktorws::config settings;
    const ktorws::config moved(std::move(settings));
    CHECK(!ktorws::connect(echo_url(), settings, ec)); // NOLINT: what a moved one is
    CHECK_CODE(ec, invalid_argument);
    CHECK(ktorws::connect(echo_url(), moved, ec, details));
    CHECK_NONE(ec);
    CHECK(!details);
}

void messages()
{
    std::error_code ec;
    const ktorws::session session = ktorws::connect(echo_url(), ec);
    CHECK_NONE(ec);
    const auto is_echoed = [&](std::string_view text, bool is_text) {
        ktorws::frame frame = session.recv(patience, ec);
        CHECK_NONE(ec);
        CHECK_EQ(frame.text(), text);
        CHECK_EQ(frame.size(), text.size());
        CHECK_EQ(frame.is_text(), is_text);
        CHECK_EQ(frame.is_binary(), !is_text);
        CHECK_EQ(frame.text().data()[frame.size()], '\0');
        CHECK_EQ(frame.close_code(), 0U);
        CHECK_EQ(frame.flags(), ktorws::frame_flags::none);
    };
    session.send_text("a view, cut"s.substr(0, 6), ec);
    is_echoed("a view", true);
    session.send_text({}, ec);
    is_echoed("", true);
    session.send_binary(std::vector<unsigned char>{0, 255, 1}, ec);
    is_echoed("\0\377\1"s, false);
    session.send_binary(std::array<std::byte, 2>{std::byte{1}, std::byte{2}}, ec);
    is_echoed("\1\2", false);
    session.send_binary({}, ec);
    is_echoed("", false);
    session.send(frame_type::text, "one "s, send_flags::more, 1s, ec);
    session.send(frame_type::continuation, "message"s, ec);
    is_echoed("one message", true);
    session.sendv(frame_type::text, {ktorws::slice("in "s), ktorws::slice({}), ktorws::slice("pieces"s)},
                  send_flags::none, 1s, ec);
    is_echoed("in pieces", true);
    session.sendv(frame_type::binary, std::vector<ws_slice>(), send_flags::none, 1s, ec);
    is_echoed("", false);
    const std::vector<ws_message> several{ktorws::message(frame_type::text, "1"s),
                                          ktorws::message(frame_type::binary, "2"s)};
    CHECK_EQ(session.send_batch(several, patience, ec), 2U);
    is_echoed("1", true);
    is_echoed("2", false);
    CHECK_NONE(ec);

    session.send_text("\xff", ec);
    CHECK_CODE(ec, utf8);
    CHECK(ec == std::errc::illegal_byte_sequence);
    CHECK(!session.recv(0s, ec));
    CHECK_CODE(ec, timeout);
    // A deadline that has passed is no endless wait.
    CHECK(!session.recv(-1s, ec));
    CHECK_CODE(ec, timeout);
    CHECK(!session.recv(ktorws::time_limit(1us), ec));
    CHECK_CODE(ec, timeout);
    session.interrupt(ec);
    CHECK_NONE(ec);
    CHECK(!session.recv(ec));
    CHECK_CODE(ec, interrupted);

    char buffer[4];
    session.send_text("larger", ec);
    auto size = session.recv_into(buffer, sizeof buffer, patience, ec);
    CHECK_CODE(ec, buffer_too_small);
    CHECK_EQ(size.size, 6U);
    char enough[6];
    size = session.recv_into(enough, sizeof enough, patience, ec);
    CHECK_NONE(ec);
    CHECK(size.type == frame_type::text && std::memcmp(enough, "larger", 6) == 0);

    std::size_t seen = 0;
    const auto text = [](const std::string &payload) { return ktorws::message(frame_type::text, payload); };
    const std::string one = "1";
    const std::string two = "2";
    CHECK_EQ(session.send_batch({text(one), text(two)}, patience, ec), 2U);
    while (seen < 2) {
        for (const ktorws::frame &frame : session.recv_batch(8, patience, ec))
            CHECK_EQ(frame.text(), std::to_string(++seen));
        CHECK_NONE(ec);
    }
    CHECK(session.recv_batch(0, 0s, ec).empty());
    CHECK_CODE(ec, invalid_argument);

    session.flush(patience, ec);
    CHECK_NONE(ec);
    CHECK_EQ(session.buffered_amount(), 0U);
    const ws_stats numbers = session.stats(ec);
    CHECK_NONE(ec);
    CHECK_EQ(numbers.messages_sent, 13U);
    CHECK_EQ(numbers.messages_received, 13U);
}

void controls()
{
    std::error_code ec;
    ktorws::config config;
    config.set_deliver_control(ktorws::control_frames::pong | ktorws::control_frames::close, ec);
    const ktorws::session session = ktorws::connect(echo_url(), config, ec);
    session.send(frame_type::ping, "are you there?"s, ec);
    const ktorws::frame pong = session.recv(patience, ec);
    CHECK_NONE(ec);
    CHECK_EQ(pong.type(), frame_type::pong);
    CHECK_EQ(pong.text(), "are you there?");
    session.send(frame_type::pong, {}, ec);
    CHECK_NONE(ec);
    session.send(frame_type::ping, std::string(126, 'x'), ec);
    CHECK_CODE(ec, invalid_argument);

    session.set_max_frame_size(1000, ec);
    session.set_max_message_size(2000, ec);
    session.set_ping_interval(1h, ec);
    session.set_ping_timeout(2h, ec);
    CHECK_NONE(ec);
    CHECK_EQ(session.max_frame_size(), 1000U);
    CHECK_EQ(session.max_message_size(), 2000U);
    CHECK(session.ping_interval() == 1h && session.ping_timeout() == 2h);
    session.set_ping_timeout(ktorws::no_limit, ec);
    CHECK(session.ping_timeout() == ktorws::no_limit);
    session.set_ping_timeout(0s, ec);
    CHECK_CODE(ec, invalid_argument);
    session.set_ping_interval(ktorws::no_limit, ec);
    CHECK(session.ping_interval() == 0s);
    session.set_max_frame_size(0, ec);
    CHECK_CODE(ec, invalid_argument);
    CHECK(session.masking());
    session.set_masking(false, ec);
    CHECK_CODE(ec, state);
    int own = 0;
    session.set_user_data(&own, ec);
    CHECK(session.user_data() == &own);
}

void endings()
{
    std::error_code ec;
    ktorws::session session = ktorws::connect(echo_url("close/4001/enough"), ec);
    session.wait_closed(patience, ec);
    CHECK_NONE(ec);
    CHECK(!session.recv(ec));
    CHECK_CODE(ec, closed);
    CHECK(!session.session_error());
    const auto how = session.close_info(ec);
    CHECK_NONE(ec);
    CHECK_EQ(how.remote_code, 4001U);
    CHECK_EQ(how.reason, "enough");
    CHECK(how.clean && how.initiator == ktorws::close_initiator::remote);
    CHECK_EQ(session.state(), ktorws::session_state::closed);
    CHECK(session.is_closed_for_receive());
    session.send_text("too late", ec);
    CHECK_CODE(ec, closed);

    session = ktorws::connect(echo_url("drop"), ec);
    CHECK_NONE(ec);
    CHECK(!session.recv(patience, ec));
    CHECK_CODE(ec, closed_abnormally);
    CHECK_CODE(session.session_error().code(), closed_abnormally);
    CHECK_EQ(session.session_error().phase(), ktorws::phase::open);

    session = ktorws::connect(echo_url("silent"), ec);
    session.close_info(ec);
    CHECK_CODE(ec, state);
    session.close(999, {}, ec);
    CHECK_CODE(ec, invalid_argument);
    session.close(ktorws::close_code::normal, std::string(124, 'x'), ec);
    CHECK_CODE(ec, invalid_argument);
    session.wait_closed(0s, ec);
    CHECK_CODE(ec, timeout);
    session.abort(ec);
    CHECK(!session.recv(ec));
    CHECK_CODE(ec, aborted);

    session = ktorws::connect(echo_url(), ec);
    session.close(4000, "bye", ec);
    session.wait_closed(ec);
    CHECK_NONE(ec);
    CHECK_EQ(session.close_info(ec).remote_code, 4000U);
}

void opening()
{
    std::error_code ec;
    ktorws::failure details;
    ktorws::session session = ktorws::connect_async(echo_url(), ec);
    const int descriptor = session.event_fd();
    CHECK(descriptor >= 0);
    session.wait_open(patience, ec, details);
    CHECK_EQ(session.event_fd(), descriptor);
    CHECK_NONE(ec);
    CHECK(!details);
    CHECK_EQ(session.state(), ktorws::session_state::open);
    CHECK(!session.is_closed_for_receive());

    session = ktorws::connect_async("ws://127.0.0.1:1/", ktorws::config(), ec);
    CHECK_NONE(ec);
    session.wait_open(patience, ec);
    CHECK_CODE(ec, connect);
    session.wait_open(patience, ec, details);
    CHECK_CODE(ec, connect);
    CHECK(details.os_error() == std::errc::connection_refused);

    CHECK(!ktorws::connect_async("ftp://x/", ec));
    CHECK_CODE(ec, url);
    ktorws::config config;
    config.interrupt(ec);
    CHECK_NONE(ec);
    CHECK(!ktorws::connect(echo_url(), config, ec));
    CHECK_CODE(ec, interrupted);
}

void tls()
{
    std::error_code ec;
    ktorws::failure details;
    ktorws::config config;
    const std::string url = environment("ECHO_WSS_URL");
    CHECK(!ktorws::connect(url, config, ec, details));
    CHECK_CODE(ec, tls_certificate);
    CHECK_EQ(details.phase(), ktorws::phase::tls);
    config.add_tls_ca_file(environment("ECHO_CA_FILE"), ec);
    const ktorws::session session = ktorws::connect(url, config, ec, details);
    CHECK_NONE(ec);
    session.send_text("secret", ec);
    CHECK_EQ(session.recv(patience, ec).text(), "secret");
}

void groups()
{
    std::error_code ec;
    const ktorws::group group;
    ktorws::config config;
    config.set_group(group, ec);
    std::vector<ktorws::session> sessions;
    for (int i = 0; i < 3; i++) {
        sessions.push_back(ktorws::connect(echo_url("burst/2"), config, ec));
        CHECK_NONE(ec);
    }
    CHECK_EQ(group.size(), 3U);
    int received = 0;
    for (int ended = 0; ended < 3;) {
        const ktorws::group::event event = group.recv(patience, ec);
        CHECK_NONE(ec);
        CHECK(event.session == sessions[0] || event.session == sessions[1] || event.session == sessions[2]);
        if (event.frame) {
            CHECK_NONE(event.end);
            received++;
        } else {
            CHECK_CODE(event.end, closed);
            ended++;
        }
    }
    CHECK_EQ(received, 6);
    CHECK_EQ(group.size(), 0U);
    CHECK(!group.recv(0s, ec).session);
    CHECK_CODE(ec, timeout);
    group.interrupt(ec);
    CHECK(!group.recv(ktorws::no_limit, ec).session);
    CHECK_CODE(ec, interrupted);
    group.close(ktorws::close_code::normal, {}, patience, ec);
    CHECK_NONE(ec);
}

void cookies()
{
    std::error_code ec;
    const ktorws::cookie_jar jar;
    CHECK_EQ(jar.header(echo_url(), ec), "");
    CHECK_NONE(ec);
    jar.add(echo_url(), "a=" + std::string(3000, 'x'), ec);
    jar.add(echo_url(), "b=2", ec);
    CHECK_NONE(ec);
    CHECK_EQ(jar.header(echo_url(), ec), "a=" + std::string(3000, 'x') + "; b=2");
    jar.add(echo_url(), "", ec);
    CHECK_CODE(ec, invalid_argument);
    CHECK_EQ(jar.header("ftp://x/", ec), "");
    CHECK_CODE(ec, url);
    ktorws::config config;
    config.set_cookie_jar(jar, ec);
    CHECK_EQ(ktorws::connect(echo_url(), config, ec).request_header("Cookie").value().size(), 3007U);
    config.set_cookie_jar(ktorws::no_cookie_jar, ec);
    CHECK(!ktorws::connect(echo_url(), config, ec).request_header("Cookie"));
    jar.clear();
    CHECK_EQ(jar.header(echo_url(), ec), "");
}

void nothing()
{
    std::error_code ec;
    const ktorws::session session;
    CHECK(!session);
    session.send_text("x", ec);
    CHECK_CODE(ec, invalid_argument);
    CHECK(!session.recv(ec));
    CHECK_CODE(ec, invalid_argument);
    CHECK(session.request_url().empty() && session.subprotocol().empty() && !session.request_header("a"));
    CHECK(!session.session_error() && !session.ref());
    CHECK_EQ(session.event_fd(), -1);
    CHECK_EQ(session.close_info(ec).initiator, ktorws::close_initiator::none);
    CHECK_CODE(ec, invalid_argument);
    const ktorws::frame frame;
    CHECK(!frame && frame.size() == 0 && frame.text().empty() && frame.data().empty() && frame.type() == frame_type{});
    const ktorws::failure none;
    CHECK(!none && none.message().empty() && !none.code() && !none.tls_alert() && !none.os_error());
    CHECK(none.http_body().empty() && !none.http_header("a"));
}

} // namespace

int main()
{
    conditions();
    connecting();
    messages();
    controls();
    endings();
    opening();
    tls();
    groups();
    cookies();
    nothing();
    std::error_code ec;
    ktorws::shutdown(patience, ec);
    CHECK_NONE(ec);
}
