/* chat URL: one thread sends the lines of standard input, another prints what arrives. Only the thread of the
 * io_context may use the connection, so the other hands each line over. */

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <functional>
#include <future>
#include <iostream>
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
        asio::io_context io;
        websocket::stream<beast::tcp_stream> ws(io);
        beast::get_lowest_layer(ws).connect(asio::ip::tcp::resolver(io).resolve(host, port));
        ws.handshake(host + ":" + port, path);
        beast::flat_buffer buffer;
        std::function<void()> receive = [&] {
            ws.async_read(buffer, [&](beast::error_code error, std::size_t) {
                if (error) {
                    if (error != websocket::error::closed && error != asio::error::operation_aborted)
                        std::cerr << "cannot receive: " << error.message() << "\n";
                    return;
                }
                std::cout << beast::make_printable(buffer.data()) << std::endl;
                buffer.clear();
                receive();
            });
        };
        receive();
        std::thread receiver([&] { io.run(); });
        auto run = [&](auto start) {
            std::promise<beast::error_code> result;
            asio::post(io, [&] { start([&](beast::error_code error, auto...) { result.set_value(error); }); });
            return result.get_future().get();
        };
        std::string line;
        beast::error_code error;
        while (!error && std::getline(std::cin, line))
            error = run([&](auto done) { ws.async_write(asio::buffer(line), done); });
        if (error)
            std::cerr << "cannot send: " << error.message() << "\n";
        else
            run([&](auto done) { ws.async_close(websocket::close_code::normal, done); });
        receiver.join();
        return error ? 1 : 0;
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
