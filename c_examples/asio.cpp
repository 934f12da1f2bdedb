// Sessions in an io_context of Boost.Asio: greets every server, prints the answers, and says goodbye. One thread does
// it all. A server that takes longer than LIMIT_MS is given up.
//
//     asio LIMIT_MS URL...

#include <boost/asio.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <ktorws/asio.hpp>
#include <string>

namespace asio = boost::asio;

static asio::awaitable<void> greet(ktorws::async_session &session, std::string url)
{
    co_await session.async_connect(url, asio::use_awaitable);
    co_await session.async_send_text("hello", asio::use_awaitable);
    const ktorws::frame message = co_await session.async_recv(asio::use_awaitable);
    std::cout << url << ": " << message.text() << "\n";
    co_await session.async_close(asio::use_awaitable);
}

static asio::awaitable<void> greet_in_time(std::string url, std::chrono::milliseconds limit, int &failures)
{
    const auto executor = co_await asio::this_coro::executor;
    ktorws::async_session session(executor);
    asio::steady_timer timer(executor, limit);
    bool is_late = false;
    timer.async_wait([&](boost::system::error_code ec) {
        is_late = !ec;
        if (is_late)
            session.cancel();
    });
    try {
        co_await greet(session, url);
    } catch (const boost::system::system_error &error) {
        const ktorws::failure details = session.view().session_error();
        const std::string why = details ? std::string(details.message()) : error.code().message();
        std::cerr << url << ": " << (is_late ? "no answer in time" : why) << "\n";
        failures++;
    }
    // Its handler uses what is destroyed here.
    timer.cancel();
    co_await asio::post(executor, asio::use_awaitable);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        std::cerr << "usage: asio LIMIT_MS URL...\n";
        return 2;
    }
    const std::chrono::milliseconds limit(std::atoi(argv[1]));
    asio::io_context context;
    int failures = 0;
    for (int i = 2; i < argc; i++)
        asio::co_spawn(context, greet_in_time(argv[i], limit, failures), asio::detached);
    context.run();
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
