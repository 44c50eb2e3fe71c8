#pragma once

#include <functional>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

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
  command.add_option("--device", device, "Where to compute: cpu, cuda (the first GPU), cuda:1 …")
      ->group("How")
      ->capture_default_str();
  command.add_option("--dtype", dtype, "What to compute in; auto is float32 on the CPU, float16 on a GPU")
      ->group("How")
      ->check(CLI::IsMember({"auto", "float32", "float16", "bfloat16", "int8", "float8"}))
      ->capture_default_str();
}

}  // namespace bgem3::cli
