#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/body.h"
#include "server/router.h"
#include "server/vector_format.h"

namespace bgem3::server {

/// What a route wants of texts.
struct EmbeddingTask {
  std::vector<std::string> texts;
  std::vector<TokenIds> ids;  ///< instead of texts
  VectorFormat format;        ///< of the vectors in the response
  EncodeOptions options;
  bool truncate = true;               ///< else a text that is too long is refused
  std::size_t max_length = 0;         ///< tokens of a text, longer ones are cut. 0: as the server's limit
  std::optional<bool> truncate_left;  ///< which end a text loses; unset: as the tokenizer says
};

/// Makes the response of embeddings and of how many tokens they took; runs on a thread of the pool.
using MakeResponse = std::function<Response(const Embeddings& embeddings, std::size_t tokens)>;

/// The body of a request.
Body read_body(const Services& services, const Exchange& exchange);

/// The texts of a field, or the token ids: of whole texts, as /tokenize gives them.
/// @throws Failure 422 for ids that are no such
void read_inputs(const Fields& body, const char* key, const Services& services, EmbeddingTask& task);

/// The fields "prompt" and "prompt_name".
/// @throws Failure 422 for a field that is no text
void read_prompt(const Fields& body, EncodeOptions& options);

/// What these fields say comes before each of so many texts.
/// @throws Failure 413 where it would make more text of the texts than a body may have
std::string find_prompt(const Services& services, const EncodeOptions& options, std::size_t texts);

/// The fields "truncate" and "truncation_direction".
void read_truncation(const Fields& body, EmbeddingTask& task);

/// A field that limits the tokens of a text or a pair; 0 where it does not.
/// @throws Failure 422 also for so few that hardly a text is left
std::size_t read_max_tokens(const Fields& body, const char* key, std::size_t most);

/// The field "dimensions".
void read_dimensions(const Fields& body, const Services& services, EncodeOptions& options);

/// Responds to `exchange` when the texts are embedded.
void embed(const Services& services, const std::shared_ptr<Exchange>& exchange, const EmbeddingTask& task,
           MakeResponse make);

}  // namespace bgem3::server
