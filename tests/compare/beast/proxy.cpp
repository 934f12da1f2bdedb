/* proxy URL PROXY: sends a text through an HTTP proxy, http://USER:PASSWORD@HOST:PORT, and prints the answer. */

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <iostream>
#include <openssl/evp.h>
#include <regex>

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    try {
        std::string url = argv[1], proxy = argv[2];
        std::smatch part, of_proxy;
        if (!std::regex_match(url, part, std::regex("ws://([^:/]+):([0-9]+)(/.*)")) ||
            !std::regex_match(proxy, of_proxy, std::regex("http://(.+)@([^:/]+):([0-9]+)")))
            throw std::invalid_argument("not a URL");
        std::string host = part[1], port = part[2], path = part[3], credentials = of_proxy[1];
        asio::io_context io;
        websocket::stream<beast::tcp_stream> ws(io);
        auto &tcp = beast::get_lowest_layer(ws);
        tcp.connect(asio::ip::tcp::resolver(io).resolve(of_proxy[2].str(), of_proxy[3].str()));
        std::string encoded(4 * (credentials.size() / 3 + 1) + 1, '\0');
        encoded.resize(static_cast<std::size_t>(EVP_EncodeBlock(
            reinterpret_cast<unsigned char *>(encoded.data()),
            reinterpret_cast<const unsigned char *>(credentials.data()), static_cast<int>(credentials.size()))));
        http::request<http::empty_body> request(http::verb::connect, host + ":" + port, 11);
        request.set(http::field::host, host + ":" + port);
        request.set(http::field::proxy_authorization, "Basic " + encoded);
        http::write(tcp, request);
        http::response_parser<http::empty_body> answer;
        answer.skip(true);
        beast::flat_buffer head;
        http::read_header(tcp, head, answer);
        if (answer.get().result() != http::status::ok)
            throw std::runtime_error("the proxy refuses: " + std::to_string(answer.get().result_int()));
        ws.handshake(host + ":" + port, path);
        ws.write(asio::buffer("hello", 5));
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
