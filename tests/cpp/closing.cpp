// Ends of sessions: end() and the guard that ends one at the end of a scope.

#include "check.hpp"
#include <stdexcept>

namespace
{

using namespace std::chrono_literals;
using ktorws::close_code::normal;

void ending()
{
    ktorws::session session = ktorws::connect(echo_url());
    ktorws::session other = session.ref();
    session.end(patience);
    CHECK(!session);
    CHECK_EQ(other.state(), ktorws::session_state::closed);
    const ktorws::close_info how = other.close_info();
    CHECK(how.clean && how.initiator == ktorws::close_initiator::local);
    CHECK(how.local_code == normal && how.remote_code == normal);

    // The handle is gone as well when the server does not answer in time.
    session = ktorws::connect(echo_url("silent"));
    other = session.ref();
    CHECK_CODE(THROWN(session.end(0s)).code(), timeout);
    CHECK(!session);
    CHECK_EQ(other.state(), ktorws::session_state::closing);
    std::error_code ec;
    other.end(1ms, ec);
    CHECK_CODE(ec, timeout);
    CHECK(!other);
    other.end(patience, ec);
    CHECK_CODE(ec, invalid_argument);
}

// In a callback, which cannot wait, the session stays as it is.
void in_a_callback()
{
    ktorws::session session = ktorws::connect(echo_url("hello"));
    std::error_code refused;
    session.recv_callback([&, own = std::make_shared<ktorws::session>(session.ref())](ktorws::session_view from,
                                                                                      ktorws::frame_view frame) {
        if (!frame)
            return;
        own->end(patience, refused);
        CHECK(*own == from);
        // The guard starts the end.
        const ktorws::closing closing(*own, patience);
    });
    session.wait_closed(patience);
    CHECK_CODE(refused, state);
    CHECK_EQ(session.close_info().local_code, normal);
}

void guarded()
{
    ktorws::session session = ktorws::connect(echo_url());
    {
        const ktorws::closing closing(session, patience);
        session.send_text("before the Close");
    }
    CHECK(session);
    CHECK(session.close_info().clean);
    CHECK_EQ(session.recv(0s).text(), "before the Close");
    CHECK_CODE(THROWN(session.recv(0s)).code(), closed);

    session = ktorws::connect(echo_url());
    try {
        const ktorws::closing closing(session, patience);
        throw std::runtime_error("on the way out");
    } catch (const std::runtime_error &) {
        CHECK(session.close_info().clean);
    }

    // It owns the session as well, so that the order does not matter.
    session = ktorws::connect(echo_url());
    const ktorws::session other = session.ref();
    {
        const ktorws::closing closing(session, patience);
        session = ktorws::session();
    }
    CHECK(other.close_info().clean);

    // No longer than the limit, and nothing where there is no session.
    session = ktorws::connect(echo_url("silent"));
    {
        const ktorws::closing closing(session, 1ms);
    }
    CHECK_EQ(session.state(), ktorws::session_state::closing);
    session = ktorws::session();
    const ktorws::closing nothing(session, ktorws::no_limit);

    // What is closed already stays as it was closed.
    session = ktorws::connect(echo_url("close/4000/first"));
    session.wait_closed(patience);
    {
        const ktorws::closing closing(session, patience);
    }
    CHECK_EQ(session.close_info().remote_code, 4000U);
    CHECK_EQ(session.close_info().reason, "first");
}

static_assert(!std::is_constructible_v<ktorws::closing, ktorws::session, ktorws::time_limit>);
static_assert(!std::is_copy_constructible_v<ktorws::closing> && !std::is_move_constructible_v<ktorws::closing>);

} // namespace

int main()
{
    ending();
    in_a_callback();
    guarded();
    ktorws::shutdown(patience);
}
