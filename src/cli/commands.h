#pragma once

#include <functional>
#include <string>

#include <CLI/App.hpp>

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

/// --device and --dtype.
inline void add_device_options(CLI::App& command, std::string& device, std::string& dtype) {
  command.add_option("--device", device, "Compute on the CPU (cpu) or a GPU (cuda, cuda:1 …)")
      ->group("How")
      ->capture_default_str();
  command
      .add_option("--dtype", dtype, "Compute in float32, bfloat16, int8 (CPU), float16 (GPU) [auto: float32, float16]")
      ->group("How");
}

}  // namespace bgem3::cli
