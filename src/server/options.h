#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/http/http_server.h"

namespace bgem3::server {

/// What one process serves, and within which limits.
struct ServerOptions {
  std::string model;
  std::string reranker;           ///< empty: no cross-encoder
  std::string served_model_name;  ///< what clients are told; empty: the name of the directory
  std::string device = "cpu";
  std::string dtype = "auto";
  bool cuda_graphs = true;
  bool copy = false;     ///< LoadOptions::copy
  unsigned threads = 0;  ///< LoadOptions::threads

  std::size_t max_length = 8192;  ///< tokens of a text, longer ones are cut; less where the model has less
  std::size_t batch_texts = 64;
  std::size_t batch_tokens = 0;  ///< parse_options() sets what suits the device where nobody says
  std::chrono::milliseconds batch_wait{2};
  std::size_t queue_texts = 32768;

  std::size_t requests_max = 256;           ///< in work at a time
  std::size_t requests_waiting_max = 2048;  ///< for those
  std::chrono::milliseconds queue_timeout{30000};
  std::size_t texts_max = 2048;                  ///< of a request
  std::uint64_t response_bytes_max = 512 << 20;  ///< written as JSON, about
  std::chrono::milliseconds request_timeout{60000};
  std::chrono::milliseconds stall_timeout{30000};
  bool compress_responses = true;  ///< for who accepts that

  std::string api_keys_file;
  bool open = false;                      ///< without keys, for everybody
  bool is_host_given = false;             ///< else parse_options() sets one that suits says_who_is_let_in()
  std::vector<std::string> cors_origins;  ///< of pages that may ask from a browser; "*" alone: all
  std::string log_level = "info";
  HttpOptions http;
  std::optional<std::uint16_t> metrics_port;  ///< where /metrics is answered instead; 0: any free one
  std::string metrics_host;
  // Vertex AI tells a container by AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE where it asks; empty: nowhere.
  std::string vertex_predict_route;
  std::string vertex_health_route;
};

/// Whether there are keys, or --open says that none are needed.
bool says_who_is_let_in(const ServerOptions& options);

/// Those of the command line and the environment. Nothing when there is nothing to serve: `status` is the exit status.
std::optional<ServerOptions> parse_options(int argc, char** argv, const char* program, int& status);

}  // namespace bgem3::server
