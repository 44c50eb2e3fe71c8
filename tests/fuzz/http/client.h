#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "fuzz/http/responses.h"

namespace bgem3::fuzz {

/// The client's end of a connection, and the context that the server's end runs in, on this thread: each step goes on
/// until nothing is left to do, and nothing waits.
class Client {
 public:
  Client() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) fail("no socket pair");
    descriptor_ = ends[0];
    socket_ = std::make_unique<boost::asio::ip::tcp::socket>(context_);
    socket_->assign(boost::asio::ip::tcp::v4(), ends[1]);  // of what family it is matters to nobody
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  /// The server's end.
  boost::asio::ip::tcp::socket take_socket() { return std::move(*socket_); }

  [[nodiscard]] const std::string& received() const noexcept { return received_; }
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }

  void send(std::string_view piece) {
    while (!piece.empty()) {
      const auto sent = ::send(descriptor_, piece.data(), piece.size(), MSG_NOSIGNAL);
      if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
      if (sent < 0) fail("the server does not read");
      piece.remove_prefix(static_cast<std::size_t>(sent));
      run();
    }
  }

  /// Sends no more, but reads on.
  void end_sending() {
    ::shutdown(descriptor_, SHUT_WR);
    run();
  }

  void close() {
    ::close(std::exchange(descriptor_, -1));
    run();
  }

  void run() {
    std::size_t steps = 0;
    do {
      context_.restart();
      steps = context_.poll() + receive();
    } while (steps > 0);
  }

 private:
  std::size_t receive() {
    if (descriptor_ < 0 || has_ended_) return 0;
    std::array<char, 16384> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): written by recv()
    const auto size = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
    has_ended_ = size == 0 || (size < 0 && errno != EAGAIN);
    if (size <= 0) return 0;
    received_.append(bytes.data(), static_cast<std::size_t>(size));
    return static_cast<std::size_t>(size);
  }

  boost::asio::io_context context_{1};
  std::unique_ptr<boost::asio::ip::tcp::socket> socket_;
  int descriptor_ = -1;
  std::string received_;
  bool has_ended_ = false;
};

}  // namespace bgem3::fuzz
