// A part of ktorws/asio.hpp: what the operations of one session share.

#ifndef KTORWS_DETAIL_ASIO_CONNECTION_HPP
#define KTORWS_DETAIL_ASIO_CONNECTION_HPP

#include <ktorws.hpp>

#include <atomic>
#include <cerrno>
#include <list>
#include <sys/eventfd.h>
#include <unistd.h>

namespace ktorws::detail {

#if defined(ASIO_STANDALONE)
namespace net = ::asio;
using net_error_code = std::error_code;
#else
namespace net = ::boost::asio;
using net_error_code = boost::system::error_code;
#endif

template <typename Executor> using default_token = typename net::default_completion_token<Executor>::type;

inline net_error_code aborted() noexcept { return net::error::operation_aborted; }

/**
 * A descriptor that callbacks make readable. Threads of the library only write it: they call nothing of Asio, which
 * would have to be kept alive for them.
 */
class event_signal {
  public:
    event_signal() noexcept : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

    ~event_signal()
    {
        if (descriptor_ >= 0)
            ::close(descriptor_);
    }

    event_signal(const event_signal &) = delete;
    event_signal &operator=(const event_signal &) = delete;

    int descriptor() const noexcept { return descriptor_; }

    void set() const noexcept
    {
        const std::uint64_t one = 1;
        while (::write(descriptor_, &one, sizeof one) < 0 && errno == EINTR)
            continue;
    }

    void clear() const noexcept
    {
        std::uint64_t count = 0;
        while (::read(descriptor_, &count, sizeof count) < 0 && errno == EINTR)
            continue;
    }

    /** on_close was called. */
    std::atomic<bool> has_closed{false};

  private:
    int descriptor_;
};

/** Callbacks that set the signal, and call those of the configuration. */
inline callbacks signalling(const std::shared_ptr<event_signal> &signal, const std::shared_ptr<const callbacks> &own)
{
    callbacks calls;
    calls.on_open = [signal, own](session_view session) {
        signal->set();
        if (own != nullptr && own->on_open)
            own->on_open(session);
    };
    calls.on_writable = [signal, own](session_view session) {
        signal->set();
        if (own != nullptr && own->on_writable)
            own->on_writable(session);
    };
    calls.on_close = [signal, own](session_view session, std::error_code status) {
        signal->has_closed = true;
        signal->set();
        if (own != nullptr && own->on_close)
            own->on_close(session, status);
    };
    if (own != nullptr && own->on_frame)
        calls.on_frame = [own](session_view session, frame_view message) { own->on_frame(session, message); };
    if (own != nullptr && own->on_exception)
        calls.on_exception = [own](session_view session, std::exception_ptr exception) {
            own->on_exception(session, std::move(exception));
        };
    return calls;
}

/** In which order operations are tried. */
enum class turn {
    none,
    /** One after the other. */
    of_sending,
};

/** A session, and the operations that wait for it. Operations share it: it may live longer than the I/O object. */
template <typename Executor> class connection : public std::enable_shared_from_this<connection<Executor>> {
  public:
    /** Where an operation waits until it is tried again. */
    struct place {
        using clock = std::chrono::steady_clock;

        // A timer that never expires but is cancelled: the execution context owns what waits, and is kept running.
        explicit place(const Executor &executor) : wakes(executor, clock::time_point::max()) {}

        net::basic_waitable_timer<clock, net::wait_traits<clock>, Executor> wakes;
        bool is_cancelled = false;
    };

    connection(const Executor &executor) : executor_(executor), events_(executor), signals_(executor) {}

    connection(const connection &) = delete;
    connection &operator=(const connection &) = delete;

    ~connection() { close(); }

    net_error_code open(const zstring &url, const config &settings)
    {
        std::error_code ec;
        config watched(settings);
        watched.set_callbacks(signalling(signal_, opening::callbacks_of(settings)), ec);
        if (ec)
            return ec;
        if (signal_->descriptor() < 0)
            return make_error_code(errc::internal);
        session_ = std::make_shared<const ktorws::session>(opening::connect_async(url, &watched, ec));
        if (ec)
            return ec;
        net_error_code failed;
        // There is none for sessions whose messages go to a callback or a group.
        if (const int descriptor = session_->event_fd(); descriptor >= 0)
            events_.assign(descriptor, failed);
        if (!failed)
            signals_.assign(signal_->descriptor(), failed);
        return failed;
    }

    /** NULL once the I/O object is gone. */
    std::shared_ptr<const ktorws::session> session() const
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return session_;
    }

    /** Cancels the operations and frees the handle of the session. */
    void close()
    {
        std::shared_ptr<const ktorws::session> last; // freed behind the lock
        const std::lock_guard<std::mutex> lock(mutex_);
        is_closed_ = true;
        // Both descriptors have other owners, which close them: the reactor must forget them before that. A duplicate
        // that Asio could close would be a second descriptor for each session.
        for (auto *const watched : {&events_, &signals_})
            if (watched->is_open())
                watched->release();
        cancel_places();
        last = std::move(session_);
    }

    void cancel()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (events_.is_open())
            events_.cancel();
        cancel_places();
    }

    /** Has the operations that wait try again. */
    void wake()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        wake_places();
    }

    /**
     * Receives a message without waiting. If there is none, has `self` wait for one and returns true. After anything
     * else `result` is the outcome.
     */
    template <typename Self> bool waits_to_receive(Self &self, frame &received, net_error_code &result)
    {
        const auto opened = session();
        if (opened == nullptr) {
            result = aborted();
            return false;
        }
        std::error_code ec;
        received = opened->recv(time_limit(0), ec);
        const bool is_empty = ec == errc::timeout;
        if (is_empty && opened->is_closed_for_receive())
            // How it ended, which may be that opening it timed out.
            received = opened->recv(time_limit(0), ec);
        else if (is_empty) {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (is_closed_) {
                result = aborted();
                return false;
            }
            if (events_.is_open()) {
                // Asio looks whether it is readable already when it begins to wait.
                events_.async_wait(events_.wait_read, std::move(self));
                return true;
            }
            ec = errc::internal;
        }
        result = ec;
        return false;
    }

    /**
     * Makes an attempt, when it is the operation's turn. If it has no outcome, has `self` wait for the next one and
     * returns true. After anything else `result` is the outcome.
     */
    template <typename Self, typename Attempt>
    bool waits_to_repeat(Self &self, std::shared_ptr<place> &held, turn order, const Attempt &attempt,
                         net_error_code &result)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            if (is_closed_ || (held != nullptr && held->is_cancelled)) {
                result = aborted();
                break;
            }
            const auto opened = session_;
            const auto seen = wakeups_;
            if (is_first(held, order)) {
                std::error_code ec;
                lock.unlock();
                const bool has_outcome = opened == nullptr || attempt(*opened, ec);
                lock.lock();
                if (has_outcome) {
                    result = opened == nullptr ? make_error_code(errc::invalid_argument) : ec;
                    break;
                }
                // What it waits for may have happened since.
                if (is_closed_ || seen != wakeups_)
                    continue;
            }
            wait(self, held, order);
            return true;
        }
        leave(held);
        return false;
    }

    /** Withdraws an operation that waits no longer. */
    void withdraw(std::shared_ptr<place> &held)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        leave(held);
    }

    const std::shared_ptr<event_signal> &signal() const noexcept { return signal_; }

  private:
    using places = std::list<std::shared_ptr<place>>;

    // What follows is called with the lock held.

    bool is_first(const std::shared_ptr<place> &held, turn order) const noexcept
    {
        return order == turn::none || senders_.empty() || senders_.front() == held;
    }

    template <typename Self> void wait(Self &self, std::shared_ptr<place> &held, turn order)
    {
        if (held == nullptr) {
            held = std::allocate_shared<place>(net::get_associated_allocator(self), executor_);
            (order == turn::none ? others_ : senders_).push_back(held);
        }
        watch();
        auto &wakes = held->wakes;
        wakes.async_wait(std::move(self));
    }

    void leave(std::shared_ptr<place> &held)
    {
        if (held == nullptr)
            return;
        const bool was_first = !senders_.empty() && senders_.front() == held;
        senders_.remove(held);
        others_.remove(held);
        held = nullptr;
        if (was_first && !senders_.empty())
            senders_.front()->wakes.cancel();
        if (senders_.empty() && others_.empty() && is_watching_ && !is_closed_)
            signals_.cancel();
    }

    void cancel_places()
    {
        for (const places *waiting : {&senders_, &others_})
            for (const auto &each : *waiting) {
                each->is_cancelled = true;
                each->wakes.cancel();
            }
    }

    void wake_places()
    {
        wakeups_++;
        if (!senders_.empty())
            senders_.front()->wakes.cancel();
        for (const auto &each : others_)
            each->wakes.cancel();
    }

    /** Waits for the signal while operations do. */
    void watch()
    {
        if (is_watching_ || is_closed_)
            return;
        is_watching_ = true;
        signals_.async_wait(signals_.wait_read, [kept = this->shared_from_this()](const net_error_code &) {
            const std::lock_guard<std::mutex> lock(kept->mutex_);
            kept->is_watching_ = false;
            if (kept->is_closed_ || (kept->senders_.empty() && kept->others_.empty()))
                return;
            kept->signal_->clear();
            kept->wake_places();
            kept->watch();
        });
    }

    mutable std::mutex mutex_{};
    const Executor executor_;
    const std::shared_ptr<event_signal> signal_ = std::make_shared<event_signal>();
    std::shared_ptr<const ktorws::session> session_{};
    net::posix::basic_stream_descriptor<Executor> events_;
    net::posix::basic_stream_descriptor<Executor> signals_;
    places senders_{};
    places others_{};
    std::uint64_t wakeups_ = 0;
    bool is_watching_ = false;
    bool is_closed_ = false;
};

} // namespace ktorws::detail

#endif
