/*
 * Sessions as I/O objects of Asio.
 *
 *     #include <boost/asio.hpp>
 *     #include <iostream>
 *     #include <ktorws/asio.hpp>
 *
 *     boost::asio::awaitable<void> talk(ktorws::async_session &session) {
 *         co_await session.async_connect("ws://127.0.0.1:9000/", boost::asio::use_awaitable);
 *         co_await session.async_send_text("hello", boost::asio::use_awaitable);
 *         const ktorws::frame message = co_await session.async_recv(boost::asio::use_awaitable);
 *         std::cout << message.text() << "\n";
 *         co_await session.async_close(boost::asio::use_awaitable);
 *     }
 *
 *     int main() {
 *         boost::asio::io_context context;
 *         ktorws::async_session session(context);
 *         boost::asio::co_spawn(context, talk(session), boost::asio::detached);
 *         context.run();
 *     }
 *
 * Boost 1.77 or later; with ASIO_STANDALONE the Asio that needs no Boost, 1.20 or later. ktorws.hpp has the other
 * conventions.
 *
 * - Completion tokens: any. Handlers are called on their associated executor, by default that of the session, never by
 *   the function that starts the operation. The memory of an operation comes from the associated allocator.
 * - Errors: boost::system::error_code, or std::error_code with ASIO_STANDALONE. A ktorws::errc keeps its category, so
 *   that `ec == ktorws::errc::closed` holds. An operation that was cancelled completes with
 *   asio::error::operation_aborted.
 * - Threads: any thread may start operations at any time, and no operation blocks a thread. One thread at a time calls
 *   async_connect, moves or destroys a session, while no other uses it.
 * - Lifetime: destroying a session cancels its operations, and aborts it if it is open. It must not outlive the
 *   execution context, like every I/O object.
 */

#ifndef KTORWS_ASIO_HPP
#define KTORWS_ASIO_HPP

#include <ktorws.hpp>

#if defined(ASIO_STANDALONE)
#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/basic_waitable_timer.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/compose.hpp>
#include <asio/error.hpp>
#include <asio/execution_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <asio/post.hpp>
#else
#include <boost/version.hpp>
#if BOOST_VERSION < 107700
#error "ktorws/asio.hpp needs Boost 1.77 or later"
#endif
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#endif

#include <ktorws/detail/asio_operations.hpp>

namespace ktorws {

/** A session whose operations complete as those of Asio do. */
template <typename Executor = detail::net::any_io_executor> class basic_async_session final {
  public:
    using executor_type = Executor;

    /** The same for another executor. */
    template <typename Other> struct rebind_executor {
        using other = basic_async_session<Other>;
    };

    /** Without a connection. */
    explicit basic_async_session(const executor_type &executor) : executor_(executor) {}

    template <typename Context,
              typename = std::enable_if_t<std::is_convertible_v<Context &, detail::net::execution_context &>>>
    explicit basic_async_session(Context &context) : executor_(context.get_executor())
    {
    }

    basic_async_session(basic_async_session &&other) noexcept
        : executor_(other.executor_), connection_(std::move(other.connection_))
    {
    }

    basic_async_session &operator=(basic_async_session &&other) noexcept
    {
        basic_async_session moved(std::move(other));
        std::swap(executor_, moved.executor_);
        connection_.swap(moved.connection_);
        return *this;
    }

    ~basic_async_session()
    {
        if (connection_ != nullptr)
            connection_->close();
    }

    basic_async_session(const basic_async_session &) = delete;
    basic_async_session &operator=(const basic_async_session &) = delete;

    executor_type get_executor() const noexcept { return executor_; }

    /**
     * The session, for everything that does not wait: its state, its statistics, `close`. Empty before async_connect.
     * After a failure its session_error() has the details.
     */
    session_view view() const noexcept
    {
        const auto session = connection_ == nullptr ? nullptr : connection_->session();
        return session == nullptr ? session_view() : session_view(*session);
    }

    /** Cancels all operations. The session goes on, unless it was being opened. */
    void cancel()
    {
        if (connection_ != nullptr)
            connection_->cancel();
    }

    /**
     * Opens the session, as ws_connect_async does. Completes with `void(error_code)`. A session that was open before
     * is aborted.
     *
     * Callbacks of the configuration are called too, if they were set in C++. With on_frame, async_recv fails with
     * errc::state.
     *
     * Cancellation: terminal, partial and total. It aborts the session.
     */
    template <typename Token = detail::default_token<executor_type>>
    auto async_connect(zstring url, const config &settings, Token &&token = Token())
    {
        return compose<Token, void(error_code)>(
            detail::connect_operation<basic_async_session>{this, executor_, url.c_str(), settings}, token);
    }

    template <typename Token = detail::default_token<executor_type>,
              typename = std::enable_if_t<!std::is_convertible_v<Token, const config &>>>
    auto async_connect(zstring url, Token &&token = Token())
    {
        return async_connect(std::move(url), config(), std::forward<Token>(token));
    }

    /**
     * Receives the next message. Completes with `void(error_code, ktorws::frame)`; with an error the frame is empty.
     * Several may be outstanding: each message completes one of them. A thread that runs the executor reads the
     * connection itself.
     *
     * Cancellation: terminal, partial and total. No message is lost.
     */
    template <typename Token = detail::default_token<executor_type>> auto async_recv(Token &&token = Token())
    {
        return compose<Token, void(error_code, frame)>(detail::receive_operation<executor_type>{connection_, executor_},
                                                       token);
    }

    /**
     * Sends a frame of any type, as ws_send does. Completes with `void(error_code)` once it is queued, which is at once
     * unless the outgoing queue is full. `data` must remain valid until then.
     *
     * Several may be outstanding: messages are sent in the order of the calls. A ping or pong does not wait for
     * messages; it completes with errc::timeout if too many wait to be sent.
     *
     * Cancellation: terminal, partial and total. Nothing of the message is sent.
     */
    template <typename Token = detail::default_token<executor_type>>
    auto async_send(frame_type type, bytes data, send_flags flags, Token &&token = Token())
    {
        const bool is_control = (static_cast<std::uint32_t>(type) & detail::control_bit) != 0;
        const auto turn = is_control ? detail::turn::none : detail::turn::of_sending;
        return compose<Token, void(error_code)>(
            detail::repeat_operation<executor_type, detail::send_attempt>{
                connection_, executor_, {type, data, flags, is_control}, turn},
            token);
    }

    template <typename Token = detail::default_token<executor_type>,
              typename = std::enable_if_t<!std::is_same_v<std::decay_t<Token>, send_flags>>>
    auto async_send(frame_type type, bytes data, Token &&token = Token())
    {
        return async_send(type, data, send_flags::none, std::forward<Token>(token));
    }

    /** Sends a text message. */
    template <typename Token = detail::default_token<executor_type>>
    auto async_send_text(std::string_view text, Token &&token = Token())
    {
        return async_send(frame_type::text, bytes(text.data(), text.size()), send_flags::none,
                          std::forward<Token>(token));
    }

    /** Sends a binary message. */
    template <typename Token = detail::default_token<executor_type>>
    auto async_send_binary(bytes data, Token &&token = Token())
    {
        return async_send(frame_type::binary, data, send_flags::none, std::forward<Token>(token));
    }

    template <typename Token = detail::default_token<executor_type>>
    auto async_send_binary(detail::net::const_buffer data, Token &&token = Token())
    {
        return async_send_binary(bytes(data.data(), data.size()), std::forward<Token>(token));
    }

    /**
     * Closes the session, as ws_close does, and discards the messages that arrive until it has ended. Completes with
     * `void(error_code)`, without an error regardless of how it ended: see close_info. The close timeout bounds it.
     *
     * To receive the messages before the server's Close, call `view().close()` and receive until errc::closed.
     *
     * Cancellation: terminal and partial. The closing handshake goes on.
     */
    template <typename Token = detail::default_token<executor_type>>
    auto async_close(std::uint32_t code, std::string_view reason, Token &&token = Token())
    {
        return compose<Token, void(error_code)>(
            detail::close_operation<executor_type>{connection_, executor_, code, std::string(reason)}, token);
    }

    template <typename Token = detail::default_token<executor_type>,
              typename = std::enable_if_t<!std::is_convertible_v<Token, std::uint32_t>>>
    auto async_close(Token &&token = Token())
    {
        return async_close(close_code::normal, {}, std::forward<Token>(token));
    }

  private:
    using error_code = detail::net_error_code;

    // Token is not deduced: a handler that is an lvalue is copied.
    template <typename Token, typename Signature, typename Operation>
    auto compose(Operation operation, std::remove_reference_t<Token> &token)
    {
        return detail::net::async_compose<Token, Signature>(std::move(operation), token, executor_);
    }

    executor_type executor_;
    std::shared_ptr<detail::connection<executor_type>> connection_{};

    friend struct detail::connect_operation<basic_async_session>;
};

using async_session = basic_async_session<>;

} // namespace ktorws

#endif
