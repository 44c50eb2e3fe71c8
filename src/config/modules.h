#pragma once

#include <string>
#include <vector>

#include "bgem3/config.h"
#include "config/model_files.h"

namespace bgem3::detail {

/// One entry of modules.json.
struct Module {
  std::string kind;    ///< the class: Transformer, Pooling, Dense, Normalize …
  std::string folder;  ///< of the model directory; empty: itself
};

/// modules.json, in the order in which the modules are applied, which is that of the list.
/// @throws Error bad_model, also for a folder outside of the model directory
std::vector<Module> read_modules(const std::string& text);

/// Where the encoder lies, with its tokenizer.
std::string encoder_folder(const std::vector<Module>& modules);

/// Carries the modules out on `config`, whose encoder is described already: pooling, dense layers, normalisation.
/// @throws Error bad_model for a module that is not supported, one whose files are missing, and an order that gives no
///         vector
void apply_modules(const std::vector<Module>& modules, const ModelFiles& files, ModelKind kind, ModelConfig& config);

/// The class of an activation function of torch.nn that `path` names: "Tanh" of "torch.nn.modules.activation.Tanh".
/// `place`: what the message calls it.
/// @throws Error bad_model for code from elsewhere, which is not run
std::string activation_class(const std::string& path, const std::string& place);

}  // namespace bgem3::detail
