#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/exchange.h"
#include "server/models.h"

namespace bgem3::server {

/// Runs a function later, on one of some threads.
using Post = std::function<void(std::function<void()>)>;

/// What the handlers of routes work with, once the models are loaded.
struct Services {
  const ServerOptions& options;
  const Models& models;
  Post post;  ///< for what takes milliseconds
};

/// @throws Failure 413 for a response that would be larger than the server's limit
void check_response_size(const ServerOptions& options, std::size_t bytes);

/// What a route asks of the server before its handler runs.
enum class RouteKind {
  alive,    ///< responds in any state, to anybody: whether the process works
  ready,    ///< the same: whether it takes requests
  metrics,  ///< the same: its numbers
  page,     ///< the same: never changes
  model,    ///< needs a key and a loaded model
  compute   ///< that, and counts as one of the requests at a time
};

/// What a port is for.
enum class PortRole {
  only,    ///< everything
  main,    ///< all but /metrics, which has a port of its own
  metrics  ///< /metrics, and what tells how the server is
};

/// A handler responds to `exchange`, now or later; what it throws is the response, too.
using RouteHandler = void (*)(const Services& services, const std::shared_ptr<Exchange>& exchange);

struct Route {
  Route(std::string its_method, std::string its_path, RouteKind its_kind, RouteHandler its_handler = nullptr,
        std::string is_same_as = {}, bool is_on_metrics_port = false)
      : method(std::move(its_method)),
        path(std::move(its_path)),
        kind(its_kind),
        handler(its_handler),
        same_as(std::move(is_same_as)),
        on_metrics_port(is_on_metrics_port) {}

  std::string method;
  std::string path;  ///< "{name}" stands for one part of it, and at the end for all that follows
  RouteKind kind;
  RouteHandler handler;  ///< null for those that need no model
  std::string same_as;   ///< path of the route that this is another address of; may be empty
  bool on_metrics_port;  ///< also where /metrics has a port of its own
};

/// All routes there are.
class Router {
 public:
  /// @throws Error invalid_argument where options name addresses that are no paths, or those of others
  explicit Router(const ServerOptions& options);

  /// Null: there is none.
  [[nodiscard]] const Route* find(const Request& head) const;

  /// "GET, HEAD": of routes of the same path; "" for a path that none has.
  [[nodiscard]] std::string allowed_methods(const Request& head) const;

  /// Whether a port of that role has routes of this path. The main port tells of those that nobody has.
  [[nodiscard]] bool has_path(PortRole role, std::string_view path) const;

  [[nodiscard]] const std::vector<Route>& routes() const noexcept { return routes_; }

 private:
  std::vector<Route> routes_;
};

/// How the clients of a path read errors, whether or not there is a route: under /api/ as Ollama's.
ErrorForm error_form(std::string_view path);

/// What a path has in the place of the "{name}" of a route's; percent-encoding undone.
std::string path_parameter(const Exchange& exchange);

}  // namespace bgem3::server
