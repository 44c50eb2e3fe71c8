#include <algorithm>

#include "bgem3/version.h"
#include "server/json_fields.h"
#include "server/routes/routes.h"

namespace bgem3::server {

void handle_info(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const ServerOptions& options = services.options;
  const ModelDescription& about = services.models.about;
  const JsonFields info = {
      // What text-embeddings-inference tells, under its names.
      {"model_id", about.id},
      {"model_sha", nullptr},
      {"model_dtype", about.dtype},
      {"served_model_name", about.id},
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
  Response response;
  response.body = info.object();
  exchange->reply(std::move(response));
}

}  // namespace bgem3::server
