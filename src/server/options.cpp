#include "server/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "bgem3/batch_plan.h"
#include "bgem3/detail/message.h"
#include "bgem3/dtype.h"
#include "bgem3/version.h"
#include "server/api_keys.h"
#include "server/cors.h"

namespace bgem3::server {
namespace {

constexpr const char* footer = R"(Every option has an environment variable: --max-requests is BGEM3_MAX_REQUESTS.
Keys of callers come from --api-keys-file or, separated by commas, from BGEM3_API_KEYS.

Examples:
  bgem3-server --model bge-m3 --port 8080            # for this machine; with --open for all
  BGEM3_API_KEYS=$(openssl rand -hex 32) bgem3-server --model bge-m3 --device cuda
  curl localhost:8080/score -d '{"input": ["Hello World"]}'

The word "serve", as SageMaker has it, may come before the options.
SIGHUP reads the files of keys and of TLS again.
Exit status: 0 stopped by SIGTERM or SIGINT with all requests answered, 1 failed, 2 wrong usage.)";

void add_model_options(CLI::App& app, ServerOptions& options) {
  app.add_option("--model", options.model, "Model directory in Hugging Face layout")->required()->type_name("DIR");
  app.add_option("--reranker", options.reranker, "Directory of a cross-encoder, for rankings")->type_name("DIR");
  app.add_option("--served-model-name", options.served_model_name,
                 "What clients are told that the model is called [the name of its directory]")
      ->type_name("NAME");
  app.add_option("--device", options.device, "Where to compute: cpu, cuda, cuda:1, or several: cuda:0,cuda:1")
      ->capture_default_str();
  app.add_option("--dtype", options.dtype, "What to compute in; auto is float32 on the CPU, float16 on a GPU")
      ->check(CLI::IsMember(dtype_names()))
      ->capture_default_str();
  app.add_option("--threads", options.threads,
                 "Threads that compute; 0 is OMP_NUM_THREADS or one for each usable processor")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_flag("--cuda-graphs,!--no-cuda-graphs", options.cuda_graphs,
               "Small batches as CUDA graphs, for half the latency [on]; no effect on the CPU");
  app.add_flag("--copy", options.copy,
               "Read the weights into memory, so that their files may change; without it they are mapped");
}

template <typename Number>
CLI::Option* add_number(CLI::App& app, const char* name, Number& value, const char* description) {
  return app.add_option(name, value, description)->check(CLI::PositiveNumber)->capture_default_str();
}

void add_megabytes(CLI::App& app, const char* name, std::uint64_t& bytes, const char* description) {
  const auto set = [&bytes](const std::uint64_t& megabytes) { bytes = megabytes << 20; };
  app.add_option_function<std::uint64_t>(name, set, description)
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 20))
      ->default_str(std::to_string(bytes >> 20));
}

void add_milliseconds(CLI::App& app, const char* name, std::chrono::milliseconds& value, const char* description) {
  const auto set = [&value](const std::int64_t& given) { value = std::chrono::milliseconds(given); };
  app.add_option_function<std::int64_t>(name, set, description)
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{86'400'000}))
      ->default_str(std::to_string(value.count()));
}

void add_batch_options(CLI::App& app, ServerOptions& options) {
  add_number(app, "--max-length", options.max_length, "Tokens of a text, longer ones are cut");
  add_number(app, "--batch-size", options.batch_texts, "Texts of a batch, at most");
  app.add_option("--batch-tokens", options.batch_tokens,
                 "Tokens of a batch, at most; a longer text runs alone [4096, on a GPU 16384]")
      ->check(CLI::PositiveNumber);
  add_milliseconds(app, "--batch-wait-ms", options.batch_wait,
                   "Wait of a batch for more texts, or a 20th of the batch before");
  add_number(app, "--queue-texts", options.queue_texts, "Texts that may wait for a batch; more are refused (429)");
}

void add_limits(CLI::App& app, ServerOptions& options) {
  add_number(app, "--max-requests", options.requests_max, "Requests in work at a time; more wait");
  app.add_option("--queue-requests", options.requests_waiting_max, "Requests that may wait; more are refused (429)")
      ->check(CLI::Range(std::size_t{0}, std::size_t{1} << 20))
      ->capture_default_str();
  add_milliseconds(app, "--queue-timeout-ms", options.queue_timeout,
                   "Wait of a request for its turn, at most; else 429");
  add_number(app, "--max-texts", options.texts_max, "Texts of a request; more are refused (413)");
  add_megabytes(app, "--max-body-mb", options.http.body_bytes_max, "Size of a body; more is refused (413)");
  add_megabytes(app, "--max-bodies-mb", options.http.bodies_bytes_max, "Size of all bodies together; else 429");
  add_number(app, "--max-connections", options.http.connections_max, "Connections at a time; more are refused (503)");
  add_megabytes(app, "--max-answers-mb", options.http.responses_bytes_max, "Size of all answers being sent; else 429");
  add_megabytes(app, "--max-answer-mb", options.response_bytes_max, "Size of an answer as JSON; more is refused (413)");
  app.add_flag("--compress-answers,!--no-compress-answers", options.compress_responses,
               "Large answers as zstd or gzip, for who accepts that [on]");
  add_milliseconds(app, "--request-timeout-ms", options.request_timeout, "From a request to its answer; else 408");
  add_milliseconds(app, "--read-timeout-ms", options.http.read_timeout, "For a request to arrive");
  add_milliseconds(app, "--idle-timeout-ms", options.http.idle_timeout, "Between the requests of a connection");
  add_milliseconds(app, "--stall-timeout-ms", options.stall_timeout, "A batch without progress: /health turns to 503");
  add_milliseconds(app, "--shutdown-timeout-ms", options.http.shutdown_timeout, "For requests in work after SIGTERM");
}

void add_network_options(CLI::App& app, ServerOptions& options) {
  app.add_option("--host", options.http.host, "Address to listen on [0.0.0.0 with keys or --open, 127.0.0.1 without]");
  app.add_option("--port", options.http.port, "Port to listen on, 0 for any free one")->capture_default_str();
  app.add_flag("--open", options.open, "Without keys, for everybody who reaches the port");
  app.add_option("--api-keys-file", options.api_keys_file, "File of keys, one a line; lines with # are comments")
      ->type_name("FILE");
  app.add_option("--cors-allow-origin", options.cors_origins,
                 "Origin whose pages may ask, such as https://app.example; * for all; again for more")
      ->transform(CLI::Validator(normalize_origin, ""))
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("ORIGIN");
  auto* certificate = app.add_option("--tls-certificate", options.http.tls_certificate, "PEM")->type_name("FILE");
  auto* key = app.add_option("--tls-key", options.http.tls_key, "PEM")->type_name("FILE")->needs(certificate);
  certificate->needs(key);
  auto* metrics_port =
      app.add_option("--metrics-port", options.metrics_port, "Port for /metrics, instead of --port; 0 for any free one")
          ->type_name("UINT");
  app.add_option("--metrics-host", options.metrics_host, "Address of --metrics-port [that of --host]")
      ->needs(metrics_port);
  app.add_option("--log-level", options.log_level, "What to log: debug, info, warning, error or off")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
      ->capture_default_str();
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

// What Vertex AI says where it is asked to run a container.
void read_vertex_environment(const CLI::App& app, ServerOptions& options) {
  options.vertex_predict_route = variable("AIP_PREDICT_ROUTE");
  options.vertex_health_route = variable("AIP_HEALTH_ROUTE");
  for (const auto& [name, route] : {std::pair("AIP_PREDICT_ROUTE", options.vertex_predict_route),
                                    std::pair("AIP_HEALTH_ROUTE", options.vertex_health_route)}) {
    if (route.empty() || (route.starts_with('/') && route.find_first_of("?{} ") == std::string::npos)) continue;
    throw CLI::ValidationError(
        fmt::format("{} should be a path that begins with '/', found {}", name, detail::in_quotes(route)));
  }
  const std::string port = variable("AIP_HTTP_PORT");
  if (port.empty() || app["--port"]->count() > 0) return;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), options.http.port);
  if (error != std::errc() || end != port.data() + port.size()) {
    throw CLI::ValidationError(
        fmt::format("AIP_HTTP_PORT should be a number to 65535, found {}", detail::in_quotes(port)));
  }
}

// "--max-requests" → "BGEM3_MAX_REQUESTS"
void name_environment(CLI::App& app) {
  for (auto* option : app.get_options([](const CLI::Option* candidate) { return !candidate->get_lnames().empty(); })) {
    std::string name = option->get_lnames().front();
    if (name == "help" || name == "version") continue;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return c == '-' ? '_' : std::toupper(c); });
    option->envname("BGEM3_" + name);
  }
}

void check_access(const ServerOptions& options) {
  if (!options.open || !ApiKeys::are_given(options.api_keys_file)) return;
  throw CLI::ValidationError(
      "--open lets everybody in without a key, but --api-keys-file or BGEM3_API_KEYS is given; leave out one of "
      "the two");
}

void check_origins(const ServerOptions& options) {
  const auto& origins = options.cors_origins;
  if (origins.size() < 2 || std::find(origins.begin(), origins.end(), "*") == origins.end()) return;
  throw CLI::ValidationError(
      "--cors-allow-origin * allows all pages, but others are given, too; leave out one of the two");
}

// Nobody is let in from elsewhere by mistake.
void settle_hosts(const CLI::App& app, ServerOptions& options) {
  options.is_host_given = app["--host"]->count() > 0;
  if (!options.is_host_given) options.http.host = says_who_is_let_in(options) ? "0.0.0.0" : "127.0.0.1";
  if (app["--metrics-host"]->count() == 0) options.metrics_host = options.http.host;
  if (options.metrics_port && *options.metrics_port != 0 && *options.metrics_port == options.http.port) {
    throw CLI::ValidationError(
        fmt::format("--metrics-port should be another than --port, found {} for both", options.http.port));
  }
}

}  // namespace

bool says_who_is_let_in(const ServerOptions& options) {
  return options.open || ApiKeys::are_given(options.api_keys_file);
}

std::optional<ServerOptions> parse_options(int argc, char** argv, const char* program, int& status) {
  ServerOptions options;
  CLI::App app("BGE-M3 embeddings over HTTP.", program);
  app.set_version_flag("--version", fmt::format("{} " BGEM3_VERSION_STRING, program));
  app.footer(footer);
  add_model_options(app, options);
  add_network_options(app, options);
  add_batch_options(app, options);
  add_limits(app, options);
  name_environment(app);
  try {
    const bool says_serve = argc > 1 && std::string_view(argv[1]) == "serve";  // as SageMaker starts containers
    app.parse(says_serve ? argc - 1 : argc, says_serve ? argv + 1 : argv);
    if (options.http.responses_bytes_max < options.response_bytes_max) {
      throw CLI::ValidationError(fmt::format("--max-answers-mb should be at least --max-answer-mb, {}, found {}",
                                             options.response_bytes_max >> 20, options.http.responses_bytes_max >> 20));
    }
    check_access(options);
    read_vertex_environment(app, options);
    check_origins(options);
    settle_hosts(app, options);
    if (options.batch_tokens == 0) options.batch_tokens = default_batch_tokens(options.device.starts_with("cuda"));
    return options;
  } catch (const CLI::Success& request) {  // --help, --version
    status = app.exit(request);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}: {}\nTry: {} --help\n", program, detail::printable_message(error.what()), program);
    status = 2;
  }
  return std::nullopt;
}

}  // namespace bgem3::server
