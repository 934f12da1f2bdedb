/* keepalive URL: prints what arrives, and pings the server when it is silent for a second. It ends if it is silent for
 * two. */

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <functional>
#include <iostream>
#include <regex>

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    try {
        std::string url = argv[1];
        std::smatch part;
        if (!std::regex_match(url, part, std::regex("ws://([^:/]+):([0-9]+)(/.*)")))
            throw std::invalid_argument("not a URL");
        std::string host = part[1], port = part[2], path = part[3];
        asio::io_context io;
        websocket::stream<beast::tcp_stream> ws(io);
        beast::get_lowest_layer(ws).connect(asio::ip::tcp::resolver(io).resolve(host, port));
        ws.handshake(host + ":" + port, path);
        ws.set_option(websocket::stream_base::timeout{30s, 2s, true});
        beast::flat_buffer buffer;
        beast::error_code error;
        std::function<void()> receive = [&] {
            ws.async_read(buffer, [&](beast::error_code result, std::size_t) {
                error = result;
                if (error)
                    return;
                std::cout << beast::make_printable(buffer.data()) << "\n";
                buffer.clear();
                receive();
            });
        };
        receive();
        io.run();
        if (error != websocket::error::closed)
            throw beast::system_error(error);
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
