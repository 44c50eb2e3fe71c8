#pragma once

#include <thread>

#include "server/application.h"
#include "server/http/http_server.h"

namespace bgem3::server {

/// The routes that one port has of an application; the others are not there (404).
class PortRoutes final : public HttpHandler {
 public:
  PortRoutes(Application& application, PortRole role) : application_(application), role_(role) {}

  std::optional<Response> refuse(const Request& head) override;
  void handle(std::shared_ptr<Request> request, Respond respond) override;
  [[nodiscard]] bool is_probe(const Request& head) const override;
  Response describe_failure(const Request& head, unsigned status, const std::string& message) override;
  void connection_failed(const char* what) noexcept override;

 private:
  Application& application_;
  const PortRole role_;
};

/// The port of --metrics-port, served on a thread of its own until it is destroyed; that keeps nobody waiting.
class MetricsPort {
 public:
  /// @throws Error io_error when the port is taken
  MetricsPort(const ServerOptions& options, Application& application);
  MetricsPort(const MetricsPort&) = delete;
  MetricsPort& operator=(const MetricsPort&) = delete;
  ~MetricsPort();

  [[nodiscard]] HttpServer& http() noexcept { return http_; }

 private:
  PortRoutes routes_;
  HttpServer http_;
  std::thread thread_;
};

}  // namespace bgem3::server
