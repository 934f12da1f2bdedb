// Boost.Beast: its synchronous API on a blocking socket, OpenSSL for TLS.

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/version.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>

#define _Noreturn [[noreturn]]
extern "C" {
#include "../c/bench.h"
}
#undef _Noreturn

namespace
{

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = asio::ssl;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;

constexpr std::size_t write_buffer_size = 128 * 1024;

asio::io_context io;
std::unique_ptr<ssl::context> tls;
std::vector<uint8_t> payload;
bool resume = false;
bool window = false;
bool threads = false;
bool idle = false;
bool text = false;
websocket::permessage_deflate deflate;

SSL_SESSION *last_session = nullptr;

// A copy: OpenSSL spoils the session itself when its connection ends without a close_notify.
int keep_session(SSL *, SSL_SESSION *session)
{
    SSL_SESSION_free(last_session);
    last_session = SSL_SESSION_dup(session);
    return 0;
}

struct address {
    std::string host;
    std::string port;
    std::string path;
};

address parse(const std::string &url)
{
    auto host = url.find("://") + 3;
    auto port = url.find(':', host);
    auto path = url.find('/', host);
    if (port == std::string::npos || path == std::string::npos || port > path)
        fail("%s has no port or no path", url.c_str());
    return {url.substr(host, port - host), url.substr(port + 1, path - port - 1), url.substr(path)};
}

struct connection {
    virtual ~connection() = default;
    virtual void send(const uint8_t *message, std::size_t size) = 0;
    virtual void receive(std::size_t size) = 0;
    virtual void close() = 0;

    // Beast's streams are not to be used by two threads at once.
    std::mutex mutex;
    std::condition_variable sent_all;
    // How many messages the sink waits for.
    std::size_t to_send = 0;
};

void open_socket(tcp::socket &socket, const address &to)
{
    auto port = static_cast<unsigned short>(std::stoul(to.port));
    socket.connect(tcp::endpoint(asio::ip::make_address(to.host), port));
    socket.set_option(tcp::no_delay(true));
}

void open_next_layer(tcp::socket &socket, const address &to)
{
    open_socket(socket, to);
}

void open_next_layer(beast::ssl_stream<tcp::socket> &stream, const address &to)
{
    open_socket(stream.next_layer(), to);
    stream.set_verify_callback(ssl::host_name_verification(to.host));
    if (resume && last_session != nullptr)
        SSL_set_session(stream.native_handle(), last_session);
    bool should_resume = resume && last_session != nullptr;
    stream.handshake(ssl::stream_base::client);
    if ((SSL_session_reused(stream.native_handle()) == 1) != should_resume)
        fail("TLS session resumption was not as the work wants it");
}

template <class NextLayer> struct connection_over final : connection {
    websocket::stream<NextLayer> stream;
    beast::flat_buffer buffer;

    template <class... Arguments>
    connection_over(const address &to, Arguments &&...arguments) : stream(std::forward<Arguments>(arguments)...)
    {
        open_next_layer(stream.next_layer(), to);
        if (!idle) {
            stream.auto_fragment(false);
            stream.write_buffer_bytes(write_buffer_size);
        }
        stream.set_option(deflate);
        stream.binary(!text);
        stream.handshake(to.host + ':' + to.port, to.path);
    }

    void send(const uint8_t *message, std::size_t size) override
    {
        stream.write(asio::buffer(message, size));
    }

    void receive(std::size_t size) override
    {
        stream.read(buffer);
        check_message(static_cast<const uint8_t *>(buffer.data().data()), buffer.size(), size);
        buffer.consume(buffer.size());
    }

    // Its close() waits for the peer, so the socket is closed when only the frame was sent.
    void close() override
    {
        auto &socket = beast::get_lowest_layer(stream);
        socket.non_blocking(true);
        beast::error_code error;
        stream.close(websocket::close_code::normal, error);
        socket.close();
    }
};

void start(const options *options)
{
    std::string work = options->work;
    resume = work == "tls-connect-resumed";
    window = work == "duplex-64";
    threads = work == "threads-64";
    idle = work == "idle" || work == "tls-idle";
    text = options->texts_file != nullptr;
    deflate.client_enable = options->deflate != DEFLATE_OFF;
    deflate.client_no_context_takeover = options->deflate == DEFLATE_ALONE;
    deflate.server_no_context_takeover = options->deflate == DEFLATE_ALONE;
    for (std::size_t i = 0; i < options->size; i++)
        payload.push_back(pattern(i));
    if (options->ca_file == nullptr)
        return;
    tls = std::make_unique<ssl::context>(ssl::context::tlsv13_client);
    tls->set_verify_mode(ssl::verify_peer);
    tls->load_verify_file(options->ca_file);
    if (resume) {
        SSL_CTX_set_session_cache_mode(tls->native_handle(), SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(tls->native_handle(), keep_session);
    }
}

// Whatever Beast throws ends the program.
template <class Action> auto guarded(Action action)
{
    try {
        return action();
    } catch (const std::exception &error) {
        fail("%s", error.what());
    }
}

void *open_connection(const options *, const char *url)
{
    return guarded([url]() -> connection * {
        address to = parse(url);
        connection *opened;
        if (tls)
            opened = new connection_over<beast::ssl_stream<tcp::socket>>(to, io, *tls);
        else
            opened = new connection_over<tcp::socket>(to, io);
        if (threads)
            opened->to_send = std::stoul(to.path.substr(to.path.rfind('/') + 1));
        return opened;
    });
}

void close_connection(void *opened)
{
    guarded([opened] {
        std::unique_ptr<connection> it(static_cast<connection *>(opened));
        it->close();
    });
}

void send_messages(void *opened, const uint8_t *message, std::size_t size, std::size_t count)
{
    auto *it = static_cast<connection *>(opened);
    if (window)
        return;
    guarded([it, message, size, count] {
        if (!threads) {
            for (std::size_t i = 0; i < count; i++)
                it->send(message, size);
            return;
        }
        for (std::size_t i = 0; i < count; i++) {
            std::lock_guard<std::mutex> lock(it->mutex);
            it->send(message, size);
            if (--it->to_send == 0)
                it->sent_all.notify_one();
        }
    });
}

void receive_messages(void *opened, std::size_t size, std::size_t count)
{
    auto *it = static_cast<connection *>(opened);
    guarded([it, size, count] {
        if (threads) {
            std::unique_lock<std::mutex> lock(it->mutex);
            it->sent_all.wait(lock, [it] { return it->to_send == 0; });
        }
        std::size_t sent = window ? 0 : count;
        for (std::size_t received = 0; received < count; received++) {
            for (; sent < count && sent - received < BURST; sent++)
                it->send(payload.data(), payload.size());
            it->receive(size);
        }
    });
}

const char settings[] = "Boost.Beast of Boost " BOOST_LIB_VERSION
                        ": synchronous API on a blocking socket, nodelay; auto_fragment(false) and a write "
                        "buffer of 128 KiB, its defaults for idle sessions; permessage-deflate only where it is "
                        "measured, with its defaults: level 8, memory level 4; threads: a mutex; "
                        "TLS: " OPENSSL_VERSION_TEXT;

const client clients[] = {
    {"beast",
     "rtt-64,rtt-4k,burst-64,stream-64,duplex-64,threads-64,big-1m,connect,idle,"
     "tls-rtt-64,tls-rtt-4k,tls-burst-64,tls-stream-64,tls-big-1m,tls-connect,tls-connect-resumed,tls-idle," TEXT_WORKS,
     settings, "its own zlib 8/4", start, open_connection, close_connection, send_messages, receive_messages, nullptr,
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr},
};

} // namespace

int main(int argc, char **argv)
{
    return bench_main(argc, argv, clients);
}
