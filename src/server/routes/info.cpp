#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/model_fields.h"
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

struct ToField {
  std::string_view name;

  JsonFields::Field operator()(std::monostate /*none*/) const { return {name, nullptr}; }
  JsonFields::Field operator()(const std::filesystem::path& path) const { return {name, path.string()}; }
  JsonFields::Field operator()(const std::vector<std::filesystem::path>& paths) const {
    return {name, std::vector<std::string>(paths.begin(), paths.end())};
  }
  JsonFields::Field operator()(const std::map<std::string, std::string>& texts) const {
    JsonFields nested;
    for (const auto& [key, text] : texts) nested.add({key, text});
    return {name, nested};
  }
  JsonFields::Field operator()(const auto& value) const { return {name, value}; }
};

// Of those that bgem3 has for all front ends; some have another name here.
void add_fields_of_model(const ModelInfo& info, JsonFields& fields) {
  struct Shown {
    std::string_view name;
    std::string_view field;
  };
  static constexpr Shown all[] = {{"architecture", "architecture"},
                                  {"device", "device"},
                                  {"threads", "threads"},
                                  {"dimension", "dimension"},
                                  {"colbert_dimension", "colbert_dim"},
                                  {"sparse", "has_sparse"},
                                  {"colbert", "has_colbert"},
                                  {"default_prompt_name", "default_prompt_name"}};
  const auto described = describe_model(info);
  for (const auto& shown : all) fields.add(std::visit(ToField{shown.name}, value_of(described, shown.field)));
}

}  // namespace

void handle_info(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const ServerOptions& options = services.options;
  const ModelDescription& about = services.models.about;
  JsonFields info = {
      // What text-embeddings-inference tells, under its names.
      {"model_id", about.id},
      {"model_sha", nullptr},
      {"model_dtype", to_string(about.info.dtype)},
      {"served_model_name", about.id},
      // Azure AI's clients read these.
      {"model_name", about.id},
      {"model_provider_name", "bgem3"},
      {"model_type", JsonFields{{"embedding", JsonFields{{"pooling", to_string(about.info.config.pooling)}}}}},
      {"max_concurrent_requests", options.requests_max},
      {"max_input_length", about.max_length},
      {"max_batch_tokens", options.batch_tokens},
      {"max_batch_requests", options.batch_texts},
      {"max_client_batch_size", options.texts_max},
      {"auto_truncate", true},
      {"tokenization_workers", std::max(1U, about.info.threads)},
      {"version", BGEM3_VERSION_STRING},
      {"sha", nullptr},
      {"docker_label", nullptr},
      // What else there is to know.
      {"rerank", services.models.reranker != nullptr},
      {"prompts", names_of(about.info.config.prompts)},
  };
  add_fields_of_model(about.info, info);
  Response response;
  response.body = info.object();
  exchange->respond(std::move(response));
}

}  // namespace bgem3::server
