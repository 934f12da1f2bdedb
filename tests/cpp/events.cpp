// Outages: events among the messages, and attempts that the application prepares.

#include "answering.hpp"
#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace
{

using namespace std::chrono_literals;
using namespace std::string_literals;
using ktorws::event_frames;
using ktorws::frame_type;
using ktorws::session_view;

constexpr auto every_event = event_frames::opened | event_frames::lost | event_frames::resumed;

ktorws::reconnect_options at_once()
{
    ktorws::reconnect_options options;
    options.first_delay = options.max_delay = 1ms;
    return options;
}

void events()
{
    // Each connection sends two messages and is closed by the server; only the first one is replaced.
    ktorws::reconnect_options options = at_once();
    options.decide = [](session_view session, const ktorws::failure &, unsigned,
                        auto) -> std::optional<std::chrono::milliseconds> {
        return session.stats().reconnects < 1 ? std::optional(0ms) : std::nullopt;
    };
    ktorws::config config;
    config.set_reconnect(options).set_deliver_events(every_event);
    const ktorws::session session = ktorws::connect(echo_url("burst/2"), config);
    std::string seen;
    for (const ktorws::frame &frame : session.incoming(patience)) {
        switch (frame.type()) {
        case frame_type::opened:
            CHECK(frame.data().empty());
            seen += "opened ";
            break;
        case frame_type::lost:
            CHECK_EQ(frame.close_code(), ktorws::close_code::normal);
            CHECK(!frame.text().empty() && !frame.is_text());
            seen += "lost ";
            break;
        case frame_type::resumed:
            seen += "resumed ";
            break;
        default:
            seen += std::string(frame.text()) + " ";
        }
    }
    CHECK_EQ(seen.substr(0, seen.rfind("1 ") + 2), "opened 0 1 lost resumed 0 1 ");

    // Only what was asked for.
    config.set_deliver_events(event_frames::resumed);
    const ktorws::session other = ktorws::connect(echo_url("burst/1"), config);
    CHECK(other.recv(patience).is_text());
    CHECK_EQ(other.recv(patience).type(), frame_type::resumed);
    CHECK_EQ(THROWN(config.set_deliver_events(static_cast<event_frames>(8))).code().value(), WS_ERR_INVALID_ARGUMENT);
}

void during_an_outage()
{
    ktorws::reconnect_options options = at_once();
    options.first_delay = options.max_delay = 1h;
    const ktorws::session session = ktorws::connect(
        echo_url("drop"), ktorws::config().set_reconnect(options).set_deliver_events(event_frames::lost));
    const ktorws::frame lost = session.recv(patience);
    CHECK_EQ(lost.type(), frame_type::lost);
    CHECK_EQ(lost.close_code(), ktorws::close_code::abnormal);
    CHECK_EQ(session.state(), ktorws::session_state::connecting);
    CHECK_CODE(session.session_error().code(), closed_abnormally);
    CHECK_EQ(session.session_error().message(), lost.text());
    CHECK(!session.is_closed_for_receive());
    session.close();
    session.wait_closed(patience);
    CHECK(session.is_closed_for_receive());
}

const char *const unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
const char *const forbidden = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";

void prepared()
{
    answering_server server({unavailable, unavailable, forbidden});
    const auto held = std::make_shared<int>(0);
    ktorws::reconnect_options options = at_once();
    options.retry_first = true;
    options.prepare = [&server, held](session_view session, ktorws::attempt &next) {
        CHECK(session);
        CHECK_CODE(next.last_error().code(), handshake_status);
        CHECK_EQ(next.last_error().http_status(), 503U);
        next.set_header("X-Attempt", std::to_string(next.number()));
        next.set_header("X-Always", ktorws::none);
        if (next.number() == 2)
            next.set_url(server.url() + "second");
        CHECK(next.get() != nullptr);
        throw std::runtime_error("what was set counts");
    };
    ktorws::config config;
    config.set_reconnect(options).add_header("X-Always", "1");
    options = {};
    CHECK_EQ(THROWN(ktorws::connect(server.url(), config)).details().http_status(), 403U);
    const auto &requests = server.requests();
    CHECK_EQ(requests.size(), 3U);
    CHECK(requests[0].find("X-Always: 1\r\n") != std::string::npos);
    CHECK(requests[1].find("GET / ") == 0 && requests[1].find("X-Attempt: 1\r\n") != std::string::npos);
    CHECK(requests[2].find("GET /second ") == 0 && requests[2].find("X-Attempt: 2\r\n") != std::string::npos);
    CHECK(requests[2].find("X-Always") == std::string::npos);
    CHECK_EQ(held.use_count(), 2);
    config.set_reconnect(ktorws::no_reconnect);
    CHECK_EQ(held.use_count(), 1);

    // Without it the first opening is not tried again, and an attempt that cannot be prepared is the last one.
    answering_server once({unavailable});
    CHECK_CODE(THROWN(ktorws::connect(once.url(), ktorws::config().set_reconnect(at_once()))).code(), handshake_status);
    answering_server refusing({unavailable});
    std::error_code refused;
    options = at_once();
    options.retry_first = true;
    options.prepare = [&](session_view, ktorws::attempt &next) { next.set_url("ftp://x/", refused); };
    CHECK_CODE(THROWN(ktorws::connect(refusing.url(), ktorws::config().set_reconnect(options))).code(), url);
    CHECK_CODE(refused, url);
}

// A server may ask for more patience than there is.
void retry_after()
{
    answering_server server(
        {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n", forbidden});
    ktorws::reconnect_options options = at_once();
    options.retry_first = true;
    options.max_retry_after = 1ms;
    CHECK_EQ(THROWN(ktorws::connect(server.url(), ktorws::config().set_reconnect(options))).details().http_status(),
             403U);
    options.max_retry_after = -1ms;
    CHECK_CODE(THROWN(ktorws::config().set_reconnect(options)).code(), invalid_argument);
}

} // namespace

int main()
{
    events();
    during_an_outage();
    prepared();
    retry_after();
    ktorws::shutdown(patience);
}
