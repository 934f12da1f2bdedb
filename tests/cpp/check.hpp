// What the C++ tests share: checks that end the program with a message, and the echo server's addresses.

#ifndef CHECK_HPP
#define CHECK_HPP

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <ktorws.hpp>
#include <string>
#include <type_traits>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::cerr << __FILE__ << ":" << __LINE__ << ": failed: " #condition "\n";                                  \
            std::exit(1);                                                                                              \
        }                                                                                                              \
    } while (0)

#define CHECK_EQ(actual, expected) check_equal((actual), (expected), #actual, __FILE__, __LINE__)

// What can be printed: an enumeration as its number.
template <typename T> auto shown(const T &value)
{
    if constexpr (std::is_enum_v<T>)
        return static_cast<std::int64_t>(value);
    else
        return value;
}

template <typename Actual, typename Expected>
void check_equal(const Actual &actual, const Expected &expected, const char *what, const char *file, int line)
{
    if (!(actual == expected)) {
        std::cerr << file << ":" << line << ": " << what << " is \"" << shown(actual) << "\", expected \""
                  << shown(expected) << "\"\n";
        std::exit(1);
    }
}

#define CHECK_CODE(actual, expected) CHECK_EQ((actual), ktorws::make_error_code(ktorws::errc::expected))

#define CHECK_NONE(ec) CHECK_EQ((ec), std::error_code())

#if KTORWS_EXCEPTIONS
// The error that a statement must throw.
#define THROWN(statement) thrown_by([&] { (void)(statement); }, #statement, __FILE__, __LINE__)

template <typename Statement>
ktorws::error thrown_by(Statement &&statement, const char *what, const char *file, int line)
{
    try {
        statement();
    } catch (const ktorws::error &thrown) {
        return thrown;
    }
    std::cerr << file << ":" << line << ": threw nothing: " << what << "\n";
    std::exit(1);
}
#endif

// A hung library must fail a test, not stall it; no wait that works takes nearly this long.
inline constexpr std::chrono::seconds patience{60};

inline std::string environment(const char *name)
{
    const char *value = std::getenv(name);
    if (value == nullptr) {
        std::cerr << name << " is not set: run this program as `echo_server -- PROGRAM`\n";
        std::exit(1);
    }
    return value;
}

// One of the echo server's paths; "" is the echo.
inline std::string echo_url(const std::string &path = "")
{
    return environment("ECHO_WS_URL") + path;
}

#endif
