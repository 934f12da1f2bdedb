// Operations of Asio that are cancelled, or whose session or execution context is destroyed before they complete.

#include "async.hpp"
#include <algorithm>
#include <atomic>
#include <fcntl.h>

namespace
{

using asio::cancellation_type;

constexpr std::size_t mebibyte = 1 << 20;
// More than the kernel takes for a server that does not read.
constexpr unsigned many = 24;

bool was_aborted(const outcome &of)
{
    return of.is_complete && of.ec == asio::error::operation_aborted;
}

std::string url()
{
    return environment("STEERED_WS_URL");
}

// Messages that wait for room. The first is numbered 0; those of `without` have other numbers.
struct flood {
    flood(asio::io_context &context, async_session &session, std::vector<unsigned> without = {})
    {
        STEER("read off");
        unsigned number = 0;
        for (unsigned i = 0; i < many; i++) {
            const bool is_left_out = std::find(without.begin(), without.end(), i) != without.end();
            texts[i] = numbered(is_left_out ? many + i : number++, mebibyte);
            session.async_send_text(texts[i], asio::bind_cancellation_slot(signals[i].slot(), sent[i].record()));
        }
        context.restart();
        context.poll();
        CHECK(!sent[many - 1].is_complete);
    }

    std::string texts[many];
    outcome sent[many];
    asio::cancellation_signal signals[many];
};

void receiving()
{
    asio::io_context context;
    async_session session(context);
    connect(context, session, url());
    for (const auto type : {cancellation_type::terminal, cancellation_type::partial, cancellation_type::total}) {
        outcome received;
        asio::cancellation_signal signal;
        session.async_recv(asio::bind_cancellation_slot(signal.slot(), received.record()));
        context.restart();
        context.poll();
        CHECK(!received.is_complete);
        signal.emit(type);
        CHECK(!received.is_complete);
        run(context);
        CHECK(was_aborted(received));
    }
    outcome several[3];
    for (outcome &each : several)
        session.async_recv(each.record());
    session.cancel();
    CHECK(!several[0].is_complete);
    run(context);
    for (const outcome &each : several)
        CHECK(was_aborted(each));

    // The session goes on, and nothing is lost.
    STEER("texts 3");
    for (const char *expected : {"0", "1", "2"}) {
        outcome received;
        session.async_recv(received.record());
        run(context);
        CHECK_EQ(received.text, expected);
    }
}

void sending()
{
    asio::io_context context;
    async_session session(context);
    connect(context, session, url());
    {
        flood sends(context, session, {many - 7, many - 2, many - 1});
        sends.signals[many - 7].emit(cancellation_type::terminal);
        sends.signals[many - 2].emit(cancellation_type::partial);
        sends.signals[many - 1].emit(cancellation_type::total);
        run_until(context, [&] { return was_aborted(sends.sent[many - 1]); });
        STEER("read on");
        run(context);
        CHECK(was_aborted(sends.sent[many - 7]));
        CHECK(was_aborted(sends.sent[many - 2]));
        for (const outcome &each : sends.sent)
            if (!was_aborted(each))
                CHECK_OK(each.ec);
        CHECK_EQ(steer("in_order " + std::to_string(many - 3) + " " + std::to_string(mebibyte)), "yes");
    }
    // All that wait, the first included. Others that follow do not wait behind them.
    connect(context, session, url());
    flood sends(context, session);
    session.cancel();
    run(context);
    unsigned queued = 0;
    for (const outcome &each : sends.sent) {
        CHECK(was_aborted(each) || !each.ec);
        queued += !each.ec;
    }
    CHECK(queued < many);
    STEER("read on");
    outcome last;
    const std::string text = numbered(queued, mebibyte);
    session.async_send_text(text, last.record());
    run(context);
    CHECK_OK(last.ec);
    CHECK_EQ(steer("in_order " + std::to_string(queued + 1) + " " + std::to_string(mebibyte)), "yes");
}

void opening()
{
    asio::io_context context;
    asio::ip::tcp::acceptor silent(context, {asio::ip::address_v4::loopback(), 0});
    const auto nowhere = "ws://127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + "/";
    async_session session(context);
    for (const bool is_by_slot : {true, false}) {
        outcome opened, received;
        asio::cancellation_signal signal;
        session.async_connect(nowhere, asio::bind_cancellation_slot(signal.slot(), opened.record()));
        session.async_recv(received.record());
        context.restart();
        context.poll();
        CHECK(!opened.is_complete);
        if (is_by_slot)
            signal.emit(cancellation_type::total);
        else
            session.cancel();
        run(context);
        CHECK(was_aborted(opened));
        CHECK(received.ec == errc::aborted || was_aborted(received));
        outcome ended;
        session.async_close(ended.record());
        run(context);
        CHECK_OK(ended.ec);
        CHECK_EQ(session.view().state(), ktorws::session_state::closed);
    }
    connect(context, session, url());
}

void closing()
{
    asio::io_context context;
    async_session session(context);
    connect(context, session, url());
    // The server does not see the Close, but sends what is discarded.
    STEER("read off");
    STEER("texts 5000 1000");
    outcome closed, again;
    asio::cancellation_signal signal;
    session.async_close(4000, "bye", asio::bind_cancellation_slot(signal.slot(), closed.record()));
    context.restart();
    context.poll();
    signal.emit(cancellation_type::total);
    context.poll();
    CHECK(!closed.is_complete);
    signal.emit(cancellation_type::partial);
    run(context);
    CHECK(was_aborted(closed));
    // The closing handshake went on.
    STEER("read on");
    CHECK_EQ(steer("close_code"), "4000");
    session.async_close(again.record());
    run(context);
    CHECK_OK(again.ec);
    CHECK_EQ(session.view().close_info().remote_code, 4000U);
}

// A session that is destroyed, or connected anew, cancels what waits.
void destroying()
{
    asio::io_context context;
    auto session = std::make_unique<async_session>(context);
    connect(context, *session, url());
    for (const bool is_replaced : {true, false}) {
        outcome received, opened;
        flood sends(context, *session);
        session->async_recv(received.record());
        if (is_replaced)
            session->async_connect(url(), opened.record());
        else
            session.reset();
        CHECK(!received.is_complete);
        run(context);
        CHECK(was_aborted(received));
        CHECK(was_aborted(sends.sent[many - 1]));
        for (const outcome &each : sends.sent)
            CHECK(was_aborted(each) || !each.ec);
        CHECK(opened.is_complete == is_replaced);
    }

    // While it opens, and while it closes.
    outcome opened, closed;
    asio::ip::tcp::acceptor silent(context, {asio::ip::address_v4::loopback(), 0});
    session = std::make_unique<async_session>(context);
    session->async_connect("ws://127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + "/", opened.record());
    session.reset();
    run(context);
    CHECK(was_aborted(opened));
    session = std::make_unique<async_session>(context);
    connect(context, *session, url());
    STEER("read off");
    session->async_close(closed.record());
    session.reset();
    run(context);
    CHECK(was_aborted(closed));

    // Another owner keeps the connection and its descriptor.
    session = std::make_unique<async_session>(context);
    connect(context, *session, url());
    const ktorws::session owner(ws_session_ref(session->view().get()));
    const int descriptor = owner.event_fd();
    session.reset();
    CHECK(fcntl(descriptor, F_GETFD) >= 0);
    STEER("texts 1");
    CHECK_EQ(owner.recv(patience).text(), "0");

    // By the handler of one of its operations.
    session = std::make_unique<async_session>(context);
    connect(context, *session, url());
    outcome other;
    bool is_destroyed = false;
    session->async_recv([&](error_code ec, const frame &) {
        CHECK_OK(ec);
        session.reset();
        is_destroyed = true;
    });
    session->async_recv(other.record());
    STEER("texts 1");
    run(context);
    CHECK(is_destroyed);
    CHECK(was_aborted(other));
}

// The context goes first: its handlers own the sessions, and are destroyed without being called.
void destroying_the_context()
{
    std::string text = numbered(0, mebibyte);
    auto context = std::make_unique<asio::io_context>();
    const auto is_never_called = [](auto &&...) { CHECK(false); };
    for (int i = 0; i < 3; i++) {
        auto session = std::make_shared<async_session>(*context);
        connect(*context, *session, url());
        STEER("read off");
        for (unsigned j = 0; j < many; j++)
            session->async_send_text(text, [session, is_never_called](auto...) {});
        context->restart();
        context->poll();
        session->async_recv([session, is_never_called](auto &&...) { is_never_called(); });
        if (i == 1)
            session->async_close([session, is_never_called](auto...) { is_never_called(); });
    }
    auto opening = std::make_shared<async_session>(*context);
    opening->async_connect(url(), [opening, is_never_called](auto...) { is_never_called(); });
    opening.reset();
    context.reset();
}

// Others use the executor while sessions are destroyed in its strands.
void destroying_in_a_pool()
{
    asio::thread_pool pool(3);
    std::atomic<unsigned> outcomes{0};
    constexpr unsigned sessions = 20, operations = 4;
    for (unsigned i = 0; i < sessions; i++) {
        const auto session = std::make_shared<async_session>(asio::make_strand(pool));
        const auto count = [&outcomes](auto &&...) { outcomes++; };
        session->async_connect(url() + "greeting/50/100", [session, count](error_code ec) {
            CHECK_OK(ec);
            for (unsigned j = 0; j < operations; j++)
                session->async_recv(count);
            asio::post(session->get_executor(), [session] { *session = async_session(session->get_executor()); });
        });
    }
    pool.join();
    CHECK_EQ(outcomes.load(), sessions * operations);
}

} // namespace

int main()
{
    receiving();
    sending();
    opening();
    closing();
    destroying();
    destroying_the_context();
    destroying_in_a_pool();
    ktorws::shutdown(patience);
}
