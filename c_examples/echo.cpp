// Sends one text message to an echo server and prints what comes back.
//
//     echo_cpp URL [CA_FILE [MESSAGE]]
//
// An empty CA_FILE means the system's trust store.

#include <chrono>
#include <iostream>
#include <ktorws.hpp>
#include <string>

using namespace std::chrono_literals;

static void talk(const ktorws::session &session, const std::string &message)
{
    session.send_text(message);
    std::cout << "sent: " << message << "\n";
    std::cout << "received: " << session.recv(5s).text() << "\n";
    session.close(ktorws::close_code::normal, "bye");
    session.wait_closed();
    const auto how = session.close_info();
    std::cout << "closed: " << how.remote_code << " " << how.reason << (how.clean ? " (clean)" : " (not clean)")
              << "\n";
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        std::cerr << "usage: echo_cpp URL [CA_FILE [MESSAGE]]\n";
        return 2;
    }
    try {
        ktorws::config config;
        if (argc > 2 && *argv[2] != '\0')
            config.add_tls_ca_file(argv[2]);
        talk(ktorws::connect(argv[1], config), argc > 3 ? argv[3] : "hello");
    } catch (const ktorws::error &error) {
        std::cerr << "echo_cpp: " << ktorws::status_name(error.code()) << ": " << error.what() << "\n";
        if (error.details().http_status() != 0)
            std::cerr << "echo_cpp: the server answered " << error.details().http_status() << "\n";
        return 1;
    }
}
