/* timeout URL: receives with a time limit, after which the session continues. Sends a text and prints the answer. */

#include <boost/asio.hpp>
#include <boost/beast.hpp>
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
        beast::flat_buffer buffer;
        beast::error_code error = asio::error::timed_out;
        ws.async_read(buffer, [&](beast::error_code result, std::size_t) { error = result; });
        io.run_for(200ms);
        if (error == asio::error::timed_out) {
            std::cout << "nothing yet\n";
            ws.async_write(asio::buffer("hello", 5), [](beast::error_code, std::size_t) {});
            io.run_for(5s);
        }
        if (error)
            throw beast::system_error(error);
        std::cout << beast::make_printable(buffer.data()) << "\n";
        ws.close(websocket::close_code::normal);
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
