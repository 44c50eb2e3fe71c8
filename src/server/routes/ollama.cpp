// The interface of Ollama, as far as it is of embeddings.
#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>
#include <string>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/version.h"
#include "server/routes/embedding.h"
#include "server/routes/responses.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

constexpr std::string_view tag = ":latest";  // of every name that Ollama lists

// "num_ctx" is followed; the others are of how to compute, and of generation, which embeddings do not depend on.
void read_options(const Fields& options, EmbeddingTask& task) {
  task.max_length = read_max_tokens(options, "num_ctx", std::numeric_limits<std::int32_t>::max());
  options.pass_over({"num_batch",
                     "num_gpu",
                     "main_gpu",
                     "use_mmap",
                     "use_mlock",
                     "num_thread",
                     "low_vram",
                     "numa",
                     "num_keep",
                     "seed",
                     "num_predict",
                     "top_k",
                     "top_p",
                     "min_p",
                     "tfs_z",
                     "typical_p",
                     "repeat_last_n",
                     "temperature",
                     "repeat_penalty",
                     "presence_penalty",
                     "frequency_penalty",
                     "mirostat",
                     "mirostat_tau",
                     "mirostat_eta",
                     "penalize_newline",
                     "stop"});
  options.refuse_others();
}

EmbeddingTask read_task(const Fields& body, const char* key, const Services& services) {
  EmbeddingTask task;
  read_inputs(body, key, services, task);
  // Ollama takes an empty text for none, but not a list with one.
  if (body.is_text(key) && task.texts.front().empty()) task.texts.clear();
  read_options(body.object("options"), task);
  body.pass_over({"model", "keep_alive"});  // there is one, and it stays
  return task;
}

std::string timestamp(std::int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

JsonFields details_of(const ModelDescription& about) {
  const std::string architecture = about.info.config.architecture;
  return {{"parent_model", ""},
          {"format", "safetensors"},
          {"family", architecture},
          {"families", std::vector<std::string>{architecture}},
          {"parameter_size", fmt::format("{:.2f}M", static_cast<double>(about.info.parameters) / 1e6)},
          {"quantization_level", to_string(about.info.dtype)},
          {"context_length", about.max_length},
          {"embedding_length", about.dimension}};
}

JsonFields entry_of(const ModelDescription& about) {
  const std::string name = about.id + std::string(tag);
  return {{"name", name},
          {"model", name},
          {"modified_at", timestamp(about.loaded)},
          {"size", about.info.weight_bytes},
          {"details", details_of(about)}};
}

Response list_of(const JsonFields& entry) {
  Response response;
  response.body = fmt::format(R"({{"models":[{}]}})", entry.object());
  return response;
}

// @throws Failure 404 for another model
void expect_model(const std::string& name, const ModelDescription& about) {
  if (name == about.id || name == about.id + std::string(tag)) return;
  throw Failure(404, "model_not_found",
                fmt::format("model {} not found; this server has {}", detail::in_quotes(name), about.id));
}

}  // namespace

void handle_ollama_embed(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  EmbeddingTask task = read_task(body, "input", services);
  read_prompt(body, task.options);
  read_truncation(body, task);
  task.options.truncate_dim = body.count("dimensions", services.models.about.dimension).value_or(0);
  task.options.normalize = true;
  task.format = read_json_vector_format(body, exchange->request());
  const std::string model = body.has("model") ? body.text("model") : services.models.about.id;
  body.refuse_others();
  const auto make = [model, format = task.format, started = Clock::now()](const Embeddings& embeddings,
                                                                          std::size_t tokens) {
    Response response;
    response.body = fmt::format(R"({{"model":{},"embeddings":)", json_string(model));
    append_vectors(response.body, embeddings.dense, format);
    const std::chrono::nanoseconds total = Clock::now() - started;
    response.body +=
        fmt::format(R"(,"total_duration":{},"load_duration":0,"prompt_eval_count":{}}})", total.count(), tokens);
    return response;
  };
  embed(services, exchange, task, make);
}

// The older route: one text, whose vector is not normalised.
void handle_ollama_embeddings(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  (void)body.text("prompt");  // no list
  EmbeddingTask task = read_task(body, "prompt", services);
  task.options.normalize = false;
  task.format = read_json_vector_format(body, exchange->request());
  body.refuse_others();
  embed(services, exchange, task, [format = task.format](const Embeddings& embeddings, std::size_t) {
    Response response;
    response.body = R"({"embedding":)";
    embeddings.dense.rows() == 0 ? (void)(response.body += "[]")
                                 : append_vector(response.body, embeddings.dense.row(0), format);
    response.body += '}';
    return response;
  });
}

void handle_ollama_tags(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  exchange->respond(list_of(entry_of(services.models.about)));
}

void handle_ollama_ps(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const ModelDescription& about = services.models.about;
  JsonFields entry = entry_of(about);
  const bool is_on_gpu = about.info.device.starts_with("cuda");
  entry.add({"size_vram", is_on_gpu ? about.info.weight_bytes : 0}).add({"context_length", about.max_length});
  entry.add({"expires_at", "9999-12-31T23:59:59Z"});  // never
  exchange->respond(list_of(entry));
}

void handle_ollama_show(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const ModelDescription& about = services.models.about;
  const Body body = read_body(services, *exchange);
  const std::string name = body.text(body.either("model", "name"));
  body.pass_over({"verbose", "options"});  // all there is to tell is told
  body.refuse_others();
  expect_model(name, about);
  const std::string architecture = about.info.config.architecture;
  const std::string context = architecture + ".context_length";
  const std::string length = architecture + ".embedding_length";
  exchange->respond(json_response({{"modelfile", ""},
                                   {"parameters", ""},
                                   {"template", ""},
                                   {"details", details_of(about)},
                                   {"model_info", JsonFields{{"general.architecture", architecture},
                                                             {"general.parameter_count", about.info.parameters},
                                                             {context, about.max_length},
                                                             {length, about.dimension}}},
                                   {"capabilities", std::vector<std::string>{"embedding"}},
                                   {"modified_at", timestamp(about.loaded)}}));
}

void handle_ollama_version(const Services& /*services*/, const std::shared_ptr<Exchange>& exchange) {
  exchange->respond(json_response({{"version", BGEM3_VERSION_STRING}}));
}

}  // namespace bgem3::server
