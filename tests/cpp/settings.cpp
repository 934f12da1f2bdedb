// Settings: which reach the session, and which are refused, at once and when connecting.

#include "check.hpp"
#include <filesystem>
#include <string>

namespace
{

using namespace std::chrono_literals;
using namespace std::string_literals;

void settings()
{
    std::error_code ec;
    ktorws::config config;
    const auto taken = [&] {
        CHECK_NONE(ec);
        ec = ktorws::errc::internal;
    };
    config.add_header("X-One", "1", ec);
    taken();
    config.add_header("X-One", "2", ec);
    taken();
    config.set_header("X-Gone", "1", ec);
    taken();
    config.set_header("X-Gone", ktorws::none, ec);
    taken();
    config.set_user_agent("cpp/1", ec);
    taken();
    config.add_subprotocol("chat", ec);
    taken();

    const ktorws::config copy = config;
    config.set_header("X-One", "3", ec);
    taken();
    config.set_user_agent(ktorws::none, ec);
    taken();
    for (const ktorws::config *used : {&copy, &static_cast<const ktorws::config &>(config)}) {
        const ktorws::session session = ktorws::connect(echo_url(), *used, ec);
        CHECK_NONE(ec);
        const bool is_copy = used == &copy;
        CHECK_EQ(session.request_header("x-one").value(), is_copy ? "1" : "3");
        CHECK_EQ(session.request_header("X-One", 1).value_or("none"), is_copy ? "2" : "none");
        CHECK_EQ(session.request_header("User-Agent").value_or("none"), is_copy ? "cpp/1" : "none");
        CHECK(!session.request_header("X-Gone"));
        CHECK_EQ(session.subprotocol(), "chat");
        CHECK_EQ(session.response_status(), 101U);
        CHECK_EQ(session.response_header("Sec-WebSocket-Protocol").value(), "chat");
        CHECK(!session.response_header("X-Nothing"));
        CHECK_EQ(session.request_url(), echo_url());
        CHECK(session.id() != 0);
        CHECK_EQ(session.extension_count(), 0U);
        CHECK(session.extension_at(0) == nullptr && session.extension_find("x") == nullptr);
    }
}

void refusals()
{
    const auto refused = [](auto set) {
        std::error_code own;
        ktorws::config other;
        set(other, own);
        CHECK_CODE(own, invalid_argument);
        // Also for a program that does not look.
        CHECK(!ktorws::connect("ws://127.0.0.1:1/", other, own));
        CHECK_CODE(own, invalid_argument);
        CHECK(!ktorws::connect_async("ws://127.0.0.1:1/", ktorws::config(other), own));
        CHECK_CODE(own, invalid_argument);
    };
    refused([](auto &config, auto &own) { config.add_header("X", "1\0002"s, own); });
    refused([](auto &config, auto &own) { config.set_origin(std::string("\0", 1), own); });
    refused([](auto &config, auto &own) { config.set_spin(-1us, own); });
    refused([](auto &config, auto &own) { config.set_spin(1001us, own); });
    refused([](auto &config, auto &own) { config.set_spin(std::chrono::hours(10000), own); });
    refused([](auto &config, auto &own) { config.set_tcp_keepalive(-1s, 1s, 1, own); });
    refused([](auto &config, auto &own) { config.set_incoming_queue(0, 0, ktorws::queue_policy::wait, own); });
    refused([](auto &config, auto &own) { config.add_tls_ca_file("/nonexistent", own); });
    refused([](auto &config, auto &own) { config.add_tls_ca_pem("none", own); });
    refused([](auto &config, auto &own) { config.set_tls_client_cert_pem("none", {}, own); });
    refused([](auto &config, auto &own) { config.add_tls_pin_sha256("none", own); });
    refused([](auto &config, auto &own) {
        ktorws::reconnect_options options;
        options.first_delay = -1ms;
        config.set_reconnect(options, own);
    });
    refused([](auto &config, auto &own) { config.set_ping_timeout(0s, own); });
    refused([](auto &config, auto &own) { config.set_unix_socket(static_cast<const char *>(nullptr), own); });
    refused([](auto &config, auto &own) { config.set_tls_client_cert_pem("none", own); });
    refused([](auto &config, auto &own) { config.set_callbacks(ktorws::callbacks(), own); });
    refused([](auto &config, auto &own) { config.set_auth_callback(ktorws::config::auth_function(), own); });
    refused([](auto &config, auto &own) {
        ktorws::deflate_options options;
        options.level = 10;
        config.install_deflate(options, own);
    });
    refused([](auto &config, auto &own) {
        const ktorws::cookie_jar jar(nullptr);
        config.set_cookie_jar(jar, own);
    });
    refused([](auto &config, auto &own) {
        const ktorws::group group(nullptr);
        config.set_group(group, own);
    });
}

// Accepted without an error, in any order.
void accepted()
{
    std::error_code ec;
    ktorws::config config;
    const auto taken = [&] {
        CHECK_NONE(ec);
        ec = ktorws::errc::internal;
    };
    config.set_allow_unmasked(true, ec);
    taken();
    config.set_masking(false, ec);
    taken();
    config.add_resolve("example.invalid", 0, "127.0.0.1", ec);
    taken();
    config.set_tls_min_version(ktorws::tls_version::tls_1_3, ec);
    taken();
    config.set_ping_liveness(ktorws::ping_liveness::any, ec);
    taken();
    config.set_open_timeout(ktorws::no_limit, ec);
    taken();
    config.set_idle_timeout(1h, ec);
    taken();
    config.set_spin(1ms, ec);
    taken();
    config.set_validate_utf8(false, ec);
    taken();
    config.set_deliver_parts(4096, ec);
    taken();
    config.set_deliver_events(ktorws::event_frames::none, ec);
    taken();
    config.set_tls_system_store(false, ec);
    taken();
    config.set_origin("a view, cut"s.substr(0, 6), ec);
    taken();
    config.set_bearer_token(std::string_view("token, cut").substr(0, 5), ec);
    taken();
    CHECK(!config.error());
    CHECK_EQ(ktorws::connect(echo_url(), config, ec).request_header("Authorization").value(), "Bearer token");

    // What has a name for nothing.
    config.set_origin(ktorws::none, ec);
    taken();
    config.set_bearer_token(ktorws::none, ec);
    taken();
    config.set_basic_auth(ktorws::none, "", ec);
    taken();
    config.set_proxy(ktorws::none, ec);
    taken();
    config.set_tls_alpn(ktorws::none, ec);
    taken();
    config.set_tls_key_log_file(ktorws::none, ec);
    taken();
    config.set_tls_client_cert_file(ktorws::none, ktorws::none, ec);
    taken();
    config.set_local_address(ktorws::none, ec);
    taken();
    config.set_unix_socket(ktorws::none, ec);
    taken();
    config.set_group(ktorws::no_group, ec);
    taken();
    config.set_cookie_jar(ktorws::no_cookie_jar, ec);
    taken();
    config.set_callbacks(ktorws::no_callbacks, ec);
    taken();
    config.set_auth_callback(ktorws::no_auth_callback, ec);
    taken();
    config.set_reconnect(ktorws::no_reconnect, ec);
    taken();
    const ktorws::session session = ktorws::connect(echo_url(), config, ec);
    CHECK_NONE(ec);
    CHECK(!session.request_header("Origin") && !session.request_header("Authorization"));
}

// The first refusal is kept, with what was wrong.
void remembered()
{
    std::error_code ec;
    ktorws::failure kept;
    {
        ktorws::config config;
        config.set_masking(false, ec);
        CHECK_CODE(ec, state);
        config.set_tls_alpn("h2", ec);
        CHECK_CODE(ec, unsupported);
        config.set_ping_interval(20s, ec);
        CHECK_NONE(ec);
        const ktorws::config copy = config;
        kept = copy.error();
    }
    // It outlives the configuration.
    CHECK_CODE(kept.code(), state);
    CHECK(kept.message().find("ws_config_set_masking") == 0);

    ktorws::failure details;
    ktorws::config config;
    config.set_tls_alpn("h2", ec);
    CHECK(!ktorws::connect(echo_url(), config, ec, details));
    CHECK_CODE(ec, unsupported);
    CHECK_EQ(details.message(), config.error().message());
    config.set_tls_alpn("http/1.1", ec);
    CHECK(!ktorws::connect_async(echo_url(), config, ec));
    CHECK_CODE(ec, unsupported);
}

// A path is a string of any kind or a std::filesystem::path.
void paths()
{
    std::error_code ec;
    ktorws::config config;
    const std::string name = environment("ECHO_CA_FILE");
    config.add_tls_ca_file(std::filesystem::path(name), ec);
    CHECK_NONE(ec);
    config.add_tls_ca_file(name, ec);
    CHECK_NONE(ec);
    config.add_tls_ca_file(std::string_view(name), ec);
    CHECK_NONE(ec);
    config.add_tls_ca_file(name.c_str(), ec);
    CHECK_NONE(ec);
    config.add_tls_ca_dir(std::filesystem::path(name).parent_path(), ec);
    CHECK_NONE(ec);
    CHECK(ktorws::connect(environment("ECHO_WSS_URL"), config, ec));
    CHECK_NONE(ec);

    const std::filesystem::path missing = std::filesystem::path(name).parent_path() / "missing.pem";
    config.add_tls_crl_file(missing, ec);
    CHECK_CODE(ec, invalid_argument);
    CHECK(config.error().message().find("ws_config_add_tls_crl_file") == 0);
    ktorws::config cut;
    cut.set_tls_key_log_file(missing.native() + '\0', ec);
    CHECK_CODE(ec, invalid_argument);
    CHECK(!std::filesystem::exists(missing));
}

void user_data()
{
    std::error_code ec;
    int first = 0;
    int second = 0;
    ktorws::config config;
    config.set_user_data(&first, ec);
    CHECK_NONE(ec);
    const ktorws::session session = ktorws::connect(echo_url(), config, ec);
    CHECK(session.user_data() == &first);
    session.set_user_data(&second, ec);
    CHECK(session.user_data() == &second);
}

} // namespace

int main()
{
    settings();
    refusals();
    accepted();
    remembered();
    paths();
    user_data();
    std::error_code ec;
    ktorws::shutdown(patience, ec);
    CHECK_NONE(ec);
}
