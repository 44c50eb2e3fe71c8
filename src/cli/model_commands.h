#pragma once

#include "cli/arguments.h"

namespace bgem3::cli {

/// The commands that need a model, and so LibTorch, which takes a few hundred milliseconds to load. They are in
/// libbgem3_cli_model, which the program loads when one of them is called. A table, found by name after loading.
struct ModelCommands {
  const char* version;  ///< of bgem3; program and library have to be of one build
  int (*encode)(const EncodeArguments& arguments);
  int (*similarity)(const SimilarityArguments& arguments);
  int (*rerank)(const RerankArguments& arguments);
  int (*info)(const InfoArguments& arguments);
};

using GetModelCommands = const ModelCommands* (*)();
inline constexpr const char* get_model_commands_name = "bgem3_cli_model_commands";

/// Loads the library, which stays for the life of the process.
/// @throws Error io_error that says what is missing
const ModelCommands& load_model_commands();

}  // namespace bgem3::cli
