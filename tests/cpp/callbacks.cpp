// Functions that the library calls: what they are given, and what becomes of what they throw.

#include "answering.hpp"
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace
{

using namespace std::chrono_literals;
using ktorws::failure;
using ktorws::frame_view;
using ktorws::session_view;

// What callbacks have written down, to be waited for.
class record
{
  public:
    void add(const std::string &text)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        text_ += text + ";";
        changed_.notify_all();
    }

    void expect(const std::string &text)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait_for(lock, patience, [&] { return text_.size() >= text.size(); });
        CHECK_EQ(text_, text);
    }

  private:
    std::mutex mutex_{};
    std::condition_variable changed_{};
    std::string text_{};
};

std::string what(std::exception_ptr exception)
{
    try {
        std::rethrow_exception(std::move(exception));
    } catch (const std::exception &caught) {
        return caught.what();
    }
}

ktorws::callbacks recording(record &seen)
{
    ktorws::callbacks calls;
    calls.on_open = [&](session_view session) { seen.add(session ? "open" : "none"); };
    calls.on_frame = [&](session_view, frame_view frame) { seen.add(std::string(frame.text())); };
    calls.on_close = [&](session_view, std::error_code status) { seen.add(ktorws::status_name(status)); };
    calls.on_exception = [&](session_view, std::exception_ptr exception) { seen.add("threw " + what(exception)); };
    return calls;
}

void calls()
{
    record seen;
    ktorws::session session = ktorws::connect(echo_url("burst/3"), ktorws::config().set_callbacks(recording(seen)));
    seen.expect("open;0;1;2;WS_ERR_CLOSED;");
    CHECK_CODE(THROWN(session.recv(0s)).code(), state);

    record failed;
    session = ktorws::connect_async("ws://127.0.0.1:1/", ktorws::config().set_callbacks(recording(failed)));
    failed.expect("WS_ERR_CONNECT;");
}

// Each callback that throws closes the session, is told of, and does no harm.
void throwing()
{
    record seen;
    ktorws::callbacks calls = recording(seen);
    calls.on_frame = [](session_view, frame_view frame) { throw std::runtime_error(std::string(frame.text())); };
    ktorws::session session = ktorws::connect(echo_url("hello"), ktorws::config().set_callbacks(calls));
    seen.expect("open;threw hello;WS_ERR_CLOSED;");
    CHECK_EQ(session.close_info().local_code, 1011U);

    record opened;
    calls = recording(opened);
    calls.on_open = [](session_view) { throw std::runtime_error("open"); };
    session = ktorws::connect_async(echo_url(), ktorws::config().set_callbacks(calls));
    opened.expect("threw open;WS_ERR_CLOSED;");

    record ended;
    calls = recording(ended);
    calls.on_close = [](session_view, std::error_code status) { throw std::system_error(status, "end"); };
    session = ktorws::connect(echo_url("close/1000/"), ktorws::config().set_callbacks(calls));
    ended.expect("open;threw end: " + std::string(ws_strerror(WS_ERR_CLOSED)) + ";");

    // Nobody to tell it to.
    calls = {};
    calls.on_frame = [](session_view, frame_view) { throw 1; };
    session = ktorws::connect(echo_url("hello"), ktorws::config().set_callbacks(calls));
    session.wait_closed(patience);
    CHECK_EQ(session.close_info().local_code, 1011U);
}

void receiving()
{
    record seen;
    ktorws::session session = ktorws::connect(echo_url("burst/2"));
    session.recv_callback([&](session_view, frame_view frame) { seen.add(frame ? std::string(frame.text()) : "end"); });
    seen.expect("0;1;end;");

    record thrown;
    session = ktorws::connect(echo_url("hello"));
    session.recv_callback(
        [&](session_view, frame_view frame) {
            if (frame)
                throw std::runtime_error("no");
            thrown.add("end");
        },
        [&](session_view, std::exception_ptr exception) { thrown.add(what(exception)); });
    thrown.expect("no;end;");
    CHECK_EQ(session.close_info().local_code, 1011U);

    CHECK_CODE(THROWN(session.recv_callback(nullptr)).code(), invalid_argument);
    CHECK_CODE(THROWN(ktorws::session().recv_callback([](session_view, frame_view) {})).code(), invalid_argument);
}

// Functions are kept while they are needed, and not longer.
void lifetimes()
{
    const auto held = std::make_shared<int>(0);
    {
        record seen;
        ktorws::session session;
        {
            ktorws::callbacks calls = recording(seen);
            calls.on_writable = [held](session_view) {};
            ktorws::config config;
            config.set_callbacks(calls);
            ktorws::config other = config;
            calls = {};
            session = ktorws::connect(echo_url(), config);
            config.set_callbacks(ktorws::no_callbacks);
            CHECK(held.use_count() > 1);
        }
        CHECK(held.use_count() > 1);
        session.close();
        seen.expect("open;WS_ERR_CLOSED;");
        ktorws::shutdown(patience);
        CHECK_EQ(held.use_count(), 1);
    }
    ktorws::session session;
    {
        ktorws::reconnect_options reconnect;
        reconnect.decide = [held](session_view, const failure &, unsigned, auto suggested) { return suggested; };
        reconnect.prepare = [held](session_view, ktorws::attempt &) {};
        ktorws::deflate_options deflate;
        deflate.filter = [held](ktorws::frame_type, ktorws::bytes) { return true; };
        ktorws::config config;
        config.set_auth_callback([held](ktorws::auth &) {}).set_reconnect(reconnect).install_deflate(deflate);
        session = ktorws::connect(echo_url(), config);
        config.set_auth_callback(ktorws::no_auth_callback);
        config.set_reconnect(ktorws::no_reconnect);
    }
    CHECK_EQ(held.use_count(), 5);
    session = ktorws::session(std::move(session)).ref();
    CHECK_EQ(held.use_count(), 5);
    session = ktorws::session();
    CHECK_EQ(held.use_count(), 1);
}

const char *const unauthorized = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"here\"\r\n"
                                 "Content-Length: 0\r\n\r\n";
const char *const forbidden = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";

void credentials()
{
    answering_server server({unauthorized, unauthorized, forbidden});
    ktorws::config config;
    config.set_auth_callback([&](ktorws::auth &question) {
        CHECK_EQ(question.url(), server.url());
        CHECK_EQ(question.challenge().value(), "Basic realm=\"here\"");
        CHECK(!question.challenge(1));
        CHECK_CODE(THROWN(question.digest("user", "password")).code(), state);
        CHECK_CODE(THROWN(question.bearer("not a token")).code(), invalid_argument);
        if (question.attempt() == 1)
            question.basic("user", "password");
        else
            question.bearer("token");
    });
    CHECK_EQ(THROWN(ktorws::connect(server.url(), config)).details().http_status(), 403U);
    CHECK_EQ(server.requests().size(), 3U);
    CHECK(server.requests()[0].find("Authorization") == std::string::npos);
    CHECK(server.requests()[1].find("Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n") != std::string::npos);
    CHECK(server.requests()[2].find("Authorization: Bearer token\r\n") != std::string::npos);

    answering_server refusing({unauthorized});
    config.set_auth_callback([](ktorws::auth &) { throw std::runtime_error("no answer"); });
    CHECK_EQ(THROWN(ktorws::connect(refusing.url(), config)).details().http_status(), 401U);
}

void reconnecting()
{
    ktorws::reconnect_options options;
    options.first_delay = options.max_delay = 1ms;
    options.decide = [&](session_view session, const failure &why, unsigned attempt,
                         std::optional<std::chrono::milliseconds> suggested) {
        CHECK(session && suggested && attempt == 1);
        CHECK_CODE(why.code(), closed_abnormally);
        return session.stats().reconnects < 2 ? std::optional(0ms) : std::nullopt;
    };
    ktorws::config config;
    config.set_reconnect(options);
    ktorws::session session = ktorws::connect(echo_url("drop"), config);
    CHECK_CODE(THROWN(session.recv(patience)).code(), closed_abnormally);
    CHECK_EQ(session.stats().reconnects, 2U);

    // What a function throws leaves it at what the library suggests: here to give up, and to try.
    std::atomic<int> asked{0};
    options.decide = [&](session_view, const failure &, unsigned, auto) -> std::optional<std::chrono::milliseconds> {
        if (++asked == 2)
            return std::nullopt;
        throw 1;
    };
    session = ktorws::connect(echo_url("drop"), config.set_reconnect(options));
    CHECK_CODE(THROWN(session.recv(patience)).code(), closed_abnormally);
    CHECK_EQ(asked.load(), 2);
    CHECK_EQ(session.stats().reconnects, 1U);

    // Braces are the defaults, and switch nothing off.
    session = ktorws::connect(echo_url("drop"), ktorws::config().set_reconnect({}));
    while (session.stats().reconnects == 0)
        CHECK_CODE(THROWN(session.recv(1ms)).code(), timeout);
    session.abort();
    std::error_code ec;
    ktorws::config braces;
    braces.set_reconnect({}, ec);
    CHECK_NONE(ec);
    session = ktorws::connect(echo_url("drop"), braces);
    CHECK_CODE(THROWN(session.recv(1ms)).code(), timeout);
    session.abort();
    session = ktorws::connect(echo_url("drop"), braces.set_reconnect(ktorws::no_reconnect));
    CHECK_CODE(THROWN(session.recv(patience)).code(), closed_abnormally);
    session = ktorws::connect(echo_url("close/4000/"), config);
    CHECK_CODE(THROWN(session.recv(patience)).code(), closed);
}

void filtering()
{
    ktorws::deflate_options options;
    options.filter = [](ktorws::frame_type type, ktorws::bytes message) {
        CHECK_EQ(type, ktorws::frame_type::text);
        if (message.empty() || message.size() == 3)
            throw 1;
        return message.size() > 3;
    };
    ktorws::session session =
        ktorws::connect(environment("STEERED_WS_URL") + "deflate", ktorws::config().install_deflate(options));
    CHECK(session.extension_find("permessage-deflate") == session.extension_at(0));
    CHECK_EQ(session.extension_count(), 1U);
    const auto compressed = [&] { return session.stats().compressed_sent_before; };
    session.send_text("12");
    CHECK_EQ(compressed(), 0U);
    session.send_text("1234");
    CHECK_EQ(compressed(), 4U);
    // Thrown: as without a filter.
    session.send_text("123");
    CHECK_EQ(compressed(), 7U);
    // So it is once the function is gone.
    session = ktorws::session(session.release());
    session.send_text("12");
    CHECK_EQ(compressed(), 9U);
}

} // namespace

int main()
{
    calls();
    throwing();
    receiving();
    lifetimes();
    credentials();
    reconnecting();
    filtering();
    ktorws::shutdown(patience);
}
