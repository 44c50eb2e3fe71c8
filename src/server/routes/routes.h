#pragma once

#include "server/router.h"

namespace bgem3::server {

// The handlers, by the interface that they follow.

void handle_score(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_openai_embeddings(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_encode(const Services& services, const std::shared_ptr<Exchange>& exchange);

// text-embeddings-inference
void handle_embed(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_embed_sparse(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_embed_all(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_tokenize(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_rerank(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_info(const Services& services, const std::shared_ptr<Exchange>& exchange);

}  // namespace bgem3::server
