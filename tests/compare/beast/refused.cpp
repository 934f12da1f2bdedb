/* refused URL: prints the answer of a server that refuses the handshake: status, a header field, body. */

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
        websocket::response_type response;
        beast::error_code error;
        ws.handshake(response, host + ":" + port, path, error);
        if (error != websocket::error::upgrade_declined)
            throw std::runtime_error(error ? error.message() : "the server accepts");
        std::cout << response.result_int() << "\n" << response["Retry-After"] << "\n" << response.body() << "\n";
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
