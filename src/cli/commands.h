#pragma once

#include <functional>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include "bgem3/options.h"

namespace bgem3::cli {

/// What main runs after parsing; returns the exit status.
using Action = std::function<int()>;

/// Each adds one subcommand to `app`, whose action is set in `chosen` when the user names it.
void add_encode(CLI::App& app, Action& chosen);
void add_tokenize(CLI::App& app, Action& chosen);
void add_similarity(CLI::App& app, Action& chosen);
void add_info(CLI::App& app, Action& chosen);

/// --model, which all of them have.
inline void add_model_option(CLI::App& command, std::string& model) {
  command.add_option("--model", model, "Model directory in Hugging Face layout")
      ->required()
      ->envname("BGEM3_MODEL")
      ->type_name("DIR");
}

/// What --device, --dtype and --cuda-graphs ask for.
struct DeviceOptions {
  std::string device = "cpu";
  std::string dtype = "auto";
  bool cuda_graphs = true;

  [[nodiscard]] LoadOptions load_options() const {
    LoadOptions options;
    options.device = device;
    options.dtype = parse_dtype(dtype);
    options.cuda_graphs = cuda_graphs;
    return options;
  }
};

inline void add_device_options(CLI::App& command, DeviceOptions& options) {
  command.add_option("--device", options.device, "Where to compute: cpu, cuda (the first GPU), cuda:1 …")
      ->group("How")
      ->capture_default_str();
  command.add_option("--dtype", options.dtype, "What to compute in; auto is float32 on the CPU, float16 on a GPU")
      ->group("How")
      ->check(CLI::IsMember({"auto", "float32", "float16", "bfloat16", "int8", "float8"}))
      ->capture_default_str();
  command
      .add_flag("--cuda-graphs,!--no-cuda-graphs", options.cuda_graphs,
                "Small batches as CUDA graphs, for half the latency [on]; no effect on the CPU")
      ->group("How");
}

}  // namespace bgem3::cli
