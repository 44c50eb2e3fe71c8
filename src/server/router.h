#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

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

/// @throws Failure 413 for an answer that would be larger than the server's limit
void check_answer_size(const ServerOptions& options, std::size_t bytes);

/// What a route asks of the server before its handler runs.
enum class RouteKind {
  state,   ///< is answered in any state, to anybody: of how the server is
  page,    ///< the same: never changes
  model,   ///< needs a key and a loaded model
  compute  ///< that, and counts as one of the requests at a time
};

/// A handler answers `exchange`, now or later; what it throws is the answer, too.
using RouteHandler = void (*)(const Services& services, const std::shared_ptr<Exchange>& exchange);

struct Route {
  std::string_view method;
  std::string_view path;
  RouteKind kind;
  RouteHandler handler;  ///< null for those of kind `state`
};

/// All routes there are.
std::span<const Route> routes();

}  // namespace bgem3::server
