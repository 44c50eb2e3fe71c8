#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/body.h"
#include "server/router.h"

namespace bgem3::server {

/// What a route wants of texts.
struct EmbeddingTask {
  std::vector<std::string> texts;
  EncodeOptions options;
  bool truncate = true;  ///< else a text that is too long is refused
};

/// Makes the response of embeddings and of how many tokens they took; runs on a thread of the pool.
using MakeResponse = std::function<Response(const Embeddings& embeddings, std::size_t tokens)>;

/// The fields "prompt" and "prompt_name" of a body.
/// @throws Failure 422 for a field that is no text
void read_prompt(const Body& body, EncodeOptions& options);

/// Answers `exchange` when the texts are embedded.
void embed(const Services& services, const std::shared_ptr<Exchange>& exchange, const EmbeddingTask& task,
           MakeResponse make);

}  // namespace bgem3::server
