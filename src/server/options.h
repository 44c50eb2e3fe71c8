#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "server/http/http_server.h"

namespace bgem3::server {

/// What one process serves, and within which limits.
struct ServerOptions {
  std::string model;
  std::string reranker;  ///< empty: no /rerank
  std::string device = "cpu";
  std::string dtype = "auto";
  bool cuda_graphs = true;
  bool copy = false;     ///< LoadOptions::copy
  unsigned threads = 0;  ///< LoadOptions::threads

  std::size_t max_length = 8192;  ///< tokens of a text, longer ones are cut; less where the model has less
  std::size_t batch_texts = 64;
  std::size_t batch_tokens = 0;  ///< parse_options() sets what suits the device where nobody says
  std::chrono::milliseconds batch_wait{2};
  std::size_t queue_texts = 4096;

  std::size_t requests_max = 16;               ///< at a time
  std::size_t texts_max = 1024;                ///< of a request
  std::uint64_t answer_bytes_max = 512 << 20;  ///< written as JSON, about
  std::chrono::milliseconds request_timeout{10000};
  std::chrono::milliseconds stall_timeout{30000};

  std::string api_keys_file;
  bool open = false;           ///< without keys, for everybody
  bool is_host_given = false;  ///< else parse_options() sets one that suits says_who_is_let_in()
  std::string log_level = "info";
  HttpOptions http;
  std::optional<std::uint16_t> metrics_port;  ///< where /metrics is answered instead; 0: any free one
  std::string metrics_host;
};

/// Whether there are keys, or --open says that none are needed.
bool says_who_is_let_in(const ServerOptions& options);

/// Those of the command line and the environment. Nothing when there is nothing to serve: `status` is the exit status.
std::optional<ServerOptions> parse_options(int argc, char** argv, const char* program, int& status);

}  // namespace bgem3::server
