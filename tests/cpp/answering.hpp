// A server that answers each connection to it with the next of some HTTP answers, and keeps the requests.

#ifndef ANSWERING_HPP
#define ANSWERING_HPP

#include "check.hpp"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

class answering_server
{
  public:
    explicit answering_server(std::vector<std::string> answers) : answers_(std::move(answers))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(listener_ >= 0);
        CHECK(bind(listener_, reinterpret_cast<sockaddr *>(&address), size) == 0);
        CHECK(listen(listener_, 16) == 0);
        CHECK(getsockname(listener_, reinterpret_cast<sockaddr *>(&address), &size) == 0);
        url_ = "ws://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
        thread_ = std::thread([this] { serve(); });
    }

    answering_server(const answering_server &) = delete;
    answering_server &operator=(const answering_server &) = delete;

    ~answering_server()
    {
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }

    const std::string &url() const
    {
        return url_;
    }

    // Once all answers are given.
    const std::vector<std::string> &requests()
    {
        shutdown(listener_, SHUT_RDWR);
        if (thread_.joinable())
            thread_.join();
        thread_ = std::thread([] {});
        return requests_;
    }

  private:
    void serve()
    {
        for (const std::string &answer : answers_) {
            const int connection = accept(listener_, nullptr, nullptr);
            if (connection < 0)
                return;
            std::string request;
            char buffer[4096];
            while (request.find("\r\n\r\n") == std::string::npos) {
                const ssize_t count = read(connection, buffer, sizeof buffer);
                if (count <= 0)
                    break;
                request.append(buffer, static_cast<std::size_t>(count));
            }
            requests_.push_back(request);
            (void)!write(connection, answer.data(), answer.size());
            close(connection);
        }
    }

    std::vector<std::string> answers_;
    std::vector<std::string> requests_{};
    std::string url_{};
    int listener_ = -1;
    std::thread thread_{};
};

#endif
