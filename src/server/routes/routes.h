#pragma once

#include "server/router.h"

namespace bgem3::server {

// The handlers, by the interface that they follow.

void handle_encode(const Services& services, const std::shared_ptr<Exchange>& exchange);

// OpenAI, and Azure OpenAI
void handle_openai_embeddings(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_models(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_model(const Services& services, const std::shared_ptr<Exchange>& exchange);

// text-embeddings-inference
void handle_any(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_embed(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_embed_sparse(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_embed_all(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_similarity(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_predict(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_tokenize(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_decode(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_info(const Services& services, const std::shared_ptr<Exchange>& exchange);

// Cohere, Jina, vLLM and text-embeddings-inference
void handle_rerank(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_pair_scores(const Services& services, const std::shared_ptr<Exchange>& exchange);

// Ollama
void handle_ollama_embed(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_ollama_embeddings(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_ollama_tags(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_ollama_ps(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_ollama_show(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_ollama_version(const Services& services, const std::shared_ptr<Exchange>& exchange);

// Azure ML, SageMaker and Vertex AI
void handle_score(const Services& services, const std::shared_ptr<Exchange>& exchange);
void handle_vertex(const Services& services, const std::shared_ptr<Exchange>& exchange);

}  // namespace bgem3::server
