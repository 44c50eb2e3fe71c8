#include "server/ports.h"

#include <utility>

namespace bgem3::server {
namespace {

constexpr std::size_t metrics_connections_max = 32;

const char* not_here(PortRole role) {
  return role == PortRole::main ? "/metrics is answered on the port of --metrics-port alone"
                                : "this port answers /metrics, /health and /ready alone";
}

// Of the main port's options what fits: the same TLS, and little room, as nobody has anything to send here.
HttpOptions metrics_options(const ServerOptions& options) {
  HttpOptions http = options.http;
  http.host = options.metrics_host;
  http.port = options.metrics_port.value();
  http.named_by = "--metrics-host or --metrics-port";
  http.body_bytes_max = 64 << 10;
  http.bodies_bytes_max = 1 << 20;
  http.connections_max = metrics_connections_max;
  http.shutdown_timeout = {};  // it answers as long as the main port does, and ends with it
  return http;
}

}  // namespace

std::optional<Response> PortRoutes::refuse(const Request& head) {
  return application_.router().has_path(role_, head.path) ? application_.refuse(head)
                                                          : application_.not_found(head, not_here(role_));
}

void PortRoutes::handle(std::shared_ptr<Request> request, Respond respond) {
  application_.handle(std::move(request), std::move(respond));
}

bool PortRoutes::is_probe(const Request& head) const { return application_.is_probe(head); }

Response PortRoutes::describe_failure(const Request& head, unsigned status, const std::string& message) {
  return application_.describe_failure(head, status, message);
}

void PortRoutes::connection_failed(const char* what) noexcept { application_.connection_failed(what); }

MetricsPort::MetricsPort(const ServerOptions& options, Application& application)
    : routes_(application, PortRole::metrics),
      http_(metrics_options(options), routes_),
      thread_([this] { http_.run(); }) {}

MetricsPort::~MetricsPort() {
  http_.shut_down();
  thread_.join();
}

}  // namespace bgem3::server
