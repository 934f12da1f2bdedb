/*
 * libktorws in C++: ktorws.h with ownership, std::error_code or exceptions, std::chrono and std::function.
 *
 *     #include <ktorws.hpp>
 *     #include <iostream>
 *
 *     int main() {
 *         ktorws::session session = ktorws::connect("ws://127.0.0.1:9000/");
 *         session.send_text("hello");
 *         std::cout << session.recv().text() << "\n";
 *         session.end();
 *     }
 *
 * C++17 or later; nothing to link but libktorws. The manual is ktorws.h: a function here does what the one of its name
 * does there, which is ws_config_NAME for a config, ws_group_NAME, ws_cookie_jar_NAME, ws_auth_NAME, ws_error_NAME for
 * a failure, and ws_NAME for a session; the `get_` of C is left out. Comments here say what is different. Enumerations
 * and flags are enum classes with the numbers of C; close codes are numbers, with names in ktorws::close_code.
 *
 * Conventions, which hold for every function unless it says otherwise:
 *
 * - Errors. A function that can fail is there twice. With a last parameter `std::error_code &ec` it throws nothing but
 *   std::bad_alloc, and `ec` says how it went. Without it, it throws ktorws::error. Where exceptions are switched off
 *   only the first is there. The codes are ktorws::errc; many of them compare equal to a std::errc.
 * - Strings for C are zstrings: a literal, a std::string or, copied, a std::string_view. A string with a NUL byte
 * inside and a null pointer are errc::invalid_argument; nothing is cut off. Paths are zpaths, which take a
 *   std::filesystem::path as well. Payloads and reasons are views: std::string_view and bytes.
 * - What switches something off has a name: no_reconnect, no_callbacks, no_auth_callback, no_cookie_jar, no_group and
 *   no_log, and for a string none, which is the NULL of ktorws.h. `{}` never switches anything off.
 * - Time is a time_limit: any std::chrono::duration, rounded up to milliseconds, or no_limit. A negative duration is
 *   one of 0: a deadline that has passed does not wait for ever.
 * - Ownership. Objects own what they hold, move without throwing, and are empty after that. Views and string_views are
 *   lent as the pointers of ktorws.h are. An empty object is NULL to the library.
 * - Threads. As in ktorws.h: sessions and groups are for all threads at once, everything else for one at a time.
 *   Moving, assigning to or destroying an object is for one thread while no other uses that object.
 * - What needs no C++ is used as it is: ws_version_number, ws_version_string, ws_has_feature, ws_sink_write.
 * - get() is the pointer for ktorws.h, release() hands it over, and an explicit constructor takes one.
 */

#ifndef KTORWS_HPP
#define KTORWS_HPP

#include <ktorws.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#if __cplusplus > 202002L && __has_include(<expected>)
#include <expected>
#endif

#if defined(__cpp_exceptions)
#define KTORWS_EXCEPTIONS 1
#else
#define KTORWS_EXCEPTIONS 0
#endif

namespace ktorws {

/** The statuses of ktorws.h as codes for std::error_code: see ws_status. 0 is no error. */
enum class errc {
    invalid_argument = WS_ERR_INVALID_ARGUMENT,
    state = WS_ERR_STATE,
    buffer_too_small = WS_ERR_BUFFER_TOO_SMALL,
    unsupported = WS_ERR_UNSUPPORTED,
    forked = WS_ERR_FORKED,
    no_memory = WS_ERR_NO_MEMORY,
    url = WS_ERR_URL,
    resolve = WS_ERR_RESOLVE,
    connect = WS_ERR_CONNECT,
    proxy = WS_ERR_PROXY,
    proxy_auth = WS_ERR_PROXY_AUTH,
    tls = WS_ERR_TLS,
    tls_certificate = WS_ERR_TLS_CERTIFICATE,
    handshake_status = WS_ERR_HANDSHAKE_STATUS,
    handshake_invalid = WS_ERR_HANDSHAKE_INVALID,
    too_many_redirects = WS_ERR_TOO_MANY_REDIRECTS,
    protocol = WS_ERR_PROTOCOL,
    utf8 = WS_ERR_UTF8,
    frame_too_big = WS_ERR_FRAME_TOO_BIG,
    message_too_big = WS_ERR_MESSAGE_TOO_BIG,
    extension = WS_ERR_EXTENSION,
    compression = WS_ERR_COMPRESSION,
    closed = WS_ERR_CLOSED,
    closed_abnormally = WS_ERR_CLOSED_ABNORMALLY,
    ping_timeout = WS_ERR_PING_TIMEOUT,
    io = WS_ERR_IO,
    aborted = WS_ERR_ABORTED,
    idle_timeout = WS_ERR_IDLE_TIMEOUT,
    timeout = WS_ERR_TIMEOUT,
    interrupted = WS_ERR_INTERRUPTED,
    overflow = WS_ERR_OVERFLOW,
    internal = WS_ERR_INTERNAL,
};

} // namespace ktorws

template <> struct std::is_error_code_enum<ktorws::errc> : std::true_type {
};

namespace ktorws {

/** How far a session had come when it failed: see ws_phase. */
enum class phase : std::int32_t {
    none = WS_PHASE_NONE,
    resolve = WS_PHASE_RESOLVE,
    connect = WS_PHASE_CONNECT,
    proxy = WS_PHASE_PROXY,
    tls = WS_PHASE_TLS,
    handshake = WS_PHASE_HANDSHAKE,
    open = WS_PHASE_OPEN,
};

/** Where a session stands: see ws_session_state. */
enum class session_state : std::int32_t {
    connecting = WS_STATE_CONNECTING,
    open = WS_STATE_OPEN,
    closing = WS_STATE_CLOSING,
    closed = WS_STATE_CLOSED,
};

/** Close codes: see ws_close_code. They are numbers, as 3000 to 4999 have no names. */
namespace close_code {
inline constexpr std::uint32_t normal = WS_CLOSE_NORMAL;
inline constexpr std::uint32_t going_away = WS_CLOSE_GOING_AWAY;
inline constexpr std::uint32_t protocol_error = WS_CLOSE_PROTOCOL_ERROR;
inline constexpr std::uint32_t cannot_accept = WS_CLOSE_CANNOT_ACCEPT;
inline constexpr std::uint32_t no_status = WS_CLOSE_NO_STATUS;
inline constexpr std::uint32_t abnormal = WS_CLOSE_ABNORMAL;
inline constexpr std::uint32_t not_consistent = WS_CLOSE_NOT_CONSISTENT;
inline constexpr std::uint32_t violated_policy = WS_CLOSE_VIOLATED_POLICY;
inline constexpr std::uint32_t too_big = WS_CLOSE_TOO_BIG;
inline constexpr std::uint32_t no_extension = WS_CLOSE_NO_EXTENSION;
inline constexpr std::uint32_t internal_error = WS_CLOSE_INTERNAL_ERROR;
inline constexpr std::uint32_t service_restart = WS_CLOSE_SERVICE_RESTART;
inline constexpr std::uint32_t try_again_later = WS_CLOSE_TRY_AGAIN_LATER;
inline constexpr std::uint32_t bad_gateway = WS_CLOSE_BAD_GATEWAY;
} // namespace close_code

/** Who began the end of a session: see ws_close_initiator. */
enum class close_initiator : std::uint32_t {
    none = 0,
    local = WS_CLOSED_BY_LOCAL,
    remote = WS_CLOSED_BY_REMOTE,
    protocol = WS_CLOSED_BY_PROTOCOL,
    transport = WS_CLOSED_BY_TRANSPORT,
};

/** What a frame is: see ws_frame_type. */
enum class frame_type : std::uint32_t {
    continuation = WS_FRAME_CONTINUATION,
    text = WS_FRAME_TEXT,
    binary = WS_FRAME_BINARY,
    close = WS_FRAME_CLOSE,
    ping = WS_FRAME_PING,
    pong = WS_FRAME_PONG,
    opened = WS_FRAME_OPENED,
    lost = WS_FRAME_LOST,
    resumed = WS_FRAME_RESUMED,
};

/** How much a line of the log matters: see ws_log_level. */
enum class log_level : std::uint32_t {
    off = WS_LOG_OFF,
    error = WS_LOG_ERROR,
    warning = WS_LOG_WARNING,
    info = WS_LOG_INFO,
    debug = WS_LOG_DEBUG,
};

/** What counts as the answer to a ping: see ws_ping_liveness. */
enum class ping_liveness : std::uint32_t {
    pong = WS_LIVENESS_PONG,
    any = WS_LIVENESS_ANY,
};

/** What happens when a queue is full: see ws_queue_policy. */
enum class queue_policy : std::uint32_t {
    wait = WS_QUEUE_WAIT,
    close = WS_QUEUE_CLOSE,
    drop_oldest = WS_QUEUE_DROP_OLDEST,
};

/** Versions of TLS: see ws_tls_version. */
enum class tls_version : std::uint32_t {
    none = 0,
    tls_1_2 = WS_TLS_1_2,
    tls_1_3 = WS_TLS_1_3,
};

/** How to send: see ws_send_flags. */
enum class send_flags : std::uint32_t {
    none = 0,
    more = WS_SEND_MORE,
    no_compress = WS_SEND_NO_COMPRESS,
    cork = WS_SEND_CORK,
};

/** Flags of a frame: see ws_frame_flags. */
enum class frame_flags : std::uint32_t {
    none = 0,
    more = WS_FLAG_MORE,
    rsv3 = WS_FLAG_RSV3,
    rsv2 = WS_FLAG_RSV2,
    rsv1 = WS_FLAG_RSV1,
};

/** Control frames for config::set_deliver_control: see ws_control_frames. */
enum class control_frames : std::uint32_t {
    none = 0,
    ping = WS_CONTROL_PING,
    pong = WS_CONTROL_PONG,
    close = WS_CONTROL_CLOSE,
};

/** Events for config::set_deliver_events: see ws_event_frames. */
enum class event_frames : std::uint32_t {
    none = 0,
    opened = WS_EVENT_OPENED,
    lost = WS_EVENT_LOST,
    resumed = WS_EVENT_RESUMED,
};

namespace detail {

template <typename T>
inline constexpr bool is_flags = std::is_same_v<T, send_flags> || std::is_same_v<T, frame_flags> ||
                                 std::is_same_v<T, control_frames> || std::is_same_v<T, event_frames>;

template <typename Flags> using if_flags = std::enable_if_t<is_flags<Flags>, int>;

} // namespace detail

template <typename Flags, detail::if_flags<Flags> = 0> constexpr Flags operator|(Flags a, Flags b) noexcept
{
    return static_cast<Flags>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

template <typename Flags, detail::if_flags<Flags> = 0> constexpr Flags operator&(Flags a, Flags b) noexcept
{
    return static_cast<Flags>(static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b));
}

/** Whether `flags` has one of `which`. */
template <typename Flags, detail::if_flags<Flags> = 0> constexpr bool has(Flags flags, Flags which) noexcept
{
    return (flags & which) != Flags::none;
}

namespace detail {

class category final : public std::error_category {
  public:
    const char *name() const noexcept override { return "ktorws"; }

    std::string message(int status) const override { return ws_strerror(status); }

    // Only those that a program may treat alike. A ping timeout is not timed_out: after that one goes on waiting.
    std::error_condition default_error_condition(int status) const noexcept override
    {
        switch (status) {
        case WS_ERR_INVALID_ARGUMENT:
        case WS_ERR_URL:
            return std::errc::invalid_argument;
        case WS_ERR_BUFFER_TOO_SMALL:
            return std::errc::value_too_large;
        case WS_ERR_UNSUPPORTED:
            return std::errc::not_supported;
        case WS_ERR_NO_MEMORY:
            return std::errc::not_enough_memory;
        case WS_ERR_HANDSHAKE_INVALID:
        case WS_ERR_PROTOCOL:
        case WS_ERR_COMPRESSION:
        case WS_ERR_EXTENSION:
            return std::errc::protocol_error;
        case WS_ERR_UTF8:
            return std::errc::illegal_byte_sequence;
        case WS_ERR_FRAME_TOO_BIG:
        case WS_ERR_MESSAGE_TOO_BIG:
            return std::errc::message_size;
        case WS_ERR_CLOSED:
            return std::errc::not_connected;
        case WS_ERR_CLOSED_ABNORMALLY:
            return std::errc::connection_reset;
        case WS_ERR_IO:
            return std::errc::io_error;
        case WS_ERR_ABORTED:
            return std::errc::connection_aborted;
        case WS_ERR_TIMEOUT:
            return std::errc::timed_out;
        case WS_ERR_INTERRUPTED:
            return std::errc::interrupted;
        case WS_ERR_OVERFLOW:
            return std::errc::no_buffer_space;
        default:
            return std::error_condition(status, *this);
        }
    }
};

} // namespace detail

/** The category of errc: "ktorws". */
inline const std::error_category &error_category() noexcept
{
    static const detail::category instance;
    return instance;
}

/** Lets an errc be a std::error_code. */
inline std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), error_category()}; }

/** The name of a code, like "WS_ERR_TIMEOUT". */
inline const char *status_name(const std::error_code &code) noexcept
{
    return ws_status_name(code && code.category() != error_category() ? -1 : code.value());
}

/** How long something may take; see the conventions above. */
class time_limit {
  public:
    /** As ktorws.h has it: a negative number is no limit. */
    constexpr explicit time_limit(std::int64_t milliseconds) noexcept : milliseconds_(milliseconds) {}

    template <typename Rep, typename Period>
    constexpr time_limit(std::chrono::duration<Rep, Period> duration) noexcept : milliseconds_(count(duration))
    {
    }

    /** As ktorws.h has it: -1 for no limit. */
    constexpr std::int64_t milliseconds() const noexcept { return milliseconds_; }

    friend constexpr bool operator==(time_limit a, time_limit b) noexcept { return a.milliseconds_ == b.milliseconds_; }

    friend constexpr bool operator!=(time_limit a, time_limit b) noexcept { return !(a == b); }

  private:
    template <typename Rep, typename Period>
    static constexpr std::int64_t count(std::chrono::duration<Rep, Period> duration) noexcept
    {
        // As far as a double is exact it is close enough, and beyond it is for ever.
        const auto milliseconds = std::chrono::duration<double, std::milli>(duration).count();
        if (!(milliseconds > 0))
            return 0;
        if (milliseconds >= 9e15)
            return std::numeric_limits<std::int64_t>::max();
        return std::chrono::ceil<std::chrono::duration<std::int64_t, std::milli>>(duration).count();
    }

    std::int64_t milliseconds_;
};

inline constexpr time_limit no_limit{-1};

class auth;
class config;
class cookie_jar;
class group;
class session;
class zstring;
struct callbacks;
struct reconnect_options;

namespace detail {

class opening;
class session_operations;

/** The type of a name for nothing. It cannot be made of `{}`. */
template <typename> struct absence {
    constexpr explicit absence(std::nullptr_t) noexcept {}
};

} // namespace detail

/** No string: for settings that NULL has a meaning for. */
inline constexpr detail::absence<zstring> none{nullptr};

inline constexpr detail::absence<callbacks> no_callbacks{nullptr};
inline constexpr detail::absence<reconnect_options> no_reconnect{nullptr};
inline constexpr detail::absence<auth> no_auth_callback{nullptr};
inline constexpr detail::absence<cookie_jar> no_cookie_jar{nullptr};
inline constexpr detail::absence<group> no_group{nullptr};
inline constexpr detail::absence<log_level> no_log{nullptr};

/** A string for C: see the conventions above. */
class zstring {
  public:
    zstring(const char *text) noexcept : text_(text == nullptr ? refused : text) {}

    zstring(const std::string &text) noexcept : text_(has_nul(text) ? refused : text.c_str()) {}

    zstring(std::string_view text) : text_(has_nul(text) ? refused : nullptr), copy_(text), is_copy_(!text_) {}

    zstring(detail::absence<zstring>) noexcept {}

    zstring(std::nullptr_t) = delete;

    zstring(const zstring &) = default;
    zstring &operator=(const zstring &) = default;
    ~zstring() = default;

    const char *c_str() const noexcept { return is_copy_ ? copy_.c_str() : text_; }

  private:
    // It is not UTF-8: the library refuses it wherever it takes a string, and remembers that where it does so.
    static constexpr const char *refused = "\xff";

    static bool has_nul(std::string_view text) noexcept { return text.find('\0') != std::string_view::npos; }

    const char *text_ = nullptr;
    std::string copy_{};
    bool is_copy_ = false;
};

/** The path of a file: a zstring, or a std::filesystem::path. */
class zpath : public zstring {
  public:
    using zstring::zstring;

    // Not by its name, as <filesystem> takes long to compile.
    template <typename Path, typename = std::enable_if_t<
                                 std::is_same_v<decltype(std::declval<const Path &>().native()), const std::string &>>>
    zpath(const Path &path) noexcept : zstring(path.native())
    {
    }
};

/**
 * Bytes of somebody else: std::span<const std::byte>, but for C++17. Made from any contiguous container of bytes, but
 * not from a literal, which has one more than it seems to.
 */
class bytes {
  public:
    using value_type = std::byte;
    using iterator = const std::byte *;

    constexpr bytes() noexcept = default;

    bytes(const void *data, std::size_t size) noexcept : data_(static_cast<const std::byte *>(data)), size_(size) {}

    template <typename Container,
              typename Element = std::remove_pointer_t<decltype(std::data(std::declval<const Container &>()))>,
              typename = std::enable_if_t<sizeof(Element) == 1 && std::is_trivially_copyable_v<Element> &&
                                          !(std::is_array_v<Container> && std::is_same_v<Element, const char>)>>
    bytes(const Container &container) noexcept : bytes(std::data(container), std::size(container))
    {
    }

    constexpr const std::byte *data() const noexcept { return data_; }

    constexpr std::size_t size() const noexcept { return size_; }

    constexpr bool empty() const noexcept { return size_ == 0; }

    constexpr iterator begin() const noexcept { return data_; }

    constexpr iterator end() const noexcept { return data_ + size_; }

    constexpr std::byte operator[](std::size_t index) const noexcept { return data_[index]; }

    /** The bytes as characters. */
    std::string_view text() const noexcept { return {reinterpret_cast<const char *>(data_), size_}; }

  private:
    const std::byte *data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail {

inline void assign(std::error_code &ec, int status) noexcept
{
    if (status == WS_OK)
        ec.clear();
    else
        ec.assign(status, error_category());
}

inline const char *native(const zstring &text) noexcept { return text.c_str(); }

inline const char *native(const zpath &path) noexcept { return path.c_str(); }

inline std::int64_t native(const time_limit &limit) noexcept { return limit.milliseconds(); }

/** What does not fit is out of range for the library too. */
template <typename Rep, typename Period> std::uint32_t native(const std::chrono::duration<Rep, Period> &time) noexcept
{
    constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
    return time.count() < 0 || time.count() > most ? most : static_cast<std::uint32_t>(time.count());
}

template <typename T> T native(const T &value) noexcept { return value; }

constexpr std::uint32_t flag(bool is_set, std::uint32_t which) noexcept { return is_set ? which : 0; }

/** Calls a function of ktorws.h. */
template <typename Object, typename... Parameters, typename... Arguments>
ws_status call(ws_status (*function)(Object *, Parameters...), Object *object, const Arguments &...arguments) noexcept
{
    return function(object, static_cast<Parameters>(native(arguments))...);
}

inline std::optional<std::string_view> optional_text(const char *text) noexcept
{
    return text == nullptr ? std::nullopt : std::optional<std::string_view>(text);
}

inline std::string_view text_or_empty(const char *text) noexcept
{
    return text == nullptr ? std::string_view() : std::string_view(text);
}

/** A function of ktorws.h that writes a header field. */
template <typename Object>
using header_function = std::int32_t (*)(const Object *, std::size_t, const char **, const char **);

/** Runs what may throw and gives what it threw, nothing where exceptions are switched off. */
template <typename Function> std::exception_ptr caught(Function &&function) noexcept
{
#if KTORWS_EXCEPTIONS
    try {
        function();
    } catch (...) {
        return std::current_exception();
    }
#else
    function();
#endif
    return nullptr;
}

} // namespace detail

/** A header of the opening handshake, lent like a value that is looked up by its name. */
struct header_field {
    std::string_view name{};
    std::string_view value{};
};

namespace detail {

template <typename Object>
std::optional<header_field> header_at(header_function<Object> function, const Object *object,
                                      std::size_t index) noexcept
{
    const char *name = nullptr;
    const char *value = nullptr;
    return function(object, index, &name, &value) == 0 ? std::nullopt
                                                       : std::optional<header_field>(header_field{name, value});
}

} // namespace detail

/**
 * Everything known about a failure: see ws_error. Copies share it, and none of them throws. One that a callback is
 * given is lent until that returns, and so are its copies.
 */
class failure {
  public:
    /** None: all it tells is nothing. */
    failure() noexcept = default;

    /** Takes an error that ws_connect or ws_wait_open wrote. */
    explicit failure(ws_error *error) : error_(error, ws_error_free) {}

    /** Has an error that somebody else keeps for as long as `owner`, or without one, lives. */
    failure(const ws_error *error, const std::shared_ptr<const void> &owner) noexcept : error_(owner, error) {}

    explicit operator bool() const noexcept { return error_ != nullptr; }

    std::error_code code() const noexcept
    {
        std::error_code code;
        detail::assign(code, ws_error_status(get()));
        return code;
    }

    /** One sentence, NUL-terminated. */
    std::string_view message() const noexcept { return ws_error_message(get()); }

    ktorws::phase phase() const noexcept { return static_cast<ktorws::phase>(ws_error_phase(get())); }

    /** The operating system's errno as a code, which compares with std::errc; no error where there is none. */
    std::error_code os_error() const noexcept
    {
        return {static_cast<int>(ws_error_os_errno(get())), std::system_category()};
    }

    std::optional<int> tls_alert() const noexcept
    {
        const std::int32_t alert = get() == nullptr ? -1 : ws_error_tls_alert(get());
        return alert < 0 ? std::nullopt : std::optional<int>(alert);
    }

    /** The code of the server's Close; 0 for other errors. */
    std::uint32_t close_code() const noexcept { return ws_error_close_code(get()); }

    /** 0 where the server did not refuse the handshake. */
    unsigned http_status() const noexcept { return ws_error_http_status(get()); }

    std::optional<std::string_view> http_header(zstring name, std::size_t index = 0) const noexcept
    {
        return detail::optional_text(ws_error_http_header(get(), name.c_str(), index));
    }

    /** std::nullopt behind the last one. */
    std::optional<header_field> http_header_at(std::size_t index) const noexcept
    {
        return detail::header_at<ws_error>(ws_error_http_header_at, get(), index);
    }

    bytes http_body() const noexcept
    {
        std::size_t size = 0;
        const std::uint8_t *body = ws_error_http_body(get(), &size);
        return {body, body == nullptr ? 0 : size};
    }

    const ws_error *get() const noexcept { return error_.get(); }

  private:
    std::shared_ptr<const ws_error> error_{};
};

#if KTORWS_EXCEPTIONS

/** What is thrown. */
class error : public std::system_error {
  public:
    error(const std::error_code &code, const char *function, failure details = {})
        : std::system_error(code, function), details_(std::move(details))
    {
    }

    /** The failure's sentence where it has one, else the function's name and what its status means. */
    const char *what() const noexcept override
    {
        return details_ ? details_.message().data() : std::system_error::what();
    }

    /** The phase, the server's answer and so on, of a session that was not opened or has ended; else empty. */
    const failure &details() const noexcept { return details_; }

  private:
    failure details_;
};

#endif

namespace detail {

#if KTORWS_EXCEPTIONS
inline void check(const std::error_code &ec, const char *function)
{
    if (ec)
        throw error(ec, function);
}

inline void check(ws_status status, const char *function)
{
    std::error_code ec;
    assign(ec, status);
    check(ec, function);
}
#endif

/** What ktorws.h frees with a function. */
template <typename T, void (*Free)(T *)> struct freeing {
    void operator()(T *object) const noexcept { Free(object); }
};

template <typename T, void (*Free)(T *)> using owner = std::unique_ptr<T, freeing<T, Free>>;

/** What can be read from a frame, whoever owns it. */
class frame_reading {
  public:
    explicit operator bool() const noexcept { return frame_ != nullptr; }

    /** The number 0 when empty, as all else. */
    frame_type type() const noexcept { return static_cast<frame_type>(frame_ == nullptr ? 0 : frame_->type); }

    bool is_text() const noexcept { return type() == frame_type::text; }

    bool is_binary() const noexcept { return type() == frame_type::binary; }

    /** The payload as text. It is UTF-8 where is_text(), with a NUL byte behind it. */
    std::string_view text() const noexcept { return data().text(); }

    /** The payload as bytes. */
    bytes data() const noexcept { return frame_ == nullptr ? bytes() : bytes(frame_->data, frame_->size); }

    std::size_t size() const noexcept { return frame_ == nullptr ? 0 : frame_->size; }

    frame_flags flags() const noexcept { return static_cast<frame_flags>(frame_ == nullptr ? 0 : frame_->flags); }

    std::uint32_t close_code() const noexcept { return frame_ == nullptr ? 0 : frame_->close_code; }

    const ws_frame *get() const noexcept { return frame_; }

  protected:
    frame_reading() noexcept = default;

    explicit frame_reading(const ws_frame *frame) noexcept : frame_(frame) {}

    frame_reading(const frame_reading &) noexcept = default;
    frame_reading &operator=(const frame_reading &) noexcept = default;
    ~frame_reading() = default;

    const ws_frame *frame_ = nullptr;
};

} // namespace detail

/** A received frame: see ws_frame. */
class frame final : public detail::frame_reading {
  public:
    frame() noexcept = default;

    explicit frame(ws_frame *owned) noexcept : frame_reading(owned) {}

    frame(frame &&other) noexcept : frame_reading(other.release()) {}

    frame &operator=(frame &&other) noexcept
    {
        ws_frame *const next = other.release();
        ws_frame_free(release());
        frame_ = next;
        return *this;
    }

    ~frame() { ws_frame_free(release()); }

    frame(const frame &) = delete;
    frame &operator=(const frame &) = delete;

    ws_frame *release() noexcept { return const_cast<ws_frame *>(std::exchange(frame_, nullptr)); }

    /** The payload as text. It is UTF-8 where is_text(), with a NUL byte behind it. */
    std::string_view text() const &noexcept { return frame_reading::text(); }

    /** A copy: what is lent by a frame that is gone at the end of the expression could not be used behind it. */
    std::string text() const && { return std::string(frame_reading::text()); }

    /** The payload as bytes. */
    bytes data() const &noexcept { return frame_reading::data(); }

    std::vector<std::byte> data() const &&
    {
        const bytes lent = frame_reading::data();
        return std::vector<std::byte>(lent.begin(), lent.end());
    }
};

/** A frame that is lent. */
class frame_view final : public detail::frame_reading {
  public:
    frame_view() noexcept = default;

    explicit frame_view(const ws_frame *lent) noexcept : frame_reading(lent) {}

    frame_view(const frame &owned) noexcept : frame_reading(owned.get()) {}
};

namespace detail {

/**
 * Functions that the library may call for as long as it likes: it knows them by number, and one that is gone is not
 * called.
 */
template <typename Function> class registered {
  public:
    explicit registered(Function function) : function_(std::make_shared<const Function>(std::move(function)))
    {
        const std::lock_guard<std::mutex> lock(table().mutex);
        number_ = ++table().last;
        table().functions.emplace(number_, function_);
    }

    ~registered()
    {
        const std::lock_guard<std::mutex> lock(table().mutex);
        table().functions.erase(number_);
    }

    registered(const registered &) = delete;
    registered &operator=(const registered &) = delete;

    void *user_data() const noexcept { return reinterpret_cast<void *>(number_); }

    /** NULL where it is gone. */
    static std::shared_ptr<const Function> find(void *user_data)
    {
        const std::lock_guard<std::mutex> lock(table().mutex);
        const auto found = table().functions.find(reinterpret_cast<std::uintptr_t>(user_data));
        return found == table().functions.end() ? nullptr : found->second;
    }

  private:
    struct functions_by_number {
        std::mutex mutex{};
        std::unordered_map<std::uintptr_t, std::shared_ptr<const Function>> functions{};
        std::uintptr_t last = 0;
    };

    // Never destroyed: the library's threads run until the process ends.
    static functions_by_number &table()
    {
        static functions_by_number *const instance = new functions_by_number;
        return *instance;
    }

    std::shared_ptr<const Function> function_;
    std::uintptr_t number_ = 0;
};

} // namespace detail

/** How a session was closed: see ws_close_info. */
struct close_info {
    std::uint32_t local_code = 0;
    std::uint32_t remote_code = 0;
    std::string reason{};
    bool clean = false;
    close_initiator initiator = close_initiator::none;
};

/** What is known about the connection of a session: see ws_session_info. */
struct session_info {
    std::uint32_t http_version = 0;
    ktorws::tls_version tls_version = ktorws::tls_version::none;
    bool tls_resumed = false;
    std::string local_address{};
    std::string peer_address{};
    std::string proxy{};
    std::string tls_cipher_suite{};
    std::string tls_key_exchange_group{};
    std::string alpn{};
};

/** What a session with permessage-deflate agreed on: see ws_deflate_info. */
struct deflate_info {
    unsigned level = 0;
    unsigned client_max_window_bits = 0;
    unsigned server_max_window_bits = 0;
    bool client_no_context_takeover = false;
    bool server_no_context_takeover = false;
};

/**
 * What can be done with a session: a base of session, which owns one, and of session_view. Functions without a comment
 * do what ws_NAME does.
 */
class detail::session_operations {
  public:
    explicit operator bool() const noexcept { return session_ != nullptr; }

    ws_session *get() const noexcept { return session_; }

    /** Sends a text message. */
    void send_text(std::string_view text, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_send_text(session_, text.data(), text.size()));
    }

    /** Sends a binary message. */
    void send_binary(bytes data, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_send_binary(session_, data.data(), data.size()));
    }

    /** Sends a frame of any type. */
    void send(frame_type type, bytes data, send_flags flags, time_limit limit, std::error_code &ec) const noexcept
    {
        detail::assign(ec, send_status(type, data, flags, limit));
    }

    void send(frame_type type, bytes data, std::error_code &ec) const noexcept
    {
        send(type, data, send_flags::none, no_limit, ec);
    }

    /** Sends a container of ws_slice, of which slice() makes one, as one message. */
    template <typename Slices = std::initializer_list<ws_slice>>
    void sendv(frame_type type, const Slices &slices, send_flags flags, time_limit limit,
               std::error_code &ec) const noexcept
    {
        detail::assign(ec, sendv_status(type, slices, flags, limit));
    }

    /** Sends a container of ws_message, of which message() makes one. How many were taken, also with an error. */
    template <typename Messages = std::initializer_list<ws_message>>
    std::size_t send_batch(const Messages &messages, time_limit limit, std::error_code &ec) const noexcept
    {
        std::size_t accepted = 0;
        detail::assign(
            ec, ws_send_batch(session_, std::data(messages), std::size(messages), &accepted, limit.milliseconds()));
        return accepted;
    }

    void flush(time_limit limit, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_flush(session_, limit.milliseconds()));
    }

    std::size_t buffered_amount() const noexcept { return ws_buffered_amount(session_); }

    /** Receives a message; with an error the frame is empty. */
    frame recv(time_limit limit, std::error_code &ec) const noexcept
    {
        ws_frame *received = nullptr;
        detail::assign(ec, ws_recv(session_, &received, limit.milliseconds()));
        return frame(received);
    }

    frame recv(std::error_code &ec) const noexcept { return recv(no_limit, ec); }

    /** What recv_into has received: `size` is also set with errc::buffer_too_small. */
    struct received_size {
        std::size_t size = 0;
        frame_type type{};
    };

    received_size recv_into(void *buffer, std::size_t capacity, time_limit limit, std::error_code &ec) const noexcept
    {
        received_size result;
        std::uint32_t type = 0;
        detail::assign(ec, ws_recv_into(session_, buffer, capacity, &result.size, &type, limit.milliseconds()));
        result.type = static_cast<frame_type>(type);
        return result;
    }

    /** Receives as many messages as are there, up to `most`. With an error there is none. */
    std::vector<frame> recv_batch(std::size_t most, time_limit limit, std::error_code &ec) const
    {
        std::vector<ws_frame *> received(most);
        std::vector<frame> frames;
        frames.reserve(most);
        std::size_t count = 0;
        detail::assign(ec, ws_recv_batch(session_, received.data(), most, &count, limit.milliseconds()));
        for (std::size_t i = 0; i < count; i++)
            frames.emplace_back(received[i]);
        return frames;
    }

    /**
     * Returns a descriptor for poll, epoll and event loops, or -1. When it is readable, call recv without waiting until
     * it times out. The session owns the descriptor: each call returns the same one, and freeing the session closes it.
     */
    int event_fd() const noexcept { return ws_event_fd(session_); }

    void close(std::uint32_t code, std::string_view reason, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_close(session_, code, reason.data(), reason.size()));
    }

    void close(std::error_code &ec) const noexcept { close(close_code::normal, {}, ec); }

    void wait_closed(time_limit limit, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_wait_closed(session_, limit.milliseconds()));
    }

    void wait_closed(std::error_code &ec) const noexcept { wait_closed(no_limit, ec); }

    void abort(std::error_code &ec) const noexcept { detail::assign(ec, ws_abort(session_)); }

    void interrupt(std::error_code &ec) const noexcept { detail::assign(ec, ws_interrupt(session_)); }

    /** Waits until a session of connect_async is open. With an error, `details` is what connect would have given. */
    void wait_open(time_limit limit, std::error_code &ec, failure &details) const
    {
        ws_error *written = nullptr;
        detail::assign(ec, ws_wait_open(session_, limit.milliseconds(), &written));
        details = written == nullptr ? failure() : failure(written);
    }

    void wait_open(time_limit limit, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_wait_open(session_, limit.milliseconds(), nullptr));
    }

    ktorws::close_info close_info(std::error_code &ec) const
    {
        ws_close_info info{};
        info.struct_size = sizeof info;
        detail::assign(ec, ws_get_close_info(session_, &info));
        if (ec)
            return {};
        return {info.local_code,
                info.remote_code,
                {info.reason, info.reason_size},
                info.clean != 0,
                static_cast<close_initiator>(info.initiator)};
    }

    ktorws::session_info session_info(std::error_code &ec) const
    {
        ws_session_info info{};
        info.struct_size = sizeof info;
        detail::assign(ec, ws_get_session_info(session_, &info));
        if (ec)
            return {};
        return {info.http_version,
                static_cast<tls_version>(info.tls_version),
                info.tls_resumed != 0,
                info.local_address,
                info.peer_address,
                info.proxy,
                info.tls_cipher_suite,
                info.tls_key_exchange_group,
                info.alpn};
    }

    ktorws::deflate_info deflate_info(std::error_code &ec) const noexcept
    {
        ws_deflate_info info{};
        info.struct_size = sizeof info;
        detail::assign(ec, ws_get_deflate_info(session_, &info));
        return {info.level, info.client_max_window_bits, info.server_max_window_bits,
                info.client_no_context_takeover != 0, info.server_no_context_takeover != 0};
    }

    ws_stats stats(std::error_code &ec) const noexcept
    {
        ws_stats numbers{};
        numbers.struct_size = sizeof numbers;
        detail::assign(ec, ws_get_stats(session_, &numbers));
        return numbers;
    }

    session_state state() const noexcept { return static_cast<session_state>(ws_state(session_)); }

    bool is_closed_for_receive() const noexcept { return ws_is_closed_for_receive(session_) != 0; }

    /**
     * ws_session_error: what ended the session or, during an outage, why its connection is lost; empty after a clean
     * end. It keeps the session's memory, not its connection.
     */
    failure session_error() const
    {
        const ws_error *const lent = ws_session_error(session_);
        if (lent == nullptr)
            return {};
        return {lent, std::shared_ptr<const void>(ws_session_ref(session_),
                                                  [](ws_session *handle) { ws_session_free(handle); })};
    }

    std::string_view subprotocol() const noexcept { return detail::text_or_empty(ws_subprotocol(session_)); }

    std::string_view request_url() const noexcept { return detail::text_or_empty(ws_request_url(session_)); }

    std::optional<std::string_view> request_header(zstring name, std::size_t index = 0) const noexcept
    {
        return detail::optional_text(ws_request_header(session_, name.c_str(), index));
    }

    /** std::nullopt behind the last one. */
    std::optional<header_field> request_header_at(std::size_t index) const noexcept
    {
        return detail::header_at<ws_session>(ws_request_header_at, session_, index);
    }

    unsigned response_status() const noexcept { return ws_response_status(session_); }

    std::optional<std::string_view> response_header(zstring name, std::size_t index = 0) const noexcept
    {
        return detail::optional_text(ws_response_header(session_, name.c_str(), index));
    }

    /** std::nullopt behind the last one. */
    std::optional<header_field> response_header_at(std::size_t index) const noexcept
    {
        return detail::header_at<ws_session>(ws_response_header_at, session_, index);
    }

    /** A certificate of the server as DER, empty behind the last one; lent by the session. */
    bytes peer_certificate(std::size_t index = 0) const noexcept
    {
        const std::uint8_t *der = nullptr;
        std::size_t size = 0;
        ws_peer_certificate(session_, index, &der, &size);
        return {der, size};
    }

    std::size_t extension_count() const noexcept { return ws_extension_count(session_); }

    /** NULL where there is none; lent by the session. */
    const ws_extension *extension_at(std::size_t index) const noexcept { return ws_extension_at(session_, index); }

    /** NULL where there is none; lent by the session. */
    const ws_extension *extension_find(zstring name) const noexcept
    {
        return ws_extension_find(session_, name.c_str());
    }

    std::uint64_t id() const noexcept { return ws_session_id(session_); }

    void set_max_frame_size(std::uint64_t size, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_set_max_frame_size(session_, size));
    }

    std::uint64_t max_frame_size() const noexcept { return ws_get_max_frame_size(session_); }

    void set_max_message_size(std::uint64_t size, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_set_max_message_size(session_, size));
    }

    std::uint64_t max_message_size() const noexcept { return ws_get_max_message_size(session_); }

    void set_masking(bool on, std::error_code &ec) const noexcept { detail::assign(ec, ws_set_masking(session_, on)); }

    bool masking() const noexcept { return ws_get_masking(session_) != 0; }

    /** A timeout of 0 is twice the interval. */
    void start_default(time_limit ping_interval, time_limit ping_timeout, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_start_default(session_, ping_interval.milliseconds(), ping_timeout.milliseconds()));
    }

    /** 0 and no_limit: no pings. */
    void set_ping_interval(time_limit interval, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_set_ping_interval_ms(session_, interval.milliseconds()));
    }

    std::chrono::milliseconds ping_interval() const noexcept
    {
        return std::chrono::milliseconds(ws_get_ping_interval_ms(session_));
    }

    void set_ping_timeout(time_limit timeout, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_set_ping_timeout_ms(session_, timeout.milliseconds()));
    }

    time_limit ping_timeout() const noexcept { return time_limit(ws_get_ping_timeout_ms(session_)); }

    void set_user_data(void *user_data, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_set_user_data(session_, user_data));
    }

    void *user_data() const noexcept { return ws_get_user_data(session_); }

#if KTORWS_EXCEPTIONS
    // The same, throwing.

    void send_text(std::string_view text) const
    {
        check(ws_send_text(session_, text.data(), text.size()), "send_text");
    }

    void send_binary(bytes data) const { check(ws_send_binary(session_, data.data(), data.size()), "send_binary"); }

    void send(frame_type type, bytes data, send_flags flags = send_flags::none, time_limit limit = no_limit) const
    {
        check(send_status(type, data, flags, limit), "send");
    }

    template <typename Slices = std::initializer_list<ws_slice>>
    void sendv(frame_type type, const Slices &slices, send_flags flags = send_flags::none,
               time_limit limit = no_limit) const
    {
        check(sendv_status(type, slices, flags, limit), "sendv");
    }

    template <typename Messages = std::initializer_list<ws_message>>
    void send_batch(const Messages &messages, time_limit limit = no_limit) const
    {
        std::error_code ec;
        send_batch(messages, limit, ec);
        check(ec.value(), "send_batch");
    }

    void flush(time_limit limit = no_limit) const { check(ws_flush(session_, limit.milliseconds()), "flush"); }

    frame recv(time_limit limit = no_limit) const
    {
        ws_frame *received = nullptr;
        check(ws_recv(session_, &received, limit.milliseconds()), "recv");
        return frame(received);
    }

    received_size recv_into(void *buffer, std::size_t capacity, time_limit limit = no_limit) const
    {
        std::error_code ec;
        const received_size result = recv_into(buffer, capacity, limit, ec);
        check(ec.value(), "recv_into");
        return result;
    }

    std::vector<frame> recv_batch(std::size_t most, time_limit limit = no_limit) const
    {
        std::error_code ec;
        std::vector<frame> frames = recv_batch(most, limit, ec);
        check(ec.value(), "recv_batch");
        return frames;
    }

    void close(std::uint32_t code = close_code::normal, std::string_view reason = {}) const
    {
        check(ws_close(session_, code, reason.data(), reason.size()), "close");
    }

    void wait_closed(time_limit limit = no_limit) const
    {
        check(ws_wait_closed(session_, limit.milliseconds()), "wait_closed");
    }

    void abort() const { check(ws_abort(session_), "abort"); }

    void interrupt() const { check(ws_interrupt(session_), "interrupt"); }

    void wait_open(time_limit limit = no_limit) const
    {
        std::error_code ec;
        failure details;
        wait_open(limit, ec, details);
        if (ec)
            throw error(ec, "wait_open", std::move(details));
    }

    ktorws::close_info close_info() const
    {
        std::error_code ec;
        ktorws::close_info info = close_info(ec);
        check(ec.value(), "close_info");
        return info;
    }

    ktorws::session_info session_info() const
    {
        std::error_code ec;
        ktorws::session_info info = session_info(ec);
        check(ec.value(), "session_info");
        return info;
    }

    ktorws::deflate_info deflate_info() const
    {
        std::error_code ec;
        const ktorws::deflate_info info = deflate_info(ec);
        check(ec.value(), "deflate_info");
        return info;
    }

    ws_stats stats() const
    {
        std::error_code ec;
        const ws_stats numbers = stats(ec);
        check(ec.value(), "stats");
        return numbers;
    }

    void set_max_frame_size(std::uint64_t size) const
    {
        check(ws_set_max_frame_size(session_, size), "set_max_frame_size");
    }

    void set_max_message_size(std::uint64_t size) const
    {
        check(ws_set_max_message_size(session_, size), "set_max_message_size");
    }

    void set_masking(bool on) const { check(ws_set_masking(session_, on), "set_masking"); }

    void start_default(time_limit ping_interval, time_limit ping_timeout) const
    {
        check(ws_start_default(session_, ping_interval.milliseconds(), ping_timeout.milliseconds()), "start_default");
    }

    void set_ping_interval(time_limit interval) const
    {
        check(ws_set_ping_interval_ms(session_, interval.milliseconds()), "set_ping_interval");
    }

    void set_ping_timeout(time_limit timeout) const
    {
        check(ws_set_ping_timeout_ms(session_, timeout.milliseconds()), "set_ping_timeout");
    }

    void set_user_data(void *user_data) const { check(ws_set_user_data(session_, user_data), "set_user_data"); }

    /** Throws where `status` is one, with the session's error where it is that. */
    void check(int status, const char *function) const
    {
        if (status == WS_OK)
            return;
        std::error_code ec;
        detail::assign(ec, status);
        failure details = session_error();
        if (details.code() != ec)
            details = {};
        throw error(ec, function, std::move(details));
    }
#endif

  protected:
    session_operations() noexcept = default;

    explicit session_operations(ws_session *session) noexcept : session_(session) {}

    session_operations(const session_operations &) noexcept = default;
    session_operations &operator=(const session_operations &) noexcept = default;
    ~session_operations() = default;

    ws_session *session_ = nullptr;

  private:
    ws_status send_status(frame_type type, bytes data, send_flags flags, time_limit limit) const noexcept
    {
        return ws_send(session_, static_cast<std::uint32_t>(type), data.data(), data.size(),
                       static_cast<std::uint32_t>(flags), limit.milliseconds());
    }

    template <typename Slices>
    ws_status sendv_status(frame_type type, const Slices &slices, send_flags flags, time_limit limit) const noexcept
    {
        return ws_sendv(session_, static_cast<std::uint32_t>(type), std::data(slices), std::size(slices),
                        static_cast<std::uint32_t>(flags), limit.milliseconds());
    }
};

/** Two of the same session are equal. */
inline bool operator==(const detail::session_operations &a, const detail::session_operations &b) noexcept
{
    return a.get() == b.get();
}

inline bool operator!=(const detail::session_operations &a, const detail::session_operations &b) noexcept
{
    return !(a == b);
}

class incoming_messages;

/**
 * A session, owned: see ws_session. Destroying the last owner aborts a session that is open; for a clean end there are
 * end(), which closes and waits, and closing, which does so at the end of a scope.
 *
 * It moves and is not copied, since how long owners live is how long the connection does: ref() makes another owner,
 * visibly.
 */
class session final : public detail::session_operations {
  public:
    session() noexcept = default;

    explicit session(ws_session *owned, std::shared_ptr<const void> functions = nullptr) noexcept
        : session_operations(owned), functions_(std::move(functions))
    {
    }

    session(session &&other) noexcept
        : session_operations(std::exchange(other.session_, nullptr)), functions_(std::move(other.functions_))
    {
    }

    session &operator=(session &&other) noexcept
    {
        session moved(std::move(other));
        std::swap(session_, moved.session_);
        functions_.swap(moved.functions_);
        return *this;
    }

    ~session() { ws_session_free(session_); }

    session(const session &) = delete;
    session &operator=(const session &) = delete;

    /** Another owner of the same session. */
    session ref() const noexcept { return session(ws_session_ref(session_), functions_); }

    /** ws_session_end. The session is empty after that, unless it is errc::state. */
    void end(time_limit limit, std::error_code &ec) noexcept
    {
        detail::assign(ec, ws_session_end(session_, limit.milliseconds()));
        if (ec != errc::state)
            release();
    }
#if KTORWS_EXCEPTIONS
    void end(time_limit limit = no_limit)
    {
        std::error_code ec;
        end(limit, ec);
        detail::check(ec, "end");
    }
#endif

    /**
     * The messages to come, for a range-for: it ends when the session has been closed (errc::closed), and throws
     * anything else. `limit` is for each message. After errc::timeout and errc::interrupted the loop can be entered
     * again.
     *
     * With `ec` it ends with any error, which `ec` then holds; none after errc::closed. `ec` has to outlive the loop.
     */
    incoming_messages incoming(time_limit limit, std::error_code &ec) const noexcept;
    incoming_messages incoming(std::error_code &ec) const noexcept;
#if KTORWS_EXCEPTIONS
    incoming_messages incoming(time_limit limit = no_limit) const noexcept;
#endif

    /**
     * ws_recv_callback. At the end `function` is called with an empty frame. An exception that leaves it closes the
     * session with 1011 and is given to `on_exception`.
     */
    using frame_function = std::function<void(class session_view session, frame_view frame)>;
    using exception_function = std::function<void(class session_view session, std::exception_ptr exception)>;
    void recv_callback(frame_function function, exception_function on_exception, std::error_code &ec) const;
#if KTORWS_EXCEPTIONS
    void recv_callback(frame_function function, exception_function on_exception = nullptr) const;
#endif

    /** Hands the handle over, to be freed with ws_session_free. Of the functions of its configuration only callbacks go
     * along. */
    ws_session *release() noexcept
    {
        functions_.reset();
        return std::exchange(session_, nullptr);
    }

  private:
    // What its configuration has the library ask.
    std::shared_ptr<const void> functions_{};
};

/** A session that somebody else owns, like the one a callback is given. */
class session_view final : public detail::session_operations {
  public:
    session_view() noexcept = default;

    explicit session_view(ws_session *lent) noexcept : session_operations(lent) {}

    session_view(const session &owned) noexcept : session_operations(owned.get()) {}
};

/**
 * Closes a session at the end of a scope, also when an exception leaves it: its destructor does what ws_session_end
 * does, with the limit. It is another owner of the session. In a callback of the session it closes without waiting.
 *
 *     ktorws::session session = ktorws::connect(url);
 *     const ktorws::closing closing(session, 5s);
 */
class closing final {
  public:
    [[nodiscard]] closing(const session &of, time_limit limit) noexcept : session_(of.ref()), limit_(limit) {}

    closing(session &&, time_limit) = delete;
    closing(const closing &) = delete;
    closing &operator=(const closing &) = delete;

    ~closing()
    {
        std::error_code ec;
        session_.end(limit_, ec);
        if (ec == errc::state)
            session_.close(ec);
    }

  private:
    session session_;
    time_limit limit_;
};

/** A message for send_batch. The payload is lent to it. */
inline ws_message message(frame_type type, bytes data, send_flags flags = send_flags::none) noexcept
{
    return {data.data(), data.size(), static_cast<std::uint32_t>(type), static_cast<std::uint32_t>(flags)};
}

/** A piece of a message for sendv. The bytes are lent to it. */
inline ws_slice slice(bytes data) noexcept { return {data.data(), data.size()}; }

/** See session::incoming. It owns the session as well. */
class incoming_messages {
  public:
    struct end_of_messages {};

    /** An input iterator: it is at the message that was received last. The message may be moved out. */
    class iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = frame;
        using difference_type = std::ptrdiff_t;
        using pointer = frame *;
        using reference = frame &;

        explicit iterator(incoming_messages &messages) noexcept : messages_(&messages) {}

        frame &operator*() const noexcept { return messages_->current_; }

        frame *operator->() const noexcept { return &messages_->current_; }

        iterator &operator++()
        {
            messages_->advance();
            return *this;
        }

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Weffc++" // what an input iterator returns
#endif
        void operator++(int) { messages_->advance(); }
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

        friend bool operator==(const iterator &a, end_of_messages) noexcept { return a.is_at_end(); }

        friend bool operator!=(const iterator &a, end_of_messages) noexcept { return !a.is_at_end(); }

      private:
        bool is_at_end() const noexcept { return messages_->has_ended_; }

        incoming_messages *messages_;
    };

    incoming_messages(session owner, time_limit limit, std::error_code *ec) noexcept
        : session_(std::move(owner)), limit_(limit), ec_(ec)
    {
    }

    incoming_messages(incoming_messages &&) noexcept = default;
    incoming_messages &operator=(incoming_messages &&) noexcept = default;
    incoming_messages(const incoming_messages &) = delete;
    incoming_messages &operator=(const incoming_messages &) = delete;
    ~incoming_messages() = default;

    /** Receives the first message. */
    iterator begin()
    {
        advance();
        return iterator(*this);
    }

    end_of_messages end() const noexcept { return {}; }

  private:
    void advance()
    {
        std::error_code ec;
        current_ = session_.recv(limit_, ec);
        has_ended_ = !current_;
        if (ec == errc::closed)
            ec.clear();
        if (ec_ != nullptr)
            *ec_ = ec;
#if KTORWS_EXCEPTIONS
        else if (ec)
            session_.check(ec.value(), "recv");
#endif
    }

    session session_;
    time_limit limit_;
    std::error_code *ec_;
    frame current_{};
    bool has_ended_ = false;
};

inline incoming_messages session::incoming(time_limit limit, std::error_code &ec) const noexcept
{
    return {ref(), limit, &ec};
}

inline incoming_messages session::incoming(std::error_code &ec) const noexcept { return incoming(no_limit, ec); }

#if KTORWS_EXCEPTIONS
inline incoming_messages session::incoming(time_limit limit) const noexcept { return {ref(), limit, nullptr}; }
#endif

/**
 * What a session calls when something happens to it: see ws_callbacks. Each may be empty, but not all of them.
 *
 * An exception that leaves one closes the session with 1011, as one of a handler does in Ktor, and is given to
 * on_exception; calls for what has happened until then still follow. One that leaves on_exception itself is
 * std::terminate.
 */
struct callbacks {
    std::function<void(session_view session)> on_open{};
    std::function<void(session_view session, frame_view frame)> on_frame{};
    std::function<void(session_view session)> on_writable{};
    std::function<void(session_view session, std::error_code status)> on_close{};
    std::function<void(session_view session, std::exception_ptr exception)> on_exception{};
};

namespace detail {

/** Runs a callback; see callbacks for what becomes of an exception. */
template <typename OnException, typename Function>
void run_callback(ws_session *session, const OnException &on_exception, Function &&function) noexcept
{
    const std::exception_ptr exception = caught(function);
    if (exception == nullptr)
        return;
    ws_close(session, WS_CLOSE_INTERNAL_ERROR, nullptr, 0);
    if (on_exception)
        on_exception(session_view(session), exception);
}

inline void opened(ws_session *session, void *user_data) noexcept
{
    const auto &own = *static_cast<const callbacks *>(user_data);
    run_callback(session, own.on_exception, [&] { own.on_open(session_view(session)); });
}

inline void received(ws_session *session, const ws_frame *frame, void *user_data) noexcept
{
    const auto &own = *static_cast<const callbacks *>(user_data);
    run_callback(session, own.on_exception, [&] { own.on_frame(session_view(session), frame_view(frame)); });
}

inline void writable(ws_session *session, void *user_data) noexcept
{
    const auto &own = *static_cast<const callbacks *>(user_data);
    run_callback(session, own.on_exception, [&] { own.on_writable(session_view(session)); });
}

inline void closed(ws_session *session, ws_status status, void *user_data) noexcept
{
    const auto &own = *static_cast<const callbacks *>(user_data);
    std::error_code code;
    assign(code, status);
    run_callback(session, own.on_exception, [&] { own.on_close(session_view(session), code); });
}

/** The callbacks that the library has. They are kept until it calls `drop`, and longer where a config has them too. */
struct kept_callbacks final : callbacks {
    explicit kept_callbacks(callbacks &&given) noexcept : callbacks(std::move(given)) {}

    /** What the library is passed as user data, which `dropped` takes back. */
    static void *lend(const std::shared_ptr<kept_callbacks> &kept) noexcept
    {
        kept->self_ = kept;
        return static_cast<callbacks *>(kept.get());
    }

    /** Ends the loan. */
    static void take_back(void *user_data) noexcept
    {
        const auto kept = std::move(static_cast<kept_callbacks *>(static_cast<callbacks *>(user_data))->self_);
    }

  private:
    std::shared_ptr<const kept_callbacks> self_{};
};

inline void dropped(void *user_data) noexcept { kept_callbacks::take_back(user_data); }

} // namespace detail

inline void session::recv_callback(frame_function function, exception_function on_exception, std::error_code &ec) const
{
    if (!function) {
        ec = errc::invalid_argument;
        return;
    }
    callbacks calls;
    calls.on_frame = std::move(function);
    calls.on_exception = std::move(on_exception);
    using detail::kept_callbacks;
    void *const lent = kept_callbacks::lend(std::make_shared<kept_callbacks>(std::move(calls)));
    detail::assign(ec, ws_recv_callback(session_, detail::received, lent, detail::dropped));
    if (ec)
        kept_callbacks::take_back(lent);
}

#if KTORWS_EXCEPTIONS
inline void session::recv_callback(frame_function function, exception_function on_exception) const
{
    std::error_code ec;
    recv_callback(std::move(function), std::move(on_exception), ec);
    check(ec.value(), "recv_callback");
}
#endif

/** A server's question for credentials, lent to the function of config::set_auth_callback: see ws_auth. */
class auth final {
  public:
    explicit auth(ws_auth *lent) noexcept : auth_(lent) {}

    std::string_view url() const noexcept { return ws_auth_url(auth_); }

    std::optional<std::string_view> challenge(std::size_t index = 0) const noexcept
    {
        return detail::optional_text(ws_auth_challenge(auth_, index));
    }

    unsigned attempt() const noexcept { return ws_auth_attempt(auth_); }

    void basic(zstring user, zstring password, std::error_code &ec) const noexcept
    {
        detail::assign(ec, detail::call(ws_auth_basic, auth_, user, password));
    }

    void digest(zstring user, zstring password, std::error_code &ec) const noexcept
    {
        detail::assign(ec, detail::call(ws_auth_digest, auth_, user, password));
    }

    void bearer(zstring token, std::error_code &ec) const noexcept
    {
        detail::assign(ec, detail::call(ws_auth_bearer, auth_, token));
    }

    void header(zstring value, std::error_code &ec) const noexcept
    {
        detail::assign(ec, detail::call(ws_auth_header, auth_, value));
    }

#if KTORWS_EXCEPTIONS
    // The same, throwing.

    void basic(zstring user, zstring password) const
    {
        detail::check(detail::call(ws_auth_basic, auth_, user, password), "basic");
    }

    void digest(zstring user, zstring password) const
    {
        detail::check(detail::call(ws_auth_digest, auth_, user, password), "digest");
    }

    void bearer(zstring token) const { detail::check(detail::call(ws_auth_bearer, auth_, token), "bearer"); }

    void header(zstring value) const { detail::check(detail::call(ws_auth_header, auth_, value), "header"); }
#endif

    ws_auth *get() const noexcept { return auth_; }

  private:
    ws_auth *auth_;
};

/** Options of permessage-deflate: see ws_deflate_options. An exception that leaves `filter` counts as true. */
struct deflate_options {
    unsigned level = 0;
    unsigned memory_level = 0;
    unsigned client_max_window_bits = 0;
    unsigned server_max_window_bits = 0;
    bool client_no_context_takeover = false;
    bool server_no_context_takeover = false;
    std::size_t min_size = 0;
    /** WS_DEFLATE_OMIT_CLIENT_MAX_WINDOW_BITS. */
    bool omit_client_max_window_bits = false;
    /** WS_DEFLATE_OFFER_FALLBACK. */
    bool offer_fallback = false;
    std::function<bool(frame_type type, bytes message)> filter{};
};

/** An attempt to connect, lent to reconnect_options::prepare: see ws_attempt. */
class attempt final {
  public:
    explicit attempt(ws_attempt *lent) noexcept : attempt_(lent) {}

    unsigned number() const noexcept { return ws_attempt_number(attempt_); }

    failure last_error() const noexcept { return {ws_attempt_last_error(attempt_), nullptr}; }

    void set_url(zstring url, std::error_code &ec) const noexcept
    {
        detail::assign(ec, detail::call(ws_attempt_set_url, attempt_, url));
    }

    /** none as `value` removes it. */
    void set_header(zstring name, zstring value, std::error_code &ec) const noexcept
    {
        detail::assign(ec, detail::call(ws_attempt_set_header, attempt_, name, value));
    }

#if KTORWS_EXCEPTIONS
    // The same, throwing.

    void set_url(zstring url) const { detail::check(detail::call(ws_attempt_set_url, attempt_, url), "set_url"); }

    void set_header(zstring name, zstring value) const
    {
        detail::check(detail::call(ws_attempt_set_header, attempt_, name, value), "set_header");
    }
#endif

    ws_attempt *get() const noexcept { return attempt_; }

  private:
    ws_attempt *attempt_;
};

/** How a session reconnects: see ws_reconnect_options. */
struct reconnect_options {
    std::chrono::milliseconds first_delay{0};
    std::chrono::milliseconds max_delay{0};
    std::chrono::milliseconds max_outage{0};
    unsigned max_attempts = 0;
    /** WS_RECONNECT_KEEP_UNSENT. */
    bool keep_unsent = false;
    /** WS_RECONNECT_FIRST: the first opening is tried again as well. */
    bool retry_first = false;
    std::chrono::milliseconds max_retry_after{0};
    /**
     * Has the last word: in what time to try again, or std::nullopt to give up. `suggested` is what the library would
     * do, and what is done when an exception leaves the function.
     */
    std::function<std::optional<std::chrono::milliseconds>(session_view session, const failure &why, unsigned attempt,
                                                           std::optional<std::chrono::milliseconds> suggested)>
        decide{};
    /** Prepares an attempt. After an exception the attempt is made with what was set before. */
    std::function<void(session_view session, attempt &next)> prepare{};
};

namespace detail {

template <typename Function> void asked(ws_auth *question, void *user_data) noexcept
{
    caught([&] {
        auth lent(question);
        if (const auto function = Function::find(user_data))
            (*function)(lent);
    });
}

/** What the library asks while it reconnects. */
struct reconnect_functions {
    decltype(reconnect_options::decide) decide;
    decltype(reconnect_options::prepare) prepare;
};

template <typename Functions>
std::int32_t decided(ws_session *session, const ws_error *why, std::uint32_t attempt, std::int32_t suggested,
                     std::int64_t *delay_ms, void *user_data) noexcept
{
    using std::chrono::milliseconds;
    std::int32_t goes_on = suggested;
    caught([&] {
        const auto own = Functions::find(user_data);
        if (own == nullptr)
            return;
        const auto suggestion = suggested != 0 ? std::optional<milliseconds>(*delay_ms) : std::nullopt;
        const auto delay = own->decide(session_view(session), failure(why, nullptr), attempt, suggestion);
        goes_on = delay.has_value();
        if (delay)
            *delay_ms = delay->count() > 0 ? delay->count() : 0;
    });
    return goes_on;
}

template <typename Functions> void prepared(ws_session *session, ws_attempt *next, void *user_data) noexcept
{
    caught([&] {
        attempt lent(next);
        if (const auto own = Functions::find(user_data))
            own->prepare(session_view(session), lent);
    });
}

template <typename Function>
std::int32_t filtered(void *user_data, std::uint32_t type, const void *data, std::size_t size) noexcept
{
    bool is_compressed = true;
    caught([&] {
        if (const auto function = Function::find(user_data))
            is_compressed = (*function)(static_cast<frame_type>(type), bytes(data, size));
    });
    return is_compressed;
}

} // namespace detail

/**
 * Settings for sessions to come: see ws_config. Setters that throw return the configuration, so that they can be
 * chained:
 *
 *     config.set_origin("https://example.com").set_ping_interval(20s).set_max_redirects(3);
 *
 * A refused setting stays with the configuration and its copies: error() returns the first one, and connecting fails
 * with it.
 *
 * A copy changes independently, and is empty when there is no memory for it. Functions that a configuration is given
 * are kept as long as it, copies of it and sessions that were opened with them are, and may be called by several
 * threads at once.
 */
class config final {
  public:
    config() noexcept : config_(ws_config_new()) {}

    explicit config(ws_config *owned) noexcept : config_(owned) {}

    config(const config &other)
        : config_(ws_config_clone(other.get())), functions_(other.functions_), callbacks_(other.callbacks_),
          is_refused_(other.is_refused_)
    {
    }

    config(config &&other) noexcept = default;

    config &operator=(const config &other) { return *this = config(other); }

    config &operator=(config &&other) noexcept = default;

    ~config() = default;

    explicit operator bool() const noexcept { return config_ != nullptr; }

    ws_config *get() const noexcept { return config_.get(); }

    ws_config *release() noexcept { return config_.release(); }

    /**
     * ws_config_error: the first setting that the library has refused. Connecting also fails where an empty group,
     * cookie jar or function, or no callback at all was set, which no call of the library says.
     */
    failure error() const
    {
        if (ws_config_error(get()) == nullptr)
            return {};
        const std::shared_ptr<ws_config> kept(ws_config_clone(get()), ws_config_free);
        return {ws_config_error(kept.get()), kept};
    }

    /** ws_config_interrupt. */
    void interrupt(std::error_code &ec) const noexcept { detail::assign(ec, ws_config_interrupt(get())); }

    void set_user_data(void *user_data, std::error_code &ec) noexcept { set(ec, ws_config_set_user_data, user_data); }

    void add_header(zstring name, zstring value, std::error_code &ec) noexcept
    {
        set(ec, ws_config_add_header, name, value);
    }

    /** none as `value` removes it. */
    void set_header(zstring name, zstring value, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_header, name, value);
    }

    void add_subprotocol(zstring name, std::error_code &ec) noexcept { set(ec, ws_config_add_subprotocol, name); }

    void set_origin(zstring origin, std::error_code &ec) noexcept { set(ec, ws_config_set_origin, origin); }

    void set_user_agent(zstring user_agent, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_user_agent, user_agent);
    }

    void set_coalescing(bool on, std::error_code &ec) noexcept { set(ec, ws_config_set_coalescing, on); }

    /** 0 to 1,000 microseconds. */
    void set_spin(std::chrono::microseconds time, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_spin_us, time);
    }

    void set_connect_timeout(time_limit limit, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_connect_timeout_ms, limit);
    }

    void set_resolve_timeout(time_limit limit, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_resolve_timeout_ms, limit);
    }

    void set_handshake_timeout(time_limit limit, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_handshake_timeout_ms, limit);
    }

    void set_proxy_timeout(time_limit limit, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_proxy_timeout_ms, limit);
    }

    void set_tls_timeout(time_limit limit, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_tls_timeout_ms, limit);
    }

    void set_open_timeout(time_limit limit, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_open_timeout_ms, limit);
    }

    void set_close_timeout(time_limit limit, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_close_timeout_ms, limit);
    }

    void set_send_timeout(time_limit limit, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_send_timeout_ms, limit);
    }

    void set_idle_timeout(time_limit limit, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_idle_timeout_ms, limit);
    }

    void set_max_frame_size(std::uint64_t size, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_max_frame_size, size);
    }

    void set_max_message_size(std::uint64_t size, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_max_message_size, size);
    }

    void set_incoming_queue(std::size_t messages, std::size_t size, queue_policy policy, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_incoming_queue, messages, size, policy);
    }

    void set_outgoing_queue(std::size_t messages, std::size_t size, queue_policy policy, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_outgoing_queue, messages, size, policy);
    }

    void set_auto_fragment(std::size_t size, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_auto_fragment, size);
    }

    /** 0 and no_limit: no pings. */
    void set_ping_interval(time_limit interval, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_ping_interval_ms, interval);
    }

    void set_ping_timeout(time_limit timeout, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_ping_timeout_ms, timeout);
    }

    void set_ping_liveness(ping_liveness liveness, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_ping_liveness, liveness);
    }

    void set_auto_pong(bool on, std::error_code &ec) noexcept { set(ec, ws_config_set_auto_pong, on); }

    void set_deliver_control(control_frames mask, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_deliver_control, mask);
    }

    void set_deliver_events(event_frames mask, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_deliver_events, mask);
    }

    void set_deliver_parts(std::size_t size, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_deliver_parts, size);
    }

    void set_validate_utf8(bool on, std::error_code &ec) noexcept { set(ec, ws_config_set_validate_utf8, on); }

    void set_raw(bool on, std::error_code &ec) noexcept { set(ec, ws_config_set_raw, on); }

    void set_allow_unmasked(bool allow, std::error_code &ec) noexcept { set(ec, ws_config_set_allow_unmasked, allow); }

    void set_masking(bool on, std::error_code &ec) noexcept { set(ec, ws_config_set_masking, on); }

    void add_resolve(zstring host, std::uint16_t port, zstring address, std::error_code &ec) noexcept
    {
        set(ec, ws_config_add_resolve, host, port, address);
    }

    void set_local_address(zstring address, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_local_address, address);
    }

    void set_unix_socket(zpath path, std::error_code &ec) noexcept { set(ec, ws_config_set_unix_socket, path); }

    void set_socket_fd(int fd, std::error_code &ec) noexcept { set(ec, ws_config_set_socket_fd, fd); }

    void set_tcp_nodelay(bool on, std::error_code &ec) noexcept { set(ec, ws_config_set_tcp_nodelay, on); }

    void set_tcp_keepalive(std::chrono::seconds idle, std::chrono::seconds interval, unsigned count,
                           std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_tcp_keepalive, idle, interval, count);
    }

    void set_proxy(zstring url, std::error_code &ec) noexcept { set(ec, ws_config_set_proxy, url); }

    void set_proxy_from_env(bool on, std::error_code &ec) noexcept { set(ec, ws_config_set_proxy_from_env, on); }

    void set_basic_auth(zstring user, zstring password, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_basic_auth, user, password);
    }

    void set_bearer_token(zstring token, std::error_code &ec) noexcept { set(ec, ws_config_set_bearer_token, token); }

    void set_max_redirects(unsigned count, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_max_redirects, count);
    }

    void add_tls_ca_file(zpath path, std::error_code &ec) noexcept { set(ec, ws_config_add_tls_ca_file, path); }

    void add_tls_ca_pem(std::string_view pem, std::error_code &ec) noexcept
    {
        set(ec, ws_config_add_tls_ca_pem, pem.data(), pem.size());
    }

    void add_tls_ca_dir(zpath path, std::error_code &ec) noexcept { set(ec, ws_config_add_tls_ca_dir, path); }

    void set_tls_system_store(bool on, std::error_code &ec) noexcept { set(ec, ws_config_set_tls_system_store, on); }

    void add_tls_crl_file(zpath path, std::error_code &ec) noexcept { set(ec, ws_config_add_tls_crl_file, path); }

    /** none as `key_path`: both are in one file. none as `certificate_path`: none is shown. */
    void set_tls_client_cert_file(zpath certificate_path, zpath key_path, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_tls_client_cert_file, certificate_path, key_path);
    }

    void set_tls_client_cert_pem(std::string_view certificate, std::string_view key, std::error_code &ec) noexcept
    {
        // NULL would mean that the key is in `certificate`.
        set(ec, ws_config_set_tls_client_cert_pem, certificate.data(), certificate.size(),
            key.empty() ? "" : key.data(), key.size());
    }

    /** The key is in `certificate` too. */
    void set_tls_client_cert_pem(std::string_view certificate, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_tls_client_cert_pem, certificate.data(), certificate.size(), nullptr, 0U);
    }

    void set_tls_server_name(zstring name, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_tls_server_name, name);
    }

    void set_tls_verify(bool peer, bool host, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_tls_verify, peer, host);
    }

    void set_tls_min_version(tls_version version, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_tls_min_version, version);
    }

    void set_tls_alpn(zstring protocols, std::error_code &ec) noexcept { set(ec, ws_config_set_tls_alpn, protocols); }

    void add_tls_pin_sha256(zstring pin, std::error_code &ec) noexcept { set(ec, ws_config_add_tls_pin_sha256, pin); }

    void set_tls_key_log_file(zpath path, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_tls_key_log_file, path);
    }

    /** An extension in C's terms. */
    void install_extension(const ws_extension_vtable &vtable, void *user_data, std::error_code &ec) noexcept
    {
        set(ec, ws_config_install_extension, &vtable, user_data);
    }

    void set_cookie_jar(const cookie_jar &jar, std::error_code &ec) noexcept;
    void set_cookie_jar(cookie_jar &&jar, std::error_code &ec) = delete;

    void set_cookie_jar(detail::absence<cookie_jar>, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_cookie_jar, nullptr);
    }

    void set_group(const group &sessions, std::error_code &ec) noexcept;
    void set_group(group &&sessions, std::error_code &ec) = delete;

    void set_group(detail::absence<group>, std::error_code &ec) noexcept { set(ec, ws_config_set_group, nullptr); }

    void set_callbacks(callbacks to_call, std::error_code &ec)
    {
        if (!to_call.on_open && !to_call.on_frame && !to_call.on_writable && !to_call.on_close)
            return refuse(ec);
        using detail::kept_callbacks;
        auto own = std::make_shared<kept_callbacks>(std::move(to_call));
        ws_callbacks native{};
        native.struct_size = sizeof native;
        native.on_open = own->on_open ? detail::opened : nullptr;
        native.on_frame = own->on_frame ? detail::received : nullptr;
        native.on_writable = own->on_writable ? detail::writable : nullptr;
        native.on_close = own->on_close ? detail::closed : nullptr;
        native.drop = detail::dropped;
        void *const lent = kept_callbacks::lend(own);
        set(ec, ws_config_set_callbacks, &native, lent);
        if (ec)
            kept_callbacks::take_back(lent);
        else
            callbacks_ = std::move(own);
    }

    void set_callbacks(std::nullptr_t, std::error_code &ec) = delete;

    void set_callbacks(detail::absence<callbacks>, std::error_code &ec) noexcept
    {
        set(ec, ws_config_set_callbacks, nullptr, nullptr);
        if (!ec)
            callbacks_ = nullptr;
    }

    /** An exception that leaves the function ends what it has to say: an answer that it gave before counts. */
    using auth_function = std::function<void(auth &question)>;
    void set_auth_callback(auth_function function, std::error_code &ec)
    {
        if (!function)
            return refuse(ec);
        using kept_function = detail::registered<auth_function>;
        auto kept = std::make_shared<const kept_function>(std::move(function));
        set(ec, ws_config_set_auth_callback, &detail::asked<kept_function>, kept->user_data());
        if (!ec)
            keep(&functions::auth, std::move(kept));
    }

    void set_auth_callback(std::nullptr_t, std::error_code &ec) = delete;

    void set_auth_callback(detail::absence<auth>, std::error_code &ec)
    {
        set(ec, ws_config_set_auth_callback, nullptr, nullptr);
        if (!ec)
            keep(&functions::auth, nullptr);
    }

    void set_reconnect(const reconnect_options &options, std::error_code &ec)
    {
        using kept_functions = detail::registered<detail::reconnect_functions>;
        ws_reconnect_options native{};
        native.struct_size = sizeof native;
        native.first_delay_ms = options.first_delay.count();
        native.max_delay_ms = options.max_delay.count();
        native.max_outage_ms = options.max_outage.count();
        native.max_attempts = options.max_attempts;
        native.flags = detail::flag(options.keep_unsent, WS_RECONNECT_KEEP_UNSENT) |
                       detail::flag(options.retry_first, WS_RECONNECT_FIRST);
        native.max_retry_after_ms = options.max_retry_after.count();
        std::shared_ptr<const kept_functions> kept;
        if (options.decide || options.prepare) {
            kept = std::make_shared<const kept_functions>(detail::reconnect_functions{options.decide, options.prepare});
            native.decide = options.decide ? detail::decided<kept_functions> : nullptr;
            native.prepare = options.prepare ? detail::prepared<kept_functions> : nullptr;
            native.user_data = kept->user_data();
        }
        set(ec, ws_config_set_reconnect, &native);
        if (!ec)
            keep(&functions::reconnect, std::move(kept));
    }

    void set_reconnect(detail::absence<reconnect_options>, std::error_code &ec)
    {
        set(ec, ws_config_set_reconnect, nullptr);
        if (!ec)
            keep(&functions::reconnect, nullptr);
    }

    void install_deflate(const deflate_options &options, std::error_code &ec)
    {
        using kept_function = detail::registered<decltype(options.filter)>;
        ws_deflate_options native{};
        native.struct_size = sizeof native;
        native.level = options.level;
        native.memory_level = options.memory_level;
        native.client_max_window_bits = options.client_max_window_bits;
        native.server_max_window_bits = options.server_max_window_bits;
        native.client_no_context_takeover = options.client_no_context_takeover;
        native.server_no_context_takeover = options.server_no_context_takeover;
        native.min_size = options.min_size;
        native.flags = detail::flag(options.omit_client_max_window_bits, WS_DEFLATE_OMIT_CLIENT_MAX_WINDOW_BITS) |
                       detail::flag(options.offer_fallback, WS_DEFLATE_OFFER_FALLBACK);
        std::shared_ptr<const kept_function> kept;
        if (options.filter) {
            kept = std::make_shared<const kept_function>(options.filter);
            native.filter = detail::filtered<kept_function>;
            native.filter_user_data = kept->user_data();
        }
        set(ec, ws_config_install_deflate, &native);
        if (!ec)
            keep(&functions::filter, std::move(kept));
    }

#if KTORWS_EXCEPTIONS
    // The same, throwing.

    void interrupt() const
    {
        std::error_code ec;
        interrupt(ec);
        detail::check(ec, "interrupt");
    }

    config &set_user_data(void *user_data) { return set("set_user_data", ws_config_set_user_data, user_data); }

    config &add_header(zstring name, zstring value) { return set("add_header", ws_config_add_header, name, value); }

    config &set_header(zstring name, zstring value) { return set("set_header", ws_config_set_header, name, value); }

    config &add_subprotocol(zstring name) { return set("add_subprotocol", ws_config_add_subprotocol, name); }

    config &set_origin(zstring origin) { return set("set_origin", ws_config_set_origin, origin); }

    config &set_user_agent(zstring user_agent) { return set("set_user_agent", ws_config_set_user_agent, user_agent); }

    config &set_coalescing(bool on) { return set("set_coalescing", ws_config_set_coalescing, on); }

    config &set_spin(std::chrono::microseconds time) { return set("set_spin", ws_config_set_spin_us, time); }

    config &set_connect_timeout(time_limit limit)
    {
        return set("set_connect_timeout", ws_config_set_connect_timeout_ms, limit);
    }

    config &set_resolve_timeout(time_limit limit)
    {
        return set("set_resolve_timeout", ws_config_set_resolve_timeout_ms, limit);
    }

    config &set_handshake_timeout(time_limit limit)
    {
        return set("set_handshake_timeout", ws_config_set_handshake_timeout_ms, limit);
    }

    config &set_proxy_timeout(time_limit limit)
    {
        return set("set_proxy_timeout", ws_config_set_proxy_timeout_ms, limit);
    }

    config &set_tls_timeout(time_limit limit) { return set("set_tls_timeout", ws_config_set_tls_timeout_ms, limit); }

    config &set_open_timeout(time_limit limit) { return set("set_open_timeout", ws_config_set_open_timeout_ms, limit); }

    config &set_close_timeout(time_limit limit)
    {
        return set("set_close_timeout", ws_config_set_close_timeout_ms, limit);
    }

    config &set_send_timeout(time_limit limit) { return set("set_send_timeout", ws_config_set_send_timeout_ms, limit); }

    config &set_idle_timeout(time_limit limit) { return set("set_idle_timeout", ws_config_set_idle_timeout_ms, limit); }

    config &set_max_frame_size(std::uint64_t size)
    {
        return set("set_max_frame_size", ws_config_set_max_frame_size, size);
    }

    config &set_max_message_size(std::uint64_t size)
    {
        return set("set_max_message_size", ws_config_set_max_message_size, size);
    }

    config &set_incoming_queue(std::size_t messages, std::size_t size, queue_policy policy)
    {
        return set("set_incoming_queue", ws_config_set_incoming_queue, messages, size, policy);
    }

    config &set_outgoing_queue(std::size_t messages, std::size_t size, queue_policy policy)
    {
        return set("set_outgoing_queue", ws_config_set_outgoing_queue, messages, size, policy);
    }

    config &set_auto_fragment(std::size_t size) { return set("set_auto_fragment", ws_config_set_auto_fragment, size); }

    config &set_ping_interval(time_limit interval)
    {
        return set("set_ping_interval", ws_config_set_ping_interval_ms, interval);
    }

    config &set_ping_timeout(time_limit timeout)
    {
        return set("set_ping_timeout", ws_config_set_ping_timeout_ms, timeout);
    }

    config &set_ping_liveness(ping_liveness liveness)
    {
        return set("set_ping_liveness", ws_config_set_ping_liveness, liveness);
    }

    config &set_auto_pong(bool on) { return set("set_auto_pong", ws_config_set_auto_pong, on); }

    config &set_deliver_control(control_frames mask)
    {
        return set("set_deliver_control", ws_config_set_deliver_control, mask);
    }

    config &set_deliver_events(event_frames mask)
    {
        return set("set_deliver_events", ws_config_set_deliver_events, mask);
    }

    config &set_deliver_parts(std::size_t size) { return set("set_deliver_parts", ws_config_set_deliver_parts, size); }

    config &set_validate_utf8(bool on) { return set("set_validate_utf8", ws_config_set_validate_utf8, on); }

    config &set_raw(bool on) { return set("set_raw", ws_config_set_raw, on); }

    config &set_allow_unmasked(bool allow) { return set("set_allow_unmasked", ws_config_set_allow_unmasked, allow); }

    config &set_masking(bool on) { return set("set_masking", ws_config_set_masking, on); }

    config &add_resolve(zstring host, std::uint16_t port, zstring address)
    {
        return set("add_resolve", ws_config_add_resolve, host, port, address);
    }

    config &set_local_address(zstring address)
    {
        return set("set_local_address", ws_config_set_local_address, address);
    }

    config &set_unix_socket(zpath path) { return set("set_unix_socket", ws_config_set_unix_socket, path); }

    config &set_socket_fd(int fd) { return set("set_socket_fd", ws_config_set_socket_fd, fd); }

    config &set_tcp_nodelay(bool on) { return set("set_tcp_nodelay", ws_config_set_tcp_nodelay, on); }

    config &set_tcp_keepalive(std::chrono::seconds idle, std::chrono::seconds interval, unsigned count)
    {
        return set("set_tcp_keepalive", ws_config_set_tcp_keepalive, idle, interval, count);
    }

    config &set_proxy(zstring url) { return set("set_proxy", ws_config_set_proxy, url); }

    config &set_proxy_from_env(bool on) { return set("set_proxy_from_env", ws_config_set_proxy_from_env, on); }

    config &set_basic_auth(zstring user, zstring password)
    {
        return set("set_basic_auth", ws_config_set_basic_auth, user, password);
    }

    config &set_bearer_token(zstring token) { return set("set_bearer_token", ws_config_set_bearer_token, token); }

    config &set_max_redirects(unsigned count) { return set("set_max_redirects", ws_config_set_max_redirects, count); }

    config &add_tls_ca_file(zpath path) { return set("add_tls_ca_file", ws_config_add_tls_ca_file, path); }

    config &add_tls_ca_pem(std::string_view pem)
    {
        return set("add_tls_ca_pem", ws_config_add_tls_ca_pem, pem.data(), pem.size());
    }

    config &add_tls_ca_dir(zpath path) { return set("add_tls_ca_dir", ws_config_add_tls_ca_dir, path); }

    config &set_tls_system_store(bool on) { return set("set_tls_system_store", ws_config_set_tls_system_store, on); }

    config &add_tls_crl_file(zpath path) { return set("add_tls_crl_file", ws_config_add_tls_crl_file, path); }

    config &set_tls_client_cert_file(zpath certificate_path, zpath key_path)
    {
        return set("set_tls_client_cert_file", ws_config_set_tls_client_cert_file, certificate_path, key_path);
    }

    config &set_tls_client_cert_pem(std::string_view certificate, std::string_view key)
    {
        return set("set_tls_client_cert_pem", ws_config_set_tls_client_cert_pem, certificate.data(), certificate.size(),
                   key.empty() ? "" : key.data(), key.size());
    }

    config &set_tls_client_cert_pem(std::string_view certificate)
    {
        return set("set_tls_client_cert_pem", ws_config_set_tls_client_cert_pem, certificate.data(), certificate.size(),
                   nullptr, 0U);
    }

    config &set_tls_server_name(zstring name)
    {
        return set("set_tls_server_name", ws_config_set_tls_server_name, name);
    }

    config &set_tls_verify(bool peer, bool host) { return set("set_tls_verify", ws_config_set_tls_verify, peer, host); }

    config &set_tls_min_version(tls_version version)
    {
        return set("set_tls_min_version", ws_config_set_tls_min_version, version);
    }

    config &set_tls_alpn(zstring protocols) { return set("set_tls_alpn", ws_config_set_tls_alpn, protocols); }

    config &add_tls_pin_sha256(zstring pin) { return set("add_tls_pin_sha256", ws_config_add_tls_pin_sha256, pin); }

    config &set_tls_key_log_file(zpath path)
    {
        return set("set_tls_key_log_file", ws_config_set_tls_key_log_file, path);
    }

    config &install_extension(const ws_extension_vtable &vtable, void *user_data)
    {
        return set("install_extension", ws_config_install_extension, &vtable, user_data);
    }

    config &set_cookie_jar(const cookie_jar &jar)
    {
        return throwing("set_cookie_jar", [&](std::error_code &ec) { set_cookie_jar(jar, ec); });
    }

    config &set_cookie_jar(cookie_jar &&jar) = delete;

    config &set_cookie_jar(detail::absence<cookie_jar>)
    {
        return set("set_cookie_jar", ws_config_set_cookie_jar, nullptr);
    }

    config &set_group(const group &sessions)
    {
        return throwing("set_group", [&](std::error_code &ec) { set_group(sessions, ec); });
    }

    config &set_group(group &&sessions) = delete;

    config &set_group(detail::absence<group>) { return set("set_group", ws_config_set_group, nullptr); }

    config &set_callbacks(callbacks to_call)
    {
        return throwing("set_callbacks", [&](std::error_code &ec) { set_callbacks(std::move(to_call), ec); });
    }

    config &set_callbacks(std::nullptr_t) = delete;

    config &set_callbacks(detail::absence<callbacks> off)
    {
        return throwing("set_callbacks", [&](std::error_code &ec) { set_callbacks(off, ec); });
    }

    config &set_auth_callback(auth_function function)
    {
        return throwing("set_auth_callback", [&](std::error_code &ec) { set_auth_callback(std::move(function), ec); });
    }

    config &set_auth_callback(std::nullptr_t) = delete;

    config &set_auth_callback(detail::absence<auth> nobody)
    {
        return throwing("set_auth_callback", [&](std::error_code &ec) { set_auth_callback(nobody, ec); });
    }

    config &set_reconnect(const reconnect_options &options)
    {
        return throwing("set_reconnect", [&](std::error_code &ec) { set_reconnect(options, ec); });
    }

    config &set_reconnect(detail::absence<reconnect_options> off)
    {
        return throwing("set_reconnect", [&](std::error_code &ec) { set_reconnect(off, ec); });
    }

    config &install_deflate(const deflate_options &options = {})
    {
        return throwing("install_deflate", [&](std::error_code &ec) { install_deflate(options, ec); });
    }
#endif

  private:
    /** What the library asks. Sessions have the same, as the library has no function to say when it asks no more. */
    struct functions {
        std::shared_ptr<const void> auth{};
        std::shared_ptr<const void> reconnect{};
        std::shared_ptr<const void> filter{};
    };

    template <typename... Parameters, typename... Arguments>
    void set(std::error_code &ec, ws_status (*function)(ws_config *, Parameters...),
             const Arguments &...arguments) noexcept
    {
        detail::assign(ec, detail::call(function, get(), arguments...));
    }

    /** For what the library cannot refuse itself. */
    void refuse(std::error_code &ec) noexcept
    {
        is_refused_ = true;
        ec = errc::invalid_argument;
    }

    void keep(std::shared_ptr<const void> functions::*which, std::shared_ptr<const void> kept)
    {
        auto next = functions_ == nullptr ? std::make_shared<functions>() : std::make_shared<functions>(*functions_);
        (*next).*which = std::move(kept);
        functions_ = std::move(next);
    }

#if KTORWS_EXCEPTIONS
    template <typename Setter> config &throwing(const char *name, Setter &&setter)
    {
        const bool was_refused = ws_config_error(get()) != nullptr;
        std::error_code ec;
        setter(ec);
        if (ec)
            throw ktorws::error(ec, name, was_refused ? failure() : error());
        return *this;
    }

    template <typename... Parameters, typename... Arguments>
    config &set(const char *name, ws_status (*function)(ws_config *, Parameters...), const Arguments &...arguments)
    {
        return throwing(name, [&](std::error_code &ec) { set(ec, function, arguments...); });
    }
#endif

    detail::owner<ws_config, ws_config_free> config_;
    std::shared_ptr<const functions> functions_{};
    std::shared_ptr<const callbacks> callbacks_{};
    bool is_refused_ = false;

    friend class detail::opening;
};

/** Cookies that sessions share: see ws_cookie_jar. For all threads at once. Configurations that have it go on using it.
 */
class cookie_jar final {
  public:
    /** Empty of cookies; empty as an object when it cannot be made. */
    cookie_jar() noexcept : jar_(ws_cookie_jar_new()) {}

    explicit cookie_jar(ws_cookie_jar *owned) noexcept : jar_(owned) {}

    explicit operator bool() const noexcept { return jar_ != nullptr; }

    ws_cookie_jar *get() const noexcept { return jar_.get(); }

    ws_cookie_jar *release() noexcept { return jar_.release(); }

    void add(zstring url, zstring set_cookie, std::error_code &ec) const noexcept
    {
        detail::assign(ec, detail::call(ws_cookie_jar_add, get(), url, set_cookie));
    }

    /** The Cookie header for `url`, empty where there is none. */
    std::string header(zstring url, std::error_code &ec) const
    {
        std::string value;
        std::size_t size = 0;
        ws_status status;
        // A session may add one meanwhile.
        do {
            value.resize(size);
            status = detail::call(ws_cookie_jar_header, get(), url, value.data(), value.size(), &size);
        } while (status == WS_ERR_BUFFER_TOO_SMALL);
        detail::assign(ec, status);
        value.resize(status == WS_OK ? size : 0);
        return value;
    }

    void clear() const noexcept { ws_cookie_jar_clear(get()); }

#if KTORWS_EXCEPTIONS
    // The same, throwing.

    void add(zstring url, zstring set_cookie) const
    {
        detail::check(detail::call(ws_cookie_jar_add, get(), url, set_cookie), "add");
    }

    std::string header(zstring url) const
    {
        std::error_code ec;
        std::string value = header(url, ec);
        detail::check(ec, "header");
        return value;
    }
#endif

  private:
    detail::owner<ws_cookie_jar, ws_cookie_jar_free> jar_;
};

/** Sessions that are received from together: see ws_group. Destroying it ends its sessions. */
class group final {
  public:
    /** Without sessions; empty as an object when it cannot be made. */
    group() noexcept : group_(ws_group_new()) {}

    explicit group(ws_group *owned) noexcept : group_(owned) {}

    explicit operator bool() const noexcept { return group_ != nullptr; }

    ws_group *get() const noexcept { return group_.get(); }

    ws_group *release() noexcept { return group_.release(); }

    /** What recv gives: a message of a session, or with an empty frame how it has ended. */
    struct event {
        session_view session{};
        ktorws::frame frame{};
        std::error_code end{};
    };

    /** With an error of the group's own there is neither a session nor a frame. */
    event recv(time_limit limit, std::error_code &ec) const noexcept
    {
        ws_session *session = nullptr;
        ws_frame *frame = nullptr;
        const ws_status status = ws_group_recv(get(), &session, &frame, limit.milliseconds());
        event received{session_view(session), ktorws::frame(frame), {}};
        ec.clear();
        detail::assign(session == nullptr ? ec : received.end, status);
        return received;
    }

    /** Returns a descriptor for poll, epoll and event loops, or -1. The group owns it and closes it when it is freed.
     */
    int event_fd() const noexcept { return ws_group_event_fd(get()); }

    void close(std::uint32_t code, std::string_view reason, time_limit limit, std::error_code &ec) const noexcept
    {
        detail::assign(ec, ws_group_close(get(), code, reason.data(), reason.size(), limit.milliseconds()));
    }

    void interrupt(std::error_code &ec) const noexcept { detail::assign(ec, ws_group_interrupt(get())); }

    std::size_t size() const noexcept { return ws_group_size(get()); }

#if KTORWS_EXCEPTIONS
    // The same, throwing.

    event recv(time_limit limit = no_limit) const
    {
        std::error_code ec;
        event received = recv(limit, ec);
        detail::check(ec, "recv");
        return received;
    }

    void close(std::uint32_t code = close_code::normal, std::string_view reason = {}, time_limit limit = no_limit) const
    {
        std::error_code ec;
        close(code, reason, limit, ec);
        detail::check(ec, "close");
    }

    void interrupt() const { detail::check(ws_group_interrupt(get()), "interrupt"); }
#endif

  private:
    detail::owner<ws_group, ws_group_free> group_;
};

inline void config::set_cookie_jar(const cookie_jar &jar, std::error_code &ec) noexcept
{
    // NULL would mean none.
    if (jar)
        set(ec, ws_config_set_cookie_jar, jar.get());
    else
        refuse(ec);
}

inline void config::set_group(const group &sessions, std::error_code &ec) noexcept
{
    if (sessions)
        set(ec, ws_config_set_group, sessions.get());
    else
        refuse(ec);
}

/** What opens a session, and has it keep what its configuration does. */
class detail::opening {
  public:
    static session connect(const zstring &url, const config *settings, std::error_code &ec, ws_error **error) noexcept
    {
        return open(url, settings, ec, [error](const char *text, const ws_config *native, ws_session **opened) {
            return ws_connect(text, native, opened, error);
        });
    }

    static session connect_async(const zstring &url, const config *settings, std::error_code &ec) noexcept
    {
        return open(url, settings, ec, ws_connect_async);
    }

    /** NULL where there are none. Callbacks that were set in C are not known. */
    static const std::shared_ptr<const callbacks> &callbacks_of(const config &settings) noexcept
    {
        return settings.callbacks_;
    }

  private:
    template <typename Function>
    static session open(const zstring &url, const config *settings, std::error_code &ec, Function &&function) noexcept
    {
        ws_session *opened = nullptr;
        // To the library no configuration is one with the defaults; an empty one is a mistake.
        if (settings != nullptr && (!*settings || settings->is_refused_))
            ec = errc::invalid_argument;
        else
            detail::assign(ec, function(url.c_str(), settings == nullptr ? nullptr : settings->get(), &opened));
        return session(opened, ec || settings == nullptr ? nullptr : settings->functions_);
    }
};

/** Opens a session: see ws_connect. With an error it is empty, and `details` say what happened. */
inline session connect(zstring url, const config &settings, std::error_code &ec, failure &details)
{
    ws_error *written = nullptr;
    session opened = detail::opening::connect(url, &settings, ec, &written);
    details = written == nullptr ? failure() : failure(written);
    return opened;
}

inline session connect(zstring url, const config &settings, std::error_code &ec) noexcept
{
    return detail::opening::connect(url, &settings, ec, nullptr);
}

inline session connect(zstring url, std::error_code &ec) noexcept
{
    return detail::opening::connect(url, nullptr, ec, nullptr);
}

/** Opens a session without waiting: see ws_connect_async. session::wait_open waits, and has the details of a failure.
 */
inline session connect_async(zstring url, const config &settings, std::error_code &ec) noexcept
{
    return detail::opening::connect_async(url, &settings, ec);
}

inline session connect_async(zstring url, std::error_code &ec) noexcept
{
    return detail::opening::connect_async(url, nullptr, ec);
}

inline void set_worker_threads(unsigned count, std::error_code &ec) noexcept
{
    detail::assign(ec, ws_set_worker_threads(count));
}

inline void shutdown(time_limit limit, std::error_code &ec) noexcept
{
    detail::assign(ec, ws_shutdown(limit.milliseconds()));
}

/** See ws_log_callback. What it throws is ignored. */
using log_function = std::function<void(log_level level, std::uint64_t session_id, std::string_view message)>;

namespace detail {

inline void logged(std::uint32_t level, std::uint64_t session_id, const char *message, void *user_data) noexcept
{
    const auto &function = *static_cast<const log_function *>(user_data);
    caught([&] { function(static_cast<log_level>(level), session_id, message); });
}

inline void set_log(log_level level, std::unique_ptr<log_function> next, std::error_code &ec)
{
    // Never freed at exit: the library's threads run until the process ends.
    static std::mutex *const mutex = new std::mutex;
    static log_function *current = nullptr;
    const std::lock_guard<std::mutex> lock(*mutex);
    assign(ec, ws_set_log_callback(static_cast<std::uint32_t>(level), next ? logged : nullptr, next.get()));
    if (!ec)
        delete std::exchange(current, next.release());
}

} // namespace detail

inline void set_log_callback(log_level level, log_function function, std::error_code &ec)
{
    if (function)
        detail::set_log(level, std::make_unique<log_function>(std::move(function)), ec);
    else
        ec = errc::invalid_argument;
}

inline void set_log_callback(detail::absence<log_level>, std::error_code &ec)
{
    detail::set_log(log_level::off, nullptr, ec);
}

void set_log_callback(log_level level, std::nullptr_t, std::error_code &ec) = delete;

#if KTORWS_EXCEPTIONS
// The same, throwing.

inline session connect(zstring url, const config &settings)
{
    std::error_code ec;
    failure details;
    session opened = connect(url, settings, ec, details);
    if (ec)
        throw error(ec, "connect", std::move(details));
    return opened;
}

inline session connect(zstring url)
{
    std::error_code ec;
    ws_error *written = nullptr;
    session opened = detail::opening::connect(url, nullptr, ec, &written);
    failure details = written == nullptr ? failure() : failure(written);
    if (ec)
        throw error(ec, "connect", std::move(details));
    return opened;
}

inline session connect_async(zstring url, const config &settings)
{
    std::error_code ec;
    session opened = connect_async(url, settings, ec);
    detail::check(ec, "connect_async");
    return opened;
}

inline session connect_async(zstring url)
{
    std::error_code ec;
    session opened = connect_async(url, ec);
    detail::check(ec, "connect_async");
    return opened;
}

inline void set_worker_threads(unsigned count) { detail::check(ws_set_worker_threads(count), "set_worker_threads"); }

inline void shutdown(time_limit limit = no_limit) { detail::check(ws_shutdown(limit.milliseconds()), "shutdown"); }

inline void set_log_callback(log_level level, log_function function)
{
    std::error_code ec;
    set_log_callback(level, std::move(function), ec);
    detail::check(ec, "set_log_callback");
}

inline void set_log_callback(detail::absence<log_level> off)
{
    std::error_code ec;
    set_log_callback(off, ec);
    detail::check(ec, "set_log_callback");
}

void set_log_callback(log_level level, std::nullptr_t) = delete;

#endif

#if defined(__cpp_lib_expected)

/**
 * What a function with an `std::error_code &ec` gives, as a std::expected:
 *
 *     auto message = ktorws::as_expected([&](std::error_code &ec) { return session.recv(5s, ec); });
 */
template <typename Function> auto as_expected(Function &&function)
{
    using value = std::invoke_result_t<Function, std::error_code &>;
    using result = std::expected<value, std::error_code>;
    std::error_code ec;
    if constexpr (std::is_void_v<value>) {
        std::forward<Function>(function)(ec);
        return ec ? result(std::unexpect, ec) : result();
    } else {
        value given = std::forward<Function>(function)(ec);
        return ec ? result(std::unexpect, ec) : result(std::move(given));
    }
}

#endif

} // namespace ktorws

template <> struct std::hash<ktorws::session_view> {
    std::size_t operator()(const ktorws::session_view &session) const noexcept
    {
        return std::hash<const void *>()(session.get());
    }
};

#endif
