/* file URL FILE: sends a file as one binary message in fragments, and prints the answer. */

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <fstream>
#include <iostream>
#include <regex>

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    try {
        std::ifstream file(argv[2], std::ios::binary);
        if (!file)
            throw std::runtime_error("cannot open the file");
        std::string url = argv[1];
        std::smatch part;
        if (!std::regex_match(url, part, std::regex("ws://([^:/]+):([0-9]+)(/.*)")))
            throw std::invalid_argument("not a URL");
        std::string host = part[1], port = part[2], path = part[3];
        asio::io_context io;
        websocket::stream<beast::tcp_stream> ws(io);
        beast::get_lowest_layer(ws).connect(asio::ip::tcp::resolver(io).resolve(host, port));
        ws.handshake(host + ":" + port, path);
        ws.binary(true);
        ws.auto_fragment(false);
        std::vector<char> block(65536);
        while (!file.eof()) {
            file.read(block.data(), static_cast<std::streamsize>(block.size()));
            if (file.bad())
                throw std::runtime_error("cannot read the file");
            ws.write_some(file.eof(), asio::buffer(block.data(), static_cast<std::size_t>(file.gcount())));
        }
        beast::flat_buffer buffer;
        beast::error_code error = asio::error::timed_out;
        ws.async_read(buffer, [&](beast::error_code result, std::size_t) { error = result; });
        io.run_for(5s);
        if (error)
            throw beast::system_error(error);
        std::cout << beast::make_printable(buffer.data()) << "\n";
        ws.close(websocket::close_code::normal);
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
