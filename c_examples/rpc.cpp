// A client for JSON-RPC 2.0: any number of calls under way at once over one session.
//
//     rpc URL LIMIT_MS <calls
//
// A line of the input is a call: a method and its parameters in JSON, for example "add [1, 2]". All calls are made at
// once. The results are printed in the order of the lines. A call without an answer fails after LIMIT_MS.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <future>
#include <iostream>
#include <ktorws.hpp>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

static std::string_view trimmed(std::string_view text)
{
    const auto begin = text.find_first_not_of(" \t\r\n");
    const auto end = text.find_last_not_of(" \t\r\n");
    return begin == std::string_view::npos ? std::string_view() : text.substr(begin, end - begin + 1);
}

// Returns the end of the member or element that begins at `at`: the index of the comma, brace or bracket after it.
static std::size_t end_of_member(std::string_view json, std::size_t at)
{
    int depth = 0;
    for (bool is_string = false; at < json.size(); at++) {
        const char c = json[at];
        if (c == '"')
            is_string = !is_string;
        else if (is_string)
            at += c == '\\';
        else if (c == '{' || c == '[')
            depth++;
        else if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            break;
        else if (c == '}' || c == ']')
            depth--;
    }
    return std::min(at, json.size());
}

// Returns the value of a member of an object, as JSON, or an empty string. `name` includes its quotation marks.
static std::string_view member(std::string_view object, std::string_view name)
{
    auto at = object.find('{');
    while (at < object.size() && object[at] != '}') {
        const auto end = end_of_member(object, at + 1);
        const auto found = trimmed(object.substr(at + 1, end - at - 1));
        if (found.substr(0, name.size()) == name)
            return trimmed(found.substr(std::min(found.find(':'), found.size() - 1) + 1));
        at = end;
    }
    return {};
}

// Any thread may call. A thread of the client receives.
class rpc_client
{
  public:
    rpc_client(const std::string &url, std::chrono::milliseconds limit)
        : limit_(limit), session_(ktorws::connect(url, ktorws::config().set_ping_interval(std::chrono::seconds(10)))),
          receiver_([this] { receive(); })
    {
    }

    ~rpc_client()
    {
        std::error_code ec;
        session_.close(ec);
        receiver_.join(); // It fails the calls that are still under way.
    }

    // The future returns the result as JSON, or throws std::runtime_error with the server's error or ktorws::error.
    std::future<std::string> call(const std::string &method, const std::string &parameters)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        const auto id = ++last_id_;
        pending &made = calls_[id];
        made.due = clock::now() + limit_;
        auto result = made.result.get_future();
        lock.unlock();
        const std::string request = R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method +
                                    R"(","params":)" + (parameters.empty() ? "[]" : parameters) + "}";
        std::error_code ec;
        session_.send(ktorws::frame_type::text, request, ktorws::send_flags::none, limit_, ec);
        if (ec) // Also after the end of the session, when nobody receives any more.
            take(id).set_exception(failure(ec));
        return result;
    }

  private:
    using clock = std::chrono::steady_clock;

    struct pending {
        clock::time_point due{};
        std::promise<std::string> result{};
    };

    void receive()
    {
        std::error_code ec;
        do {
            const ktorws::frame message = session_.recv(time_to_wait(), ec);
            if (message)
                answer(message.text());
            expire();
        } while (!ec || ec == ktorws::errc::timeout);
        const std::lock_guard<std::mutex> lock(mutex_);
        for (auto &call : calls_)
            call.second.result.set_exception(failure(ec));
        calls_.clear();
    }

    // Calls are due in the order of their ids. A call that is made during the wait is due after it.
    ktorws::time_limit time_to_wait()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return calls_.empty() ? limit_ : calls_.begin()->second.due - clock::now();
    }

    void expire()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        while (!calls_.empty() && calls_.begin()->second.due <= clock::now()) {
            calls_.begin()->second.result.set_exception(failure(ktorws::errc::timeout));
            calls_.erase(calls_.begin());
        }
    }

    void answer(std::string_view response)
    {
        std::uint64_t id = 0;
        const auto number = member(response, "\"id\"");
        std::from_chars(number.data(), number.data() + number.size(), id);
        const auto result = member(response, "\"result\""), error = member(response, "\"error\"");
        if (!result.empty())
            take(id).set_value(std::string(result));
        else if (!error.empty())
            take(id).set_exception(std::make_exception_ptr(std::runtime_error(std::string(error))));
    }

    // Removes a call. If it is not under way, for example because its answer is late, no future has the promise.
    std::promise<std::string> take(std::uint64_t id)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        auto call = calls_.extract(id);
        return call ? std::move(call.mapped().result) : std::promise<std::string>();
    }

    std::exception_ptr failure(std::error_code ec) const
    {
        return std::make_exception_ptr(ktorws::error(ec, "call", session_.session_error()));
    }

    const std::chrono::milliseconds limit_;
    ktorws::session session_;
    std::mutex mutex_{};
    std::uint64_t last_id_ = 0;
    std::map<std::uint64_t, pending> calls_{};
    std::thread receiver_; // The last one: it uses the others.
};

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::cerr << "usage: rpc URL LIMIT_MS <calls\n";
        return 2;
    }
    int failures = 0;
    try {
        rpc_client client(argv[1], std::chrono::milliseconds(std::stoi(argv[2])));
        std::vector<std::pair<std::string, std::future<std::string>>> calls;
        for (std::string line; std::getline(std::cin, line);) {
            const auto space = std::min(line.find(' '), line.size());
            calls.emplace_back(line, client.call(line.substr(0, space), line.substr(space)));
        }
        for (auto &[line, result] : calls) {
            try {
                const std::string value = result.get();
                std::cout << line << " = " << value << "\n";
            } catch (const std::exception &error) {
                std::cout << line << ": " << error.what() << "\n";
                failures++;
            }
        }
    } catch (const std::exception &error) {
        std::cerr << "rpc: " << error.what() << "\n";
        return 1;
    }
    return failures == 0 ? 0 : 1;
}
