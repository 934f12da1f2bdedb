// What the types promise, in each C++; and the views and times that are made of others.

// Before anything else, so that it stands alone.
#include <ktorws.hpp>
// clang-format off
#include <ktorws.hpp>
// clang-format on

#include "check.hpp"
#include <array>
#include <filesystem>
#include <limits>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>
#if __cplusplus >= 202002L
#include <ranges>
#include <span>
#endif

namespace
{

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;

template <typename T> constexpr bool is_owner()
{
    static_assert(std::is_nothrow_move_constructible_v<T>);
    static_assert(std::is_nothrow_move_assignable_v<T>);
    static_assert(std::is_nothrow_destructible_v<T>);
    static_assert(std::is_nothrow_default_constructible_v<T>);
    static_assert(!std::is_copy_constructible_v<T>);
    static_assert(!std::is_copy_assignable_v<T>);
    return true;
}

static_assert(is_owner<ktorws::session>());
static_assert(is_owner<ktorws::frame>());
static_assert(is_owner<ktorws::group>());
static_assert(is_owner<ktorws::cookie_jar>());
static_assert(std::is_nothrow_move_constructible_v<ktorws::config> && std::is_copy_constructible_v<ktorws::config>);
static_assert(std::is_nothrow_move_assignable_v<ktorws::config> && std::is_copy_assignable_v<ktorws::config>);
static_assert(std::is_nothrow_copy_constructible_v<ktorws::failure>);
static_assert(std::is_nothrow_move_constructible_v<ktorws::incoming_messages>);
static_assert(!std::is_copy_constructible_v<ktorws::incoming_messages>);

// Nothing is taken for an owner by accident.
static_assert(!std::is_convertible_v<ws_session *, ktorws::session>);
static_assert(!std::is_convertible_v<ws_session *, ktorws::session_view>);
static_assert(!std::is_convertible_v<ktorws::session_view, ktorws::session>);
static_assert(std::is_convertible_v<const ktorws::session &, ktorws::session_view>);
static_assert(std::is_trivially_copyable_v<ktorws::session_view> && sizeof(ktorws::session_view) == sizeof(void *));
static_assert(std::is_trivially_copyable_v<ktorws::frame_view> && sizeof(ktorws::frame) == sizeof(void *));

// What a temporary frame holds is copied, so that nothing dangles.
static_assert(std::is_same_v<decltype(std::declval<ktorws::frame>().text()), std::string>);
static_assert(std::is_same_v<decltype(std::declval<const ktorws::frame>().text()), std::string>);
static_assert(std::is_same_v<decltype(std::declval<ktorws::frame &>().text()), std::string_view>);
static_assert(std::is_same_v<decltype(std::declval<ktorws::frame>().data()), std::vector<std::byte>>);
static_assert(std::is_same_v<decltype(std::declval<const ktorws::frame &>().data()), ktorws::bytes>);
static_assert(std::is_same_v<decltype(std::declval<ktorws::frame_view>().text()), std::string_view>);
static_assert(noexcept(std::declval<const ktorws::frame &>().text()));

// An error_code form throws nothing.
static_assert(noexcept(std::declval<ktorws::session &>().recv(ktorws::no_limit, std::declval<std::error_code &>())));
static_assert(noexcept(std::declval<ktorws::session &>().send_text(std::string_view(),
                                                                   std::declval<std::error_code &>())));
static_assert(noexcept(ktorws::connect(ktorws::none, std::declval<std::error_code &>())));

// Strings for C are made of every kind of text, and paths of what is one.
static_assert(std::is_convertible_v<std::string_view, ktorws::zstring>);
static_assert(!std::is_convertible_v<std::filesystem::path, ktorws::zstring>);
static_assert(std::is_convertible_v<std::filesystem::path, ktorws::zpath>);
static_assert(std::is_nothrow_constructible_v<ktorws::zpath, const std::filesystem::path &>);
static_assert(std::is_convertible_v<const char *, ktorws::zpath> && std::is_convertible_v<std::string, ktorws::zpath>);
static_assert(!std::is_convertible_v<std::vector<char>, ktorws::zpath>);

// Nothing is switched off but by its name.
static_assert(!std::is_constructible_v<ktorws::zstring, std::nullptr_t>);
static_assert(!std::is_default_constructible_v<ktorws::zstring>);
static_assert(!std::is_default_constructible_v<ktorws::time_limit>);
static_assert(!std::is_convertible_v<std::nullptr_t, decltype(ktorws::no_reconnect)>);

// Whether a setter of a configuration, which throws or not, takes what `set` gives it.
template <typename Setter> constexpr bool compiles(Setter)
{
    return std::is_invocable_v<Setter, ktorws::config &>;
}
#define SETS(call) compiles([](auto &config) -> decltype((void)config.call) {})
static_assert(SETS(set_group(ktorws::no_group, std::declval<std::error_code &>())));
static_assert(!SETS(set_group({}, std::declval<std::error_code &>())));
static_assert(!SETS(set_group(nullptr, std::declval<std::error_code &>())));
static_assert(!SETS(set_group(ktorws::no_reconnect, std::declval<std::error_code &>())));
static_assert(SETS(set_cookie_jar(ktorws::no_cookie_jar, std::declval<std::error_code &>())));
static_assert(!SETS(set_cookie_jar({}, std::declval<std::error_code &>())));
static_assert(!SETS(set_cookie_jar(nullptr, std::declval<std::error_code &>())));
static_assert(SETS(set_callbacks(ktorws::no_callbacks, std::declval<std::error_code &>())));
static_assert(!SETS(set_callbacks({}, std::declval<std::error_code &>())));
static_assert(!SETS(set_callbacks(nullptr, std::declval<std::error_code &>())));
static_assert(SETS(set_auth_callback(ktorws::no_auth_callback, std::declval<std::error_code &>())));
static_assert(!SETS(set_auth_callback({}, std::declval<std::error_code &>())));
static_assert(!SETS(set_auth_callback(nullptr, std::declval<std::error_code &>())));
static_assert(SETS(set_reconnect(ktorws::no_reconnect, std::declval<std::error_code &>())));
static_assert(SETS(set_reconnect({}, std::declval<std::error_code &>()))); // with the defaults
static_assert(!SETS(set_reconnect(nullptr, std::declval<std::error_code &>())));
static_assert(SETS(set_user_agent(ktorws::none, std::declval<std::error_code &>())));
static_assert(!SETS(set_user_agent({}, std::declval<std::error_code &>())));
static_assert(!SETS(set_user_agent(nullptr, std::declval<std::error_code &>())));
static_assert(!SETS(set_idle_timeout({}, std::declval<std::error_code &>())));
#if KTORWS_EXCEPTIONS
static_assert(SETS(set_group(ktorws::no_group)) && !SETS(set_group({})) && !SETS(set_group(nullptr)));
static_assert(SETS(set_cookie_jar(ktorws::no_cookie_jar)) && !SETS(set_cookie_jar({})));
static_assert(SETS(set_callbacks(ktorws::no_callbacks)) && !SETS(set_callbacks({})));
static_assert(SETS(set_auth_callback(ktorws::no_auth_callback)) && !SETS(set_auth_callback({})));
static_assert(SETS(set_reconnect(ktorws::no_reconnect)) && SETS(set_reconnect({})) && !SETS(set_reconnect(nullptr)));
static_assert(SETS(set_user_agent(ktorws::none)) && !SETS(set_user_agent({})) && !SETS(set_user_agent(nullptr)));
static_assert(SETS(add_tls_ca_file(std::filesystem::path())) && !SETS(set_origin(std::filesystem::path())));
#endif

// Enumerations do not mix, and flags combine.
static_assert(!std::is_convertible_v<std::uint32_t, ktorws::frame_type>);
static_assert(!std::is_convertible_v<ktorws::frame_flags, ktorws::send_flags>);
constexpr auto both = ktorws::send_flags::more | ktorws::send_flags::cork;
static_assert(static_cast<std::uint32_t>(both) == (WS_SEND_MORE | WS_SEND_CORK));
static_assert(ktorws::has(both, ktorws::send_flags::cork) && !ktorws::has(both, ktorws::send_flags::no_compress));

// A frame is sent on as it came.
static_assert(noexcept(std::declval<ktorws::session &>().send(std::declval<ktorws::frame &>().type(),
                                                              std::declval<ktorws::frame &>().data(),
                                                              std::declval<std::error_code &>())));

// Views are not made of what has one byte more than it seems to.
static_assert(!std::is_constructible_v<ktorws::bytes, const char (&)[4]>);
static_assert(!std::is_constructible_v<ktorws::bytes, const std::vector<int> &>);
static_assert(std::is_convertible_v<const unsigned char (&)[4], ktorws::bytes>);
static_assert(std::is_convertible_v<const std::string &, ktorws::bytes>);

#if KTORWS_EXCEPTIONS
static_assert(std::is_nothrow_copy_constructible_v<ktorws::error>);
static_assert(std::is_base_of_v<std::system_error, ktorws::error>);
#endif

#if __cplusplus >= 202002L
static_assert(std::ranges::input_range<ktorws::incoming_messages>);
static_assert(std::ranges::contiguous_range<ktorws::bytes>);
static_assert(std::is_convertible_v<ktorws::bytes, std::span<const std::byte>>);
static_assert(std::is_convertible_v<std::span<const std::byte>, ktorws::bytes>);
static_assert(std::is_convertible_v<std::span<unsigned char>, ktorws::bytes>);
#endif

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
static_assert(ktorws::no_limit.milliseconds() == -1);
static_assert(ktorws::time_limit(2s).milliseconds() == 2000);
static_assert(ktorws::time_limit(0s).milliseconds() == 0);
static_assert(ktorws::time_limit(1ns).milliseconds() == 1);
static_assert(ktorws::time_limit(1001us).milliseconds() == 2);
static_assert(ktorws::time_limit(std::chrono::duration<double>(0.25)).milliseconds() == 250);
static_assert(ktorws::time_limit(-1ms).milliseconds() == 0);
static_assert(ktorws::time_limit(std::chrono::hours::min()).milliseconds() == 0);
static_assert(ktorws::time_limit(std::chrono::hours::max()).milliseconds() == most);
static_assert(ktorws::time_limit(std::chrono::milliseconds::max()).milliseconds() == most);
static_assert(ktorws::time_limit(std::chrono::nanoseconds::max()).milliseconds() == 9223372036855);

void views()
{
    CHECK_EQ(ktorws::time_limit(std::chrono::duration<float>(std::numeric_limits<float>::quiet_NaN())).milliseconds(),
             0);
    const std::string text = "ab";
    CHECK(ktorws::zstring(text).c_str() == text.c_str());
    CHECK_EQ(ktorws::zstring(std::string_view("abc").substr(0, 2)).c_str(), text);
    const ktorws::zstring copied = std::string_view(text);
    CHECK(ktorws::zstring(copied).c_str() == text && copied.c_str() == text && copied.c_str() != text.c_str());
    CHECK_EQ(ktorws::zstring(std::string_view()).c_str(), ""s);
    CHECK(ktorws::zstring(ktorws::none).c_str() == nullptr);
    // What the library refuses.
    for (const ktorws::zstring &refused : {ktorws::zstring("a\0b"s), ktorws::zstring("a\0b"sv), ktorws::zstring("a\0"s),
                                           ktorws::zstring(static_cast<const char *>(nullptr))})
        CHECK_EQ(refused.c_str(), "\xff"s);
    const std::filesystem::path path = "/tmp";
    CHECK(ktorws::zpath(path).c_str() == path.c_str());
    CHECK(ktorws::zpath(ktorws::none).c_str() == nullptr);

    const std::array<unsigned char, 3> container{1, 2, 255};
    const ktorws::bytes bytes = container;
    CHECK_EQ(bytes.size(), 3U);
    CHECK(bytes[2] == std::byte{255} && bytes.end() - bytes.begin() == 3);
    CHECK(static_cast<const void *>(bytes.data()) == container.data());
    CHECK(ktorws::bytes().empty() && ktorws::bytes(std::vector<char>()).empty());
}

void moves()
{
    std::error_code ec;
    ktorws::session first = ktorws::connect(echo_url("hello"), ec);
    CHECK_NONE(ec);
    const ktorws::session_view view = first;
    CHECK(view == first && view.state() == ktorws::session_state::open);
    ktorws::session second(std::move(first));
    CHECK(!first && second == view); // NOLINT: what a moved one is
    ktorws::session &same = second;
    second = std::move(same);
    CHECK(second == view);
    first = second.ref();
    CHECK(first == second);
    second = ktorws::session();
    // The other owner keeps it open.
    ktorws::frame frame = first.recv(patience, ec);
    CHECK_NONE(ec);
    CHECK_EQ(std::unordered_set<ktorws::session_view>({view, first}).size(), 1U);

    ktorws::session raw(first.release());
    CHECK(!first && raw == view); // NOLINT

    ktorws::frame other(std::move(frame));
    CHECK(!frame && frame.text().empty() && other.text() == "hello"); // NOLINT
    ktorws::frame &same_frame = other;
    other = std::move(same_frame);
    CHECK_EQ(other.text(), "hello");
    frame = std::move(other);
    CHECK_EQ(ktorws::frame_view(frame).text(), "hello");
    ktorws::frame from_c(frame.release());
    CHECK(!frame && from_c.size() == 5); // NOLINT
    from_c = ktorws::frame();
    CHECK(!from_c);

    // A frame outlives its session.
    raw.send_text("echo", ec);
    from_c = raw.recv(patience, ec);
    raw = ktorws::session();
    CHECK_EQ(from_c.text(), "echo");
}

} // namespace

int main()
{
    views();
    moves();
    std::error_code ec;
    ktorws::shutdown(patience, ec);
    CHECK_NONE(ec);
}
