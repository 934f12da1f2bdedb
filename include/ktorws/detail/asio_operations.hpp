// A part of ktorws/asio.hpp: the operations, which async_compose makes of what is here.

#ifndef KTORWS_DETAIL_ASIO_OPERATIONS_HPP
#define KTORWS_DETAIL_ASIO_OPERATIONS_HPP

#include <ktorws/detail/asio_connection.hpp>

namespace ktorws::detail {

/** How far an operation is. */
enum class stage {
    starting,
    waiting,
    /** It has an outcome, and must not complete in the function that started it. */
    posted,
};

template <typename Self> bool is_cancelled(const Self &self) noexcept
{
    return self.get_cancellation_state().cancelled() != net::cancellation_type::none;
}

/** Has the operation go on behind the function that started it. */
template <typename Executor, typename Self> void post_again(Executor executor, Self &self)
{
    net::post(executor, std::move(self));
}

/** Receives a message. */
template <typename Executor> struct receive_operation {
    std::shared_ptr<connection<Executor>> from;
    Executor executor;
    frame received{};
    net_error_code result{};
    detail::stage stage = detail::stage::starting;

    template <typename Self> void operator()(Self &self, net_error_code waited = {})
    {
        const auto was = std::exchange(stage, stage::waiting);
        if (was == stage::starting)
            self.reset_cancellation_state(net::enable_total_cancellation());
        if (was != stage::posted) {
            const auto kept = from;
            if (kept == nullptr)
                result = make_error_code(errc::invalid_argument);
            else if (waited || is_cancelled(self))
                result = aborted();
            else if (kept->waits_to_receive(self, received, result))
                return;
            from = nullptr;
            if (was == stage::starting) {
                stage = stage::posted;
                return post_again(executor, self);
            }
        }
        self.complete(result, std::move(received));
    }
};

/** Makes an attempt until it has an outcome. An attempt returns whether it has. */
template <typename Executor, typename Attempt> struct repeat_operation {
    std::shared_ptr<connection<Executor>> with;
    Executor executor;
    Attempt attempt;
    turn order;
    std::shared_ptr<typename connection<Executor>::place> held{};
    net_error_code result{};
    detail::stage stage = detail::stage::starting;

    template <typename Self> void operator()(Self &self, net_error_code = {})
    {
        const auto was = std::exchange(stage, stage::waiting);
        if (was == stage::starting)
            self.reset_cancellation_state(net::enable_total_cancellation());
        if (was != stage::posted) {
            const auto kept = with;
            if (kept == nullptr)
                result = make_error_code(errc::invalid_argument);
            else if (is_cancelled(self)) {
                kept->withdraw(held);
                result = aborted();
            } else if (kept->waits_to_repeat(self, held, order, attempt, result))
                return;
            with = nullptr;
            if (was == stage::starting) {
                stage = stage::posted;
                return post_again(executor, self);
            }
        }
        self.complete(result);
    }
};

template <typename Executor, typename Attempt, typename Self>
void repeat(const std::shared_ptr<connection<Executor>> &with, Executor executor, Attempt attempt, Self &self)
{
    net::async_compose<Self, void(net_error_code)>(
        repeat_operation<Executor, Attempt>{with, executor, std::move(attempt), turn::none}, self, executor);
}

/** Whether a session has been opened, or could not be. */
struct open_attempt {
    bool operator()(const session &opened, std::error_code &ec) const noexcept
    {
        // Opening may itself have timed out.
        const bool is_opening = opened.state() == session_state::connecting;
        opened.wait_open(time_limit(0), ec);
        return ec != errc::timeout || !is_opening;
    }
};

template <typename AsyncSession> struct connect_operation {
    using executor_type = typename AsyncSession::executor_type;

    AsyncSession *opens; // until it has started
    executor_type executor;
    std::string url;
    config settings;
    std::shared_ptr<connection<executor_type>> opened{};
    net_error_code failed{};

    template <typename Self> void operator()(Self &self, net_error_code result = {})
    {
        if (opens != nullptr) {
            self.reset_cancellation_state(net::enable_total_cancellation());
            opened = std::make_shared<connection<executor_type>>(executor);
            failed = opened->open(url, settings);
            AsyncSession &owner = *std::exchange(opens, nullptr);
            if (const auto before = std::exchange(owner.connection_, opened))
                before->close();
            if (failed)
                return post_again(executor, self);
            return repeat(std::shared_ptr(opened), executor, open_attempt{}, self);
        }
        const auto session = opened->session();
        opened = nullptr;
        if (result == aborted() && session != nullptr) {
            std::error_code ignored; // an abort does not fail
            session->abort(ignored);
        }
        self.complete(failed ? failed : result);
    }
};

/** The bit of the types of control frames (RFC 6455 section 5.2). */
inline constexpr std::uint32_t control_bit = 8;

/** Sends a frame without waiting. */
struct send_attempt {
    frame_type type;
    bytes data;
    send_flags flags;
    bool is_control;

    bool operator()(const session &to, std::error_code &ec) const noexcept
    {
        to.send(type, data, flags, time_limit(0), ec);
        // on_writable follows when there is room for messages, but not when there is for control frames.
        if (ec != errc::timeout || is_control)
            return true;
        if (to.state() != session_state::closed)
            return false;
        // How it ended, which may be that opening it timed out.
        to.send(type, data, flags, time_limit(0), ec);
        return true;
    }
};

/** Whether on_close was called. */
struct end_attempt {
    std::shared_ptr<event_signal> signal;

    bool operator()(const session &, std::error_code &) const noexcept { return signal->has_closed; }
};

/** Closes, and receives until the end. */
template <typename Executor> struct close_operation {
    std::shared_ptr<connection<Executor>> closes;
    Executor executor;
    std::uint32_t code;
    std::string reason;
    net_error_code result{};
    detail::stage stage = detail::stage::starting;
    bool has_received_all = false;

    template <typename Self> void operator()(Self &self, net_error_code waited = {})
    {
        const auto was = std::exchange(stage, stage::waiting);
        const auto kept = closes;
        if (was == stage::starting) {
            self.reset_cancellation_state(net::enable_partial_cancellation());
            result = start(kept);
            if (result)
                return post_result(self);
        } else if (was == stage::posted || has_received_all || waited || is_cancelled(self)) {
            if (has_received_all)
                result = waited;
            else if (was != stage::posted)
                result = aborted();
            closes = nullptr;
            return self.complete(result);
        }
        discard(kept, self);
    }

  private:
    /** Others that use the executor have their turn after so many messages. */
    static constexpr int messages_per_turn = 64;

    net_error_code start(const std::shared_ptr<connection<Executor>> &kept) const
    {
        const auto session = kept == nullptr ? nullptr : kept->session();
        if (session == nullptr)
            return make_error_code(errc::invalid_argument);
        std::error_code ec;
        session->close(code, reason, ec);
        // Operations that wait for room fail now.
        kept->wake();
        return ec;
    }

    template <typename Self> void post_result(Self &self)
    {
        stage = stage::posted;
        post_again(executor, self);
    }

    template <typename Self> void discard(const std::shared_ptr<connection<Executor>> &kept, Self &self)
    {
        for (int i = 0; i < messages_per_turn; i++) {
            frame discarded;
            net_error_code ec;
            if (kept->waits_to_receive(self, discarded, ec))
                return;
            if (ec == aborted()) {
                result = ec;
                return post_result(self);
            }
            if (ec && ec != errc::interrupted) {
                has_received_all = true;
                return repeat(kept, executor, end_attempt{kept->signal()}, self);
            }
        }
        post_again(executor, self);
    }
};

} // namespace ktorws::detail

#endif
