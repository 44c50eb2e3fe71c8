#include "server/http/http_server.h"

#include <algorithm>
#include <exception>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "file/file_or_pipe.h"
#include "server/http/replaceable.h"
#include "server/http/session.h"

namespace bgem3::server {
namespace {

using detail::in_quotes;

using asio::ip::tcp;
using namespace std::chrono_literals;

// OpenSSL itself compares a key with a certificate for the same kind of keys only.
void check_key(asio::ssl::context& context) {
  if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
    throw boost::system::system_error(make_error_code(boost::system::errc::invalid_argument),
                                      "the key is not that of the certificate");
  }
}

// Null without TLS.
std::shared_ptr<asio::ssl::context> make_tls(const HttpOptions& options) {
  if (options.tls_certificate.empty()) return nullptr;
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  constexpr std::size_t pem_bytes_max = 1 << 20;
  context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  // Of TLS 1.2 what keeps old traffic secret when the key is lost; all of TLS 1.3 does.
  if (SSL_CTX_set_cipher_list(context->native_handle(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    throw Error(ErrorCode::io_error,
                "TLS: this OpenSSL has no ciphers with forward secrecy (ECDHE with AES-GCM or ChaCha20)");
  }
  // Else OpenSSL would ask the terminal for the password of a key that has one, and wait for an answer.
  context->set_password_callback([](std::size_t, asio::ssl::context::password_purpose) { return std::string(); });
  try {
    const std::string certificate = read_file_or_pipe(options.tls_certificate, pem_bytes_max);
    const std::string key = read_file_or_pipe(options.tls_key, pem_bytes_max);
    context->use_certificate_chain(asio::buffer(certificate));
    context->use_private_key(asio::buffer(key), asio::ssl::context::pem);
    check_key(*context);
  } catch (const boost::system::system_error& error) {
    throw Error(ErrorCode::io_error,
                fmt::format("TLS needs a certificate and its key, without a password, as PEM files; {} and {}: {}",
                            in_quotes(options.tls_certificate), in_quotes(options.tls_key), error.what()));
  }
  return context;
}

tcp::acceptor listen(asio::io_context& context, const HttpOptions& options) {
  try {
    const tcp::endpoint endpoint(asio::ip::make_address(options.host), options.port);
    tcp::acceptor acceptor(context);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen(1024);
    acceptor.non_blocking(true);
    return acceptor;
  } catch (const boost::system::system_error& error) {
    throw Error(ErrorCode::io_error, fmt::format("cannot listen on {} port {}: {}; name another {}", options.host,
                                                 options.port, error.code().message(), options.named_by));
  }
}

/// Sets a flag for as long as the handler that it belongs to is waiting to be called. Where memory runs out before the
/// call, handlers are destroyed without one.
class PendingMark {
 public:
  explicit PendingMark(bool& flag) : flag_(&flag) { flag = true; }
  PendingMark(PendingMark&& other) noexcept : flag_(std::exchange(other.flag_, nullptr)) {}
  PendingMark& operator=(PendingMark&&) = delete;
  PendingMark(const PendingMark&) = delete;
  PendingMark& operator=(const PendingMark&) = delete;
  ~PendingMark() { clear(); }

  void clear() noexcept {
    if (flag_ != nullptr) *std::exchange(flag_, nullptr) = false;
  }

 private:
  bool* flag_;
};

}  // namespace

struct HttpServer::Impl {
  Impl(const HttpOptions& with_options, HttpHandler& with_handler)
      : options(with_options),
        handler(with_handler),
        traffic{HeldBytes(options.bodies_bytes_max), HeldBytes(options.responses_bytes_max)},
        tls(make_tls(options)),
        acceptor(listen(context, options)),
        timer(context) {}

  // An exception of a handler's ends the connection that the handler was of, and no other.
  void run() {
    while (!is_over) {
      try {
        if (!is_accepting && acceptor.is_open()) accept();
        if (shutting_down) wait_for_end();
        context.run();
      } catch (const std::exception& error) {
        handler.connection_failed(error.what());
        std::this_thread::sleep_for(1ms);  // until there is memory again
      }
      if (!is_over) context.restart();  // it stops when nothing was left to do
    }
  }

  void accept() {
    acceptor.async_accept(
        [this, mark = PendingMark(is_accepting)](beast::error_code error, tcp::socket socket) mutable {
          mark.clear();               // set again below, or by run() if that does not come to pass
          if (!acceptor.is_open()) {  // it was closed after this one had come
            if (!error) begin(std::move(socket));
            return;
          }
          // Out of file descriptors, most likely: connections that end make room.
          if (error) return retry_accept();
          accept();
          begin(std::move(socket));
        });
  }

  void retry_accept() {
    timer.expires_after(50ms);
    timer.async_wait([this, mark = PendingMark(is_accepting)](beast::error_code error) mutable {
      mark.clear();
      if (!error && acceptor.is_open()) accept();
    });
  }

  void begin(tcp::socket socket) {
    constexpr std::size_t reserve = 32;  // connections that only probes may use
    std::erase_if(connections, [](const auto& connection) { return connection.expired(); });
    if (connections.size() >= options.connections_max + reserve) return;  // which closes it
    const auto connection = make_connection(std::move(socket), connections.size() >= options.connections_max);
    connections.push_back(connection);
    connection->start();
    if (shutting_down) connection->shut_down();
  }

  void begin_if_it_can(tcp::socket socket) {
    try {
      begin(std::move(socket));
    } catch (const std::exception& error) {
      handler.connection_failed(error.what());
    }
  }

  std::shared_ptr<Connection> make_connection(tcp::socket socket, bool for_probes) {
    // The connection keeps of the context what it needs, also when there is a new one.
    if (const auto context_now = tls.get()) {
      return std::make_shared<Session<TlsStream>>(TlsStream(std::move(socket), *context_now), options, handler, traffic,
                                                  for_probes);
    }
    return std::make_shared<Session<tcp::socket>>(std::move(socket), options, handler, traffic, for_probes);
  }

  void shut_down() {
    if (shutting_down) return;
    shutting_down = true;
    latest_end = Clock::now() + options.shutdown_timeout;
    // Those that the system has accepted for us already would be reset.
    for (beast::error_code error; !error;) {
      tcp::socket socket = acceptor.accept(error);
      if (!error) begin_if_it_can(std::move(socket));
    }
    acceptor.close();
    for (const auto& weak : connections) {
      if (const auto connection = weak.lock()) connection->shut_down();
    }
    wait_for_end();
  }

  void wait_for_end() {
    std::erase_if(connections, [](const auto& connection) { return connection.expired(); });
    is_over = connections.empty() || Clock::now() > latest_end;
    if (is_over) return context.stop();
    timer.expires_after(5ms);  // which ends the wait that may have begun
    timer.async_wait([this](beast::error_code error) {
      if (!error) wait_for_end();
    });
  }

  const HttpOptions options;
  HttpHandler& handler;
  Traffic traffic;            // outlives the connections, which the context may hold
  bool is_accepting = false;  // or about to; handlers that the context has write to it until they go
  asio::io_context context{1};
  Replaceable<asio::ssl::context> tls;
  tcp::acceptor acceptor;
  asio::steady_timer timer;
  std::vector<std::weak_ptr<Connection>> connections;
  bool shutting_down = false;
  Clock::time_point latest_end;  // of what is in work then
  bool is_over = false;
};

HttpServer::HttpServer(const HttpOptions& options, HttpHandler& handler)
    : impl_(std::make_unique<Impl>(options, handler)) {}

HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const { return impl_->acceptor.local_endpoint().port(); }

void HttpServer::reload_tls() { impl_->tls.replace(make_tls(impl_->options)); }

void HttpServer::use_tls_of(const HttpServer& other) { impl_->tls.replace(other.impl_->tls.get()); }

bool HttpServer::run() {
  impl_->run();
  return impl_->connections.empty();
}

void HttpServer::shut_down() noexcept {
  while (true) {
    try {
      return asio::post(impl_->context, [impl = impl_.get()] { impl->shut_down(); });
    } catch (const std::bad_alloc&) {  // which must not keep the server from ending
      std::this_thread::sleep_for(10ms);
    }
  }
}

}  // namespace bgem3::server
