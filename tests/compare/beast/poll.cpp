/* poll URL: sends the lines of standard input and prints what arrives, in one loop. */

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <functional>
#include <iostream>
#include <regex>
#include <unistd.h>

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
        beast::error_code error;
        beast::flat_buffer buffer;
        std::function<void()> receive = [&] {
            ws.async_read(buffer, [&](beast::error_code result, std::size_t) {
                error = result;
                if (error)
                    return;
                std::cout << beast::make_printable(buffer.data()) << std::endl;
                buffer.clear();
                receive();
            });
        };
        asio::posix::stream_descriptor input(io, dup(STDIN_FILENO));
        std::string text;
        std::function<void()> send = [&] {
            asio::async_read_until(input, asio::dynamic_buffer(text), '\n',
                                   [&](beast::error_code end, std::size_t size) {
                                       if (end) {
                                           ws.async_close(websocket::close_code::normal, [](beast::error_code) {});
                                           return;
                                       }
                                       ws.async_write(asio::buffer(text.data(), size - 1),
                                                      [&, size](beast::error_code failure, std::size_t) {
                                                          text.erase(0, size);
                                                          if (!failure)
                                                              send();
                                                      });
                                   });
        };
        receive();
        send();
        while (!error && io.run_one() > 0)
            ;
        if (error != websocket::error::closed && error != asio::error::operation_aborted)
            throw beast::system_error(error);
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
