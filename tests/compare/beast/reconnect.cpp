/* reconnect URL: subscribes and prints what arrives. It connects again, with growing random delays, when the connection
 * is lost or cannot be opened, until the server closes the session. */

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <iostream>
#include <random>
#include <regex>
#include <thread>

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
        std::minstd_rand random(std::random_device{}());
        auto delay = 100ms;
        for (;;) {
            try {
                asio::io_context io;
                websocket::stream<beast::tcp_stream> ws(io);
                beast::get_lowest_layer(ws).connect(asio::ip::tcp::resolver(io).resolve(host, port));
                ws.handshake(host + ":" + port, path);
                delay = 100ms;
                ws.write(asio::buffer("subscribe", 9));
                for (beast::flat_buffer buffer;; buffer.clear()) {
                    ws.read(buffer);
                    std::cout << beast::make_printable(buffer.data()) << std::endl;
                }
            } catch (const beast::system_error &error) {
                if (error.code() == websocket::error::closed)
                    return 0;
                std::cerr << "connecting again: " << error.what() << "\n";
            }
            std::this_thread::sleep_for(delay / 2 + random() % (delay.count() / 2) * 1ms);
            delay = std::min(2 * delay, std::chrono::milliseconds(10000));
        }
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
