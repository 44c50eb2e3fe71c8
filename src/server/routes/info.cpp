#include <algorithm>
#include <string>
#include <vector>

#include "bgem3/version.h"
#include "server/json_fields.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

std::vector<std::string> names_of(const Prompts& prompts) {
  std::vector<std::string> names;
  names.reserve(prompts.by_name.size());
  for (const auto& [name, text] : prompts.by_name) names.push_back(name);
  return names;
}

}  // namespace

void handle_info(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const ServerOptions& options = services.options;
  const ModelDescription& about = services.models.about;
  JsonFields info = {
      // What text-embeddings-inference tells, under its names.
      {"model_id", about.id},
      {"model_sha", nullptr},
      {"model_dtype", about.dtype},
      {"served_model_name", about.id},
      // Azure AI's clients read these.
      {"model_name", about.id},
      {"model_provider_name", "bgem3"},
      {"model_type", JsonFields{{"embedding", JsonFields{{"pooling", about.pooling}}}}},
      {"max_concurrent_requests", options.requests_max},
      {"max_input_length", about.max_length},
      {"max_batch_tokens", options.batch_tokens},
      {"max_batch_requests", options.batch_texts},
      {"max_client_batch_size", options.texts_max},
      {"auto_truncate", true},
      {"tokenization_workers", std::max(1U, about.threads)},
      {"version", BGEM3_VERSION_STRING},
      {"sha", nullptr},
      {"docker_label", nullptr},
      // What else there is to know.
      {"architecture", about.architecture},
      {"device", about.device},
      {"threads", about.threads},
      {"dimension", about.dimension},
      {"colbert_dimension", about.colbert_dimension},
      {"sparse", about.has_sparse},
      {"colbert", about.has_colbert},
      {"rerank", services.models.reranking != nullptr},
  };
  info.add({"prompts", names_of(about.prompts)});
  const auto& default_name = about.prompts.default_name;
  info.add(default_name ? JsonFields::Field("default_prompt_name", *default_name)
                        : JsonFields::Field("default_prompt_name", nullptr));
  Response response;
  response.body = info.object();
  exchange->reply(std::move(response));
}

}  // namespace bgem3::server
