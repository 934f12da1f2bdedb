/* ca URL CA_FILE: sends a text over TLS and prints the answer. It trusts the authorities of CA_FILE and no others. */

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
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
        std::string url = argv[1];
        std::smatch part;
        if (!std::regex_match(url, part, std::regex("wss://([^:/]+):([0-9]+)(/.*)")))
            throw std::invalid_argument("not a URL");
        std::string host = part[1], port = part[2], path = part[3];
        asio::io_context io;
        asio::ssl::context tls(asio::ssl::context::tls_client);
        tls.set_verify_mode(asio::ssl::verify_peer);
        tls.load_verify_file(argv[2]);
        websocket::stream<asio::ssl::stream<beast::tcp_stream>> ws(io, tls);
        ws.next_layer().set_verify_callback(asio::ssl::host_name_verification(host));
        if (!SSL_set_tlsext_host_name(ws.next_layer().native_handle(), host.c_str()))
            throw std::runtime_error("cannot set the name of the server");
        beast::get_lowest_layer(ws).connect(asio::ip::tcp::resolver(io).resolve(host, port));
        ws.next_layer().handshake(asio::ssl::stream_base::client);
        ws.handshake(host + ":" + port, path);
        ws.write(asio::buffer("hello", 5));
        beast::flat_buffer buffer;
        beast::error_code error = asio::error::timed_out;
        ws.async_read(buffer, [&](beast::error_code result, std::size_t) { error = result; });
        io.run_for(5s);
        if (error)
            throw beast::system_error(error);
        std::cout << beast::make_printable(buffer.data()) << "\n";
        /* Here it is an error that the server drops TCP after its Close. */
        ws.close(websocket::close_code::normal, error);
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
