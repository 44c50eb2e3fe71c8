#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/http/message.h"

namespace bgem3::server {

struct HttpOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;                  ///< 0: any free one
  std::string named_by = "--host or --port";  ///< the options that these two come from
  std::string tls_certificate;                ///< PEM file with the chain; empty: no TLS
  std::string tls_key;
  std::uint64_t body_bytes_max = 32 << 20;            ///< of one request
  std::uint64_t bodies_bytes_max = 512 << 20;         ///< of all connections together
  std::uint64_t responses_bytes_max = 1024 << 20;     ///< being sent on all connections together
  std::size_t connections_max = 8192;                 ///< at a time; a few more for the probes
  std::chrono::milliseconds read_timeout{10000};      ///< for the head of a request, and again for its body
  std::chrono::milliseconds idle_timeout{75000};      ///< between requests of a connection
  std::chrono::milliseconds shutdown_timeout{30000};  ///< for what is in work when the server stops
};

/// What responds to the requests of an HttpServer. All members are called on its thread and must not block.
class HttpHandler {
 public:
  HttpHandler() = default;
  HttpHandler(const HttpHandler&) = delete;
  HttpHandler& operator=(const HttpHandler&) = delete;
  virtual ~HttpHandler() = default;

  /// Looks at the head alone: a response here refuses the request before its body is read.
  virtual std::optional<Response> refuse(const Request& head) = 0;

  /// Whether the request is one of those that tell how the server is, and get a response also when it has all the
  /// connections that it may have.
  [[nodiscard]] virtual bool is_probe(const Request& head) const = 0;

  /// Calls `respond` once, now or later, on any thread.
  virtual void handle(std::shared_ptr<Request> request, Respond respond) = 0;

  /// The response to what is not a request, or cannot be taken: 400, 408, 413, 429, 501, 503.
  virtual Response describe_failure(const Request& head, unsigned status, const std::string& message) = 0;

  /// A connection was closed because of an exception, such as that memory ran out.
  virtual void connection_failed(const char* what) noexcept = 0;
};

/// HTTP/1.1 with keep-alive, optionally over TLS. One thread, on which nothing is computed: connections cost a few
/// kilobytes each, so slow clients keep nobody waiting.
class HttpServer {
 public:
  /// Binds the port.
  /// @throws Error io_error when it is taken or a TLS file cannot be used
  HttpServer(const HttpOptions& options, HttpHandler& handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  [[nodiscard]] std::uint16_t port() const;

  /// Reads the certificate and its key again, for connections that come from now on. Any thread.
  /// @throws Error io_error when they cannot be used; the former stay
  void reload_tls();

  /// From now on with the certificate of another port. Any thread.
  void use_tls_of(const HttpServer& other);

  /// Serves on the calling thread until shut_down() and the end of all requests. False: shutdown_timeout was over
  /// first.
  bool run();

  /// Takes no more connections; responds to what was accepted. Any thread, any number of times.
  void shut_down() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bgem3::server
