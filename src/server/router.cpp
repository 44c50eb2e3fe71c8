#include "server/router.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

using enum RouteKind;

std::vector<Route> state_routes() {
  constexpr bool on_metrics_port = true;
  return {
      {"GET", "/", alive},
      {"GET", "/health", alive, nullptr, "", on_metrics_port},
      {"GET", "/ready", ready, nullptr, "", on_metrics_port},
      {"GET", "/ping", ready},  // SageMaker's
      {"GET", "/metrics", metrics, nullptr, "", on_metrics_port},
      {"GET", "/openapi.json", page},
      {"GET", "/docs", page},
  };
}

std::vector<Route> openai_routes() {
  return {
      {"POST", "/v1/embeddings", compute, handle_openai_embeddings},
      {"POST", "/embeddings", compute, handle_openai_embeddings, "/v1/embeddings"},
      {"POST", "/openai/v1/embeddings", compute, handle_openai_embeddings, "/v1/embeddings"},
      {"POST", "/openai/deployments/{name}/embeddings", compute, handle_openai_embeddings, "/v1/embeddings"},
      {"GET", "/v1/models", model, handle_models},
      {"GET", "/models", model, handle_models, "/v1/models"},
      {"GET", "/v1/models/{id}", model, handle_model},
      {"GET", "/models/{id}", model, handle_model, "/v1/models/{id}"},
      {"GET", "/openai/v1/models", model, handle_models, "/v1/models"},
      {"GET", "/openai/v1/models/{id}", model, handle_model, "/v1/models/{id}"},
      {"GET", "/openai/models", model, handle_models, "/v1/models"},
      {"GET", "/openai/models/{id}", model, handle_model, "/v1/models/{id}"},
  };
}

std::vector<Route> tei_routes() {
  return {
      {"POST", "/embed", compute, handle_embed},
      {"POST", "/", compute, handle_any},
      {"POST", "/embed_sparse", compute, handle_embed_sparse},
      {"POST", "/embed_all", compute, handle_embed_all},
      {"POST", "/similarity", compute, handle_similarity},
      {"POST", "/predict", compute, handle_predict},
      {"POST", "/tokenize", compute, handle_tokenize},
      {"POST", "/decode", compute, handle_decode},
      {"GET", "/info", model, handle_info},
  };
}

std::vector<Route> ranking_routes() {
  return {
      {"POST", "/v1/rerank", compute, handle_rerank},
      {"POST", "/v2/rerank", compute, handle_rerank, "/v1/rerank"},
      {"POST", "/rerank", compute, handle_rerank},
      {"POST", "/v1/score", compute, handle_pair_scores},
  };
}

std::vector<Route> ollama_routes() {
  return {
      {"POST", "/api/embed", compute, handle_ollama_embed},
      {"POST", "/api/embeddings", compute, handle_ollama_embeddings},
      {"GET", "/api/tags", model, handle_ollama_tags},
      {"GET", "/api/ps", model, handle_ollama_ps},
      {"POST", "/api/show", compute, handle_ollama_show},
      {"GET", "/api/version", model, handle_ollama_version},
  };
}

std::vector<Route> cloud_routes(const ServerOptions& options) {
  std::vector<Route> found = {{"POST", "/score", compute, handle_score},
                              {"POST", "/invocations", compute, handle_any, "/"},
                              {"POST", "/vertex", compute, handle_vertex}};
  if (!options.vertex_predict_route.empty()) {
    found.push_back({"POST", options.vertex_predict_route, compute, handle_vertex, "/vertex"});
  }
  if (!options.vertex_health_route.empty()) {
    found.push_back({"GET", options.vertex_health_route, ready, nullptr, "/ready"});
  }
  return found;
}

// What stands for "{name}" in a path that fits the pattern.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const auto open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == path ? std::optional(std::string_view()) : std::nullopt;
  const std::string_view before = pattern.substr(0, open);
  const std::string_view after = pattern.substr(pattern.find('}') + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) {
    return std::nullopt;
  }
  const auto found = path.substr(before.size(), path.size() - before.size() - after.size());
  return after.empty() || found.find('/') == std::string_view::npos ? std::optional(found) : std::nullopt;
}

bool takes_method(const Route& route, std::string_view method) {
  return route.method == method || (route.method == "GET" && method == "HEAD");
}

// Whether the server answers there what is wanted; of a probe, whatever it tells.
bool serves(const Route& known, const Route& wanted) {
  const bool is_probe = wanted.kind == ready && (known.kind == ready || known.kind == alive);
  return is_probe || (known.kind == wanted.kind && known.handler == wanted.handler);
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* digits = text.data() + i + 1;
    const bool is_escape =
        text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    decoded += is_escape ? static_cast<char>(byte) : text[i];
    if (is_escape) i += 2;
  }
  return decoded;
}

}  // namespace

void check_response_size(const ServerOptions& options, std::size_t bytes) {
  if (bytes <= options.response_bytes_max) return;
  throw Failure(413, "answer_too_large",
                fmt::format("the answer would have about {} MB, {} are allowed; send fewer or shorter texts",
                            bytes >> 20, options.response_bytes_max >> 20));
}

Router::Router(const ServerOptions& options) {
  const auto add_all = [this](std::vector<Route> more) {
    for (auto& route : more) {
      Request head;
      head.method = route.method;
      head.path = route.path;
      const Route* known = find(head);
      if (known != nullptr && serves(*known, route)) continue;  // Vertex AI may ask where the server answers anyway
      if (known != nullptr) {
        throw Error(ErrorCode::invalid_argument, fmt::format("{} is an address of the server's own; expected another "
                                                             "for AIP_PREDICT_ROUTE or AIP_HEALTH_ROUTE",
                                                             detail::in_quotes(route.path)));
      }
      routes_.push_back(std::move(route));
    }
  };
  add_all(state_routes());
  add_all({{"POST", "/v1/encode", compute, handle_encode}});
  add_all(openai_routes());
  add_all(tei_routes());
  add_all(ranking_routes());
  add_all(ollama_routes());
  add_all(cloud_routes(options));
}

const Route* Router::find(const Request& head) const {
  const auto fits = [&](const Route& route) {
    return takes_method(route, head.method) && match(route.path, head.path).has_value();
  };
  const auto found = std::find_if(routes_.begin(), routes_.end(), fits);
  return found == routes_.end() ? nullptr : &*found;
}

std::string Router::allowed_methods(const Request& head) const {
  std::string allowed;
  for (const auto& route : routes_) {
    if (!match(route.path, head.path)) continue;
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method == "GET" ? "GET, HEAD" : route.method);
  }
  return allowed;
}

bool Router::has_path(PortRole role, std::string_view path) const {
  const auto of_path = [&](const auto& is_wanted) {
    return std::ranges::any_of(routes_, [&](const Route& one) { return match(one.path, path) && is_wanted(one); });
  };
  switch (role) {
    case PortRole::only: break;
    case PortRole::main: return !of_path([](const Route& route) { return route.kind == metrics; });
    case PortRole::metrics: return of_path([](const Route& route) { return route.on_metrics_port; });
  }
  return true;
}

ErrorForm error_form(std::string_view path) {
  return path.starts_with("/api/") ? ErrorForm::with_text : ErrorForm::with_object;
}

std::string path_parameter(const Exchange& exchange) {
  return percent_decoded(match(exchange.route(), exchange.request().path).value_or(""));
}

}  // namespace bgem3::server
