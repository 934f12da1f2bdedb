// What the tests of ktorws/asio.hpp share: Boost.Asio, or with ASIO_STANDALONE the other one, under one name.

#ifndef ASYNC_HPP
#define ASYNC_HPP

#include "check.hpp"

#if defined(ASIO_STANDALONE)
#include <asio.hpp>
#if ASIO_VERSION < 102400
#include <asio/experimental/deferred.hpp>
namespace asio
{
using experimental::deferred;
}
#endif
#else
#include <boost/asio.hpp>
namespace asio = boost::asio;
#endif
#include <ktorws/asio.hpp>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#if defined(ASIO_STANDALONE)
using error_code = std::error_code;
using system_error = std::system_error;
#else
using error_code = boost::system::error_code;
using system_error = boost::system::system_error;
#endif

using ktorws::async_session;
using ktorws::errc;
using ktorws::frame;

inline void check_none(const error_code &ec, const char *file, int line)
{
    if (ec) {
        std::cerr << file << ":" << line << ": failed: " << ec.message() << "\n";
        std::exit(1);
    }
}

#define CHECK_OK(ec) check_none((ec), __FILE__, __LINE__)

// Runs everything. A context that has work forever is a bug.
inline void run(asio::io_context &context)
{
    context.restart();
    context.run_for(patience);
    CHECK(context.stopped());
}

// Runs until something has happened.
template <typename Condition> void run_until(asio::io_context &context, Condition &&condition)
{
    context.restart();
    while (!condition()) {
        CHECK(!context.stopped());
        CHECK(context.run_one_for(patience) == 1);
    }
}

// The outcome of an operation, as its handler was told.
struct outcome {
    bool is_complete = false;
    error_code ec{};
    std::string text{};

    // A handler. It must not be called before this returns.
    auto record()
    {
        CHECK(!is_complete);
        return [this](error_code how, const frame &message = {}) {
            CHECK(!is_complete);
            is_complete = true;
            ec = how;
            text = message.text();
        };
    }
};

inline void connect(asio::io_context &context, async_session &session, const std::string &url,
                    const ktorws::config &config = {})
{
    outcome opened;
    session.async_connect(url, config, opened.record());
    CHECK(!opened.is_complete);
    run_until(context, [&] { return opened.is_complete; });
    CHECK_OK(opened.ec);
}

// The answer of tests/hostile/steered_server.py to a command.
inline std::string steer(const std::string &command)
{
    static const int connection = [] {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(environment("STEERED_PORT"))));
        const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(made >= 0);
        CHECK(::connect(made, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
        return made;
    }();
    const std::string line = command + "\n";
    CHECK(write(connection, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    std::string answer;
    for (char c = 0; c != '\n'; answer += c)
        CHECK(read(connection, &c, 1) == 1);
    answer.pop_back();
    return answer;
}

#define STEER(command) CHECK_EQ(steer(command), "ok")

// A message of tests/hostile: its number, filled up to a size.
inline std::string numbered(unsigned number, std::size_t size)
{
    std::string text = std::to_string(number) + " ";
    text.resize(std::max(size, text.size() - 1), 'x');
    return text;
}

#endif
