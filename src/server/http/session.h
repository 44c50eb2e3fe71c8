#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include "server/http/arriving_body.h"
#include "server/http/held_bytes.h"
#include "server/http/http_server.h"

namespace bgem3::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using TlsStream = asio::ssl::stream<asio::ip::tcp::socket>;

/// What a server knows of its connections.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;
  virtual void start() = 0;
  /// Ends after the request in work, or soon when there is none.
  virtual void shut_down() = 0;
};

/// One connection, with or without TLS: reads a request, has it handled, writes the response, and so on. All members
/// run on the thread of the server.
template <typename Stream>
class Session final : public Connection {
 public:
  /// `for_probes`: other requests are refused.
  Session(Stream stream, const HttpOptions& options, HttpHandler& handler, Traffic& traffic, bool for_probes);

  void start() override;
  void shut_down() override;

 private:
  using Parser = http::request_parser<ArrivingBody>;

  void shake_hands();
  void wait_for_request();
  void read_head();
  void parse_head();
  void head_is_read();
  void send_continue();
  void read_body();
  void parse_body();
  void body_is_read();
  void handle();
  void watch_client();
  void notice_end_of_input(Request& request);
  void respond(Response response);
  void write(Response response, bool keep_alive);
  template <typename Body>
  void send(http::response<Body> message);
  void written(beast::error_code error, bool keep_alive);
  void read_some(std::size_t bytes, void (Session::*next)());
  beast::error_code parse();
  void check_chunk(std::uint64_t size, beast::string_view extensions, beast::error_code& error);
  void read_failed(beast::error_code error);
  void fail(unsigned status, const std::string& message);
  void linger();
  void stop_sending();
  void discard();
  void close();

  /// Cancels what the socket does after `limit`, and what it does from then on, unless it is called again before.
  void expire_after(std::chrono::milliseconds limit);
  void wait_for_timer();
  void stop_timer();
  [[nodiscard]] asio::ip::tcp::socket& socket() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }
  [[nodiscard]] std::shared_ptr<Session> self() { return std::static_pointer_cast<Session>(shared_from_this()); }

  Stream stream_;
  const HttpOptions& options_;
  HttpHandler& handler_;
  asio::steady_timer timer_;
  HeldBytes::Share body_bytes_;
  HeldBytes::Share response_bytes_;
  const bool for_probes_;
  beast::flat_buffer buffer_;
  std::function<void(std::uint64_t, beast::string_view, beast::error_code&)>
      check_chunk_;  // as the parser refers to it
  std::optional<Parser> parser_;
  std::shared_ptr<Request> request_;
  std::optional<Response> refusal_;  // to be sent when the body, which nobody wants, is read
  Clock::time_point handled_;        // when the request had arrived as a whole
  bool keep_alive_ = false;          // after the response, as the head of the request wants it
  bool is_first_ = true;             // no request has begun yet
  bool is_idle_ = false;             // between two requests
  bool timed_out_ = false;
  bool shutting_down_ = false;
};

extern template class Session<asio::ip::tcp::socket>;
extern template class Session<TlsStream>;

}  // namespace bgem3::server
