// What std::expected is made of: the functions with an std::error_code.

#include "check.hpp"

#if defined(__cpp_lib_expected)

namespace
{

using namespace std::chrono_literals;

void values()
{
    auto session = ktorws::as_expected([](std::error_code &ec) { return ktorws::connect(echo_url("hello"), ec); });
    static_assert(std::is_same_v<decltype(session), std::expected<ktorws::session, std::error_code>>);
    CHECK(session && *session);
    const auto message = ktorws::as_expected([&](auto &ec) { return session->recv(patience, ec); });
    CHECK_EQ(message.value().text(), "hello");
    const auto sent = ktorws::as_expected([&](auto &ec) { session->send(message->type(), message->data(), ec); });
    static_assert(std::is_same_v<decltype(sent), const std::expected<void, std::error_code>>);
    CHECK(sent.has_value());
    CHECK_EQ(session->recv(patience).text(), "hello");
}

void errors()
{
    const auto refused = ktorws::as_expected([](auto &ec) { return ktorws::connect("ftp://x/", ec); });
    CHECK(!refused);
    CHECK_CODE(refused.error(), url);
    const auto unsent = ktorws::as_expected([](auto &ec) { ktorws::session().send_text("x", ec); });
    CHECK(!unsent);
    CHECK_CODE(unsent.error(), invalid_argument);
}

} // namespace

int main()
{
    values();
    errors();
    ktorws::shutdown(patience);
}

#else

int main()
{
    std::cout << "SKIPPED: no std::expected\n";
}

#endif
