// Operations of Asio with callbacks, futures and deferred ones: what they complete with, where, and with whose memory.

#include "async.hpp"
#include <future>
#include <thread>

namespace
{

void talking()
{
    asio::io_context context;
    async_session session(context);
    CHECK(!session.view());
    connect(context, session, echo_url());
    CHECK_EQ(session.view().state(), ktorws::session_state::open);

    const std::string text(100, 't'), binary(100, 'b');
    outcome sent[5], received[4], closed;
    session.async_send_text(text, sent[0].record());
    session.async_send_binary(ktorws::bytes(binary), sent[1].record());
    session.async_send_binary(asio::buffer(binary), sent[2].record());
    session.async_send(ktorws::frame_type::text, ktorws::bytes(text), ktorws::send_flags::no_compress,
                       sent[3].record());
    session.async_send(ktorws::frame_type::ping, {}, sent[4].record());
    for (const outcome &each : sent)
        CHECK(!each.is_complete);
    run(context);
    for (const outcome &each : sent)
        CHECK_OK(each.ec);

    // As many receivers as messages: each gets one.
    for (outcome &each : received)
        session.async_recv(each.record());
    for (const outcome &each : received)
        CHECK(!each.is_complete);
    run(context);
    std::size_t texts = 0;
    for (const outcome &each : received) {
        CHECK_OK(each.ec);
        texts += each.text == text;
        CHECK(each.text == text || each.text == binary);
    }
    CHECK_EQ(texts, 2U);

    session.async_close(3000, "enough", closed.record());
    CHECK(!closed.is_complete);
    run(context);
    CHECK_OK(closed.ec);
    CHECK_EQ(session.view().close_info().remote_code, 3000U);
    CHECK(session.view().close_info().clean);
}

// How sessions end is what async_recv completes with, each time.
void ending()
{
    asio::io_context context;
    async_session session(context);
    connect(context, session, echo_url("burst/3"));
    for (const char *expected : {"0", "1", "2"}) {
        outcome received;
        session.async_recv(received.record());
        run(context);
        CHECK_OK(received.ec);
        CHECK_EQ(received.text, expected);
    }
    for (int i = 0; i < 2; i++) {
        outcome received, sent;
        session.async_recv(received.record());
        session.async_send_text("late", sent.record());
        run(context);
        CHECK(received.ec == errc::closed);
        CHECK(sent.ec == errc::closed);
        const std::error_code as_std = received.ec;
        CHECK_CODE(as_std, closed);
        CHECK(as_std == std::errc::not_connected);
    }

    outcome received;
    connect(context, session, echo_url("drop"));
    session.async_recv(received.record());
    run(context);
    CHECK(received.ec == errc::closed_abnormally);

    outcome closed;
    connect(context, session, echo_url("close/1013/later"));
    session.async_close(closed.record());
    run(context);
    CHECK_OK(closed.ec);
    CHECK_EQ(session.view().close_info().remote_code, 1013U);
}

void failing()
{
    asio::io_context context;
    async_session session(context);
    outcome nothing[3];
    session.async_recv(nothing[0].record());
    session.async_send_text("", nothing[1].record());
    session.async_close(nothing[2].record());
    for (const outcome &each : nothing)
        CHECK(!each.is_complete);
    run(context);
    for (const outcome &each : nothing)
        CHECK(each.ec == errc::invalid_argument);

    outcome refused, url, setting, invalid;
    session.async_connect("ws://127.0.0.1:1/", refused.record());
    run(context);
    CHECK(refused.ec == errc::connect);
    CHECK_EQ(session.view().session_error().os_error(), std::errc::connection_refused);
    session.async_connect("http//", url.record());
    CHECK(!url.is_complete);
    run(context);
    CHECK(url.ec == errc::url);

    ktorws::config config;
    std::error_code ec;
    config.set_tls_alpn("h3", ec);
    session.async_connect(echo_url(), config, setting.record());
    run(context);
    CHECK(setting.ec == ec);

    connect(context, session, echo_url());
    session.async_send_text("\xff", invalid.record());
    run(context);
    CHECK(invalid.ec == errc::utf8);
}

// Opening that takes too long ends with the timeout, and so does all that follows; nothing waits for it in vain.
void opening_too_long()
{
    asio::io_context context;
    asio::ip::tcp::acceptor silent(context, {asio::ip::address_v4::loopback(), 0});
    const auto url = "ws://127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + "/";
    async_session session(context);
    outcome opened, received, sent, closed;
    session.async_connect(url, ktorws::config().set_open_timeout(std::chrono::milliseconds(20)), opened.record());
    run(context);
    CHECK(opened.ec == errc::timeout);
    session.async_recv(received.record());
    session.async_send_text("", sent.record());
    session.async_close(closed.record());
    run(context);
    CHECK(received.ec == errc::timeout);
    CHECK(sent.ec);
    CHECK_OK(closed.ec);
}

// The configuration's own callbacks are called as well.
void own_callbacks()
{
    asio::io_context context;
    std::promise<void> opened, closed;
    ktorws::callbacks calls;
    calls.on_open = [&](ktorws::session_view) { opened.set_value(); };
    calls.on_close = [&](ktorws::session_view, std::error_code) { closed.set_value(); };
    async_session session(context);
    connect(context, session, echo_url("burst/0"), ktorws::config().set_callbacks(calls));
    CHECK(opened.get_future().wait_for(patience) == std::future_status::ready);
    CHECK(closed.get_future().wait_for(patience) == std::future_status::ready);

    // Messages go to a callback: they cannot be received, but the session can be closed.
    std::promise<std::string> got;
    ktorws::callbacks receiving;
    receiving.on_frame = [&](ktorws::session_view, ktorws::frame_view message) {
        got.set_value(std::string(message.text()));
    };
    connect(context, session, echo_url("hello"), ktorws::config().set_callbacks(receiving));
    CHECK_EQ(got.get_future().get(), "hello");
    outcome received, ended;
    session.async_recv(received.record());
    session.async_close(ended.record());
    run(context);
    CHECK(received.ec == errc::state);
    CHECK_OK(ended.ec);
}

// An allocator that counts.
template <typename T> struct counting {
    using value_type = T;

    counting(std::ptrdiff_t *now, std::ptrdiff_t *ever) : balance(now), total(ever)
    {
    }

    template <typename Other> counting(const counting<Other> &other) : balance(other.balance), total(other.total)
    {
    }

    T *allocate(std::size_t count)
    {
        ++*balance;
        ++*total;
        return std::allocator<T>().allocate(count);
    }

    void deallocate(T *memory, std::size_t count)
    {
        --*balance;
        std::allocator<T>().deallocate(memory, count);
    }

    template <typename Other> bool operator==(const counting<Other> &other) const
    {
        return balance == other.balance;
    }

    template <typename Other> bool operator!=(const counting<Other> &other) const
    {
        return balance != other.balance;
    }

    std::ptrdiff_t *balance;
    std::ptrdiff_t *total;
};

// A handler that is only moved, and has an executor and an allocator.
struct particular {
    using executor_type = asio::strand<asio::io_context::executor_type>;
    using allocator_type = counting<char>;

    executor_type get_executor() const
    {
        return strand;
    }

    allocator_type get_allocator() const
    {
        return allocator;
    }

    void operator()(error_code ec, const frame & = {})
    {
        CHECK_OK(ec);
        CHECK(strand.running_in_this_thread());
        ++*calls;
    }

    executor_type strand;
    allocator_type allocator;
    std::unique_ptr<int> calls;
};

void associated()
{
    asio::io_context context;
    std::ptrdiff_t balance = 0, total = 0;
    {
        async_session session(context);
        const auto handler = [&] {
            return particular{asio::make_strand(context), counting<char>(&balance, &total), std::make_unique<int>()};
        };
        session.async_connect(echo_url("hello"), handler());
        run(context);
        CHECK(std::exchange(total, 0) > 0);
        session.async_recv(handler());
        run(context);
        session.async_recv(handler());
        session.async_send_text("x", handler());
        run(context);
        CHECK(std::exchange(total, 0) > 0);
        session.async_close(handler());
        run(context);
        CHECK(total > 0);
    }
    CHECK_EQ(balance, 0);
}

void futures()
{
    asio::io_context context;
    auto work = asio::make_work_guard(context);
    std::thread runner([&] { context.run(); });
    {
        async_session session(context);
        session.async_connect(echo_url(), asio::use_future).get();
        const std::string big(3'000'000, 'x');
        auto sent = session.async_send_binary(ktorws::bytes(big), asio::use_future);
        CHECK_EQ(session.async_recv(asio::use_future).get().size(), big.size());
        sent.get();
        session.async_close(asio::use_future).get();
        try {
            session.async_recv(asio::use_future).get();
            CHECK(false);
        } catch (const system_error &error) {
            CHECK(error.code() == errc::closed);
        }
    }
    work.reset();
    runner.join();
}

// A deferred operation does nothing until it is launched. An lvalue handler is copied.
void deferred()
{
    asio::io_context context;
    async_session session(context);
    auto connecting = session.async_connect(echo_url("hello"), asio::deferred);
    context.poll();
    CHECK(!session.view());
    outcome opened, received;
    std::move(connecting)(opened.record());
    run(context);
    CHECK_OK(opened.ec);

    auto shared = std::make_shared<outcome>();
    const auto handler = [shared](error_code ec, const frame &message) { shared->record()(ec, message); };
    session.async_recv(handler);
    run(context);
    CHECK_EQ(shared->text, "hello");
    CHECK_EQ(shared.use_count(), 2);
}

// Another executor than any_io_executor, with a default token.
void other_executors()
{
    asio::thread_pool pool(1);
    using strand = asio::strand<asio::thread_pool::executor_type>;
    struct future_executor : strand {
        using default_completion_token_type = asio::use_future_t<>;

        explicit future_executor(const strand &base) : strand(base)
        {
        }
    };
    async_session::rebind_executor<future_executor>::other session(future_executor(asio::make_strand(pool)));
    session.async_connect(echo_url("hello")).get();
    CHECK_EQ(session.async_recv().get().text(), "hello");
    auto moved = std::move(session);
    CHECK(!session.view());
    session = std::move(moved);
    moved = std::move(session);
    moved.async_close().get();
    pool.join();
}

} // namespace

int main()
{
    talking();
    ending();
    failing();
    opening_too_long();
    own_callbacks();
    associated();
    futures();
    deferred();
    other_executors();
    ktorws::shutdown(patience);
}
