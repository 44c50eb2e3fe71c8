#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/dtype.h"
#include "bgem3/options.h"
#include "bgem3/reranker.h"
#include "cli/input/options.h"
#include "cli/message.h"

namespace bgem3::cli {

/// What --device, --dtype, --threads, --cuda-graphs and --copy ask for.
struct DeviceOptions {
  std::string device = "cpu";
  std::string dtype = "auto";
  unsigned threads = 0;
  bool cuda_graphs = true;
  bool copy = false;

  [[nodiscard]] LoadOptions load_options() const {
    LoadOptions options;
    options.device = device;
    options.dtype = parse_dtype(dtype);
    options.threads = threads;
    options.cuda_graphs = cuda_graphs;
    options.copy = copy;
    options.on_log = [](LogLevel level, std::string_view message) {
      if (level == LogLevel::warning) tell("warning: {}", message);
    };
    return options;
  }
};

struct EncodeArguments {
  std::string model;
  InputOptions input;
  std::string output = "-";
  std::string format;  ///< empty: npy for a file named *.npy, else jsonl
  std::string pipeline = "auto";
  DeviceOptions device;
  EncodeOptions encode;
  bool dense = false;
  bool resume = false;
  bool no_progress = false;
};

struct TokenizeArguments {
  std::string model;
  InputOptions input;
  std::string format = "ids";
  std::string pipeline = "auto";
  std::size_t max_length = 0;
};

struct SimilarityArguments {
  std::string model;
  InputOptions input;
  std::vector<std::string> texts;
  std::optional<std::string> prompt;
  std::optional<std::string> prompt_name;
  DeviceOptions device;
  std::string pipeline = "auto";
  std::string kind = "dense";
  std::string format = "table";
  std::string color = "auto";
};

struct RerankArguments {
  std::string model;
  InputOptions input;
  std::string query;                  ///< none with InputOptions::pairs
  std::vector<std::string> passages;  ///< empty: those of `input`
  std::string pipeline = "auto";
  DeviceOptions device;
  RerankOptions rerank;
  std::string truncation = "passage";
  std::size_t top = 0;  ///< 0: all
  bool raw_scores = false;
  std::string format = "text";
  bool no_progress = false;
};

struct InfoArguments {
  std::string model;
  DeviceOptions device;
  bool json = false;
};

}  // namespace bgem3::cli
