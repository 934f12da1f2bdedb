// Operations of Asio in coroutines: several sessions on one thread and on several, full queues, and no busy waiting.

#include "async.hpp"
#if !defined(BOOST_ASIO_HAS_CO_AWAIT) && !defined(ASIO_HAS_CO_AWAIT)
int main()
{
    std::cout << "SKIPPED: no coroutines in this compiler\n";
}
#else
#include <atomic>
#include <exception>

namespace
{

using asio::awaitable;
using asio::use_awaitable;

std::string url()
{
    return environment("STEERED_WS_URL");
}

void rethrow(std::exception_ptr failure)
{
    if (failure)
        std::rethrow_exception(failure);
}

// Messages of all sizes, of which the outgoing queue holds few.
std::string message(unsigned number)
{
    return numbered(number, number % 10 == 9 ? 300'000 : number * 37U % 5000);
}

constexpr unsigned messages = 60;

awaitable<void> send_all(async_session &session)
{
    for (unsigned i = 0; i < messages; i++) {
        const std::string text = message(i);
        co_await session.async_send_text(text, use_awaitable);
    }
}

// Sends and receives at the same time: the server echoes, and stops reading while its echoes are not received.
awaitable<void> echo(std::string to, unsigned &done)
{
    async_session session(co_await asio::this_coro::executor);
    ktorws::config config;
    config.set_outgoing_queue(8, 20'000, ktorws::queue_policy::wait);
    co_await session.async_connect(to, config, use_awaitable);
    asio::co_spawn(session.get_executor(), send_all(session), rethrow);
    for (unsigned i = 0; i < messages; i++) {
        const frame received = co_await session.async_recv(use_awaitable);
        CHECK(received.text() == message(i));
    }
    co_await session.async_close(use_awaitable);
    CHECK(session.view().close_info().clean);
    done++;
}

void echoing()
{
    asio::io_context context;
    constexpr unsigned sessions = 10;
    unsigned done = 0;
    for (unsigned i = 0; i < sessions; i++)
        asio::co_spawn(context, echo(echo_url(), done), rethrow);
    run(context);
    CHECK_EQ(done, sessions);
}

void echoing_in_a_pool()
{
    asio::thread_pool pool(4);
    constexpr unsigned sessions = 10;
    unsigned done[sessions] = {};
    for (unsigned &each : done)
        asio::co_spawn(asio::make_strand(pool), echo(echo_url(), each), rethrow);
    pool.join();
    for (const unsigned each : done)
        CHECK_EQ(each, 1U);
}

// Operations of one session that several threads start, without a strand.
void sharing()
{
    asio::thread_pool pool(4);
    async_session session(pool);
    session.async_connect(echo_url(), asio::use_future).get();
    std::atomic<unsigned> sent{0}, received{0};
    for (unsigned i = 0; i < messages; i++)
        asio::post(pool, [&, i] {
            const auto text = std::make_shared<std::string>(message(i));
            session.async_send_text(*text, [&, text](error_code ec) {
                CHECK_OK(ec);
                sent++;
            });
            session.async_recv([&](error_code ec, const frame &) {
                CHECK_OK(ec);
                received++;
            });
        });
    pool.join();
    CHECK_EQ(sent.load(), messages);
    CHECK_EQ(received.load(), messages);
}

// How many handlers run where nothing can happen. One that waits busily would run each time.
std::size_t idle_handlers(asio::io_context &context)
{
    std::size_t count = 0;
    context.restart();
    for (int i = 0; i < 10'000; i++)
        count += context.poll();
    return count;
}

// Sends that wait for room neither block the thread nor keep it busy, are all sent in the end, and in their order.
void full_queue()
{
    asio::io_context context;
    async_session session(context);
    ktorws::config config;
    config.set_outgoing_queue(4, 100'000, ktorws::queue_policy::wait);
    connect(context, session, url(), config);
    STEER("read off");
    constexpr unsigned count = 400;
    std::vector<std::string> texts;
    std::vector<outcome> sent(count);
    // There would be room for small messages before large ones that wait.
    for (unsigned i = 0; i < count; i++)
        texts.push_back(numbered(i, i % 10 == 9 ? 10 : 50'000));
    for (unsigned i = 0; i < count; i++)
        session.async_send_text(texts[i], sent[i].record());
    CHECK(idle_handlers(context) < 2000);
    CHECK(!sent[count - 1].is_complete);
    outcome received, pinged;
    session.async_recv(received.record());
    session.async_send(ktorws::frame_type::ping, {}, pinged.record());
    CHECK(idle_handlers(context) < 2000);
    CHECK_OK(pinged.ec);
    CHECK(!received.is_complete);
    STEER("texts 1");
    run_until(context, [&] { return received.is_complete; });
    CHECK_EQ(received.text, "0");
    STEER("read on");
    run(context);
    for (const outcome &each : sent)
        CHECK_OK(each.ec);
    CHECK_EQ(steer("message " + std::to_string(count - 1)), texts[count - 1]);
    CHECK_EQ(steer("rising"), std::to_string(count) + " up to " + std::to_string(count - 1));
}

// What is sent while the queue is full fails when the session ends.
void ending_while_full()
{
    asio::io_context context;
    async_session session(context);
    ktorws::config config;
    config.set_outgoing_queue(1, 0, ktorws::queue_policy::wait);
    for (const bool is_server : {true, false}) {
        connect(context, session, url(), config);
        STEER("read off");
        const std::string text(1 << 20, 'x');
        std::vector<outcome> sent(40);
        for (outcome &each : sent)
            session.async_send_text(text, each.record());
        if (is_server)
            STEER("reset");
        else
            session.view().abort();
        run(context);
        CHECK(sent.back().ec == errc::aborted || sent.back().ec == errc::io ||
              sent.back().ec == errc::closed_abnormally);
    }
}

// What is not a message makes the descriptor readable at most once.
void idle()
{
    asio::io_context context;
    async_session session(context);
    connect(context, session, url());
    outcome received;
    session.async_recv(received.record());
    STEER("pings 20");
    CHECK_EQ(steer("pongs 20"), "in order");
    STEER("half 5000");
    CHECK_EQ(steer("taken"), "ok");
    CHECK(idle_handlers(context) < 2000);
    CHECK(!received.is_complete);
    STEER("rest");
    run(context);
    CHECK_EQ(received.text, numbered(0, 5000));
}

// A large message each way, over TLS.
awaitable<void> echo_a_large_one(bool &done)
{
    async_session session(co_await asio::this_coro::executor);
    ktorws::config config;
    config.add_tls_ca_file(environment("ECHO_CA_FILE"));
    co_await session.async_connect(environment("ECHO_WSS_URL"), config, use_awaitable);
    const std::string large(20'000'000, 'x');
    asio::co_spawn(
        session.get_executor(), [&]() -> awaitable<void> { co_await session.async_send_text(large, use_awaitable); },
        rethrow);
    const frame received = co_await session.async_recv(use_awaitable);
    CHECK(received.text() == large);
    done = true;
}

// An exception has the session's code.
awaitable<void> end(bool &done)
{
    async_session session(co_await asio::this_coro::executor);
    co_await session.async_connect(echo_url("burst/2"), use_awaitable);
    for (unsigned count = 0;; count++)
        try {
            co_await session.async_recv(use_awaitable);
        } catch (const system_error &error) {
            CHECK(error.code() == errc::closed);
            CHECK_EQ(count, 2U);
            break;
        }
    done = true;
}

void simple()
{
    asio::io_context context;
    bool is_large_done = false, is_end_done = false;
    asio::co_spawn(context, echo_a_large_one(is_large_done), rethrow);
    asio::co_spawn(context, end(is_end_done), rethrow);
    run(context);
    CHECK(is_large_done);
    CHECK(is_end_done);
}

} // namespace

int main()
{
    simple();
    echoing();
    echoing_in_a_pool();
    sharing();
    full_queue();
    ending_while_full();
    idle();
    ktorws::shutdown(patience);
}
#endif
