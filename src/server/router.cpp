#include "server/router.h"

#include <array>

#include <fmt/format.h>

#include "server/routes/routes.h"

namespace bgem3::server {

void check_answer_size(const ServerOptions& options, std::size_t bytes) {
  if (bytes <= options.answer_bytes_max) return;
  throw Failure(413, "answer_too_large",
                fmt::format("the answer would have about {} MB, {} are allowed; send fewer or shorter texts",
                            bytes >> 20, options.answer_bytes_max >> 20));
}

std::span<const Route> routes() {
  static constexpr std::array all = {
      Route{"POST", "/score", RouteKind::compute, handle_score},
      Route{"POST", "/v1/embeddings", RouteKind::compute, handle_openai_embeddings},
      Route{"POST", "/v1/encode", RouteKind::compute, handle_encode},
      Route{"POST", "/embed", RouteKind::compute, handle_embed},
      Route{"POST", "/", RouteKind::compute, handle_embed},  // what clients of text-embeddings-inference ask
      Route{"POST", "/embed_sparse", RouteKind::compute, handle_embed_sparse},
      Route{"POST", "/embed_all", RouteKind::compute, handle_embed_all},
      Route{"POST", "/tokenize", RouteKind::compute, handle_tokenize},
      Route{"POST", "/rerank", RouteKind::compute, handle_rerank},
      Route{"GET", "/info", RouteKind::model, handle_info},
      Route{"GET", "/", RouteKind::state, nullptr},
      Route{"GET", "/health", RouteKind::state, nullptr},
      Route{"GET", "/ready", RouteKind::state, nullptr},
      Route{"GET", "/metrics", RouteKind::state, nullptr},
      Route{"GET", "/openapi.json", RouteKind::page, nullptr},
      Route{"GET", "/docs", RouteKind::page, nullptr},
  };
  return all;
}

}  // namespace bgem3::server
