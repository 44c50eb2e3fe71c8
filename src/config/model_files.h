#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "bgem3/config.h"

namespace bgem3 {

/// The files of a model directory, by their paths in it.
class ModelFiles {
 public:
  ModelFiles() = default;
  ModelFiles(const ModelFiles&) = delete;
  ModelFiles& operator=(const ModelFiles&) = delete;
  virtual ~ModelFiles() = default;

  /// The text of a file; nothing where there is none.
  /// @throws Error bad_model or io_error for a file that cannot be read or is too large
  [[nodiscard]] virtual std::optional<std::string> text(const std::string& path) const = 0;

  [[nodiscard]] virtual bool has(const std::string& path) const = 0;

  /// The files of another model that a file of this one names: the path of a directory, or a repository in the Hugging
  /// Face cache.
  /// @throws Error bad_model where there is none
  [[nodiscard]] virtual std::unique_ptr<ModelFiles> open(const std::string& name) const = 0;

  [[nodiscard]] virtual std::filesystem::path directory() const = 0;
};

/// The reading behind read_model_config, apart from the file system.
/// @throws Error bad_model
ModelConfig parse_model_config(const ModelFiles& files, ModelKind kind = ModelKind::embedder);

/// What an embedder of no `modules.json` has: with both heads of BGE-M3 CLS pooling, normalised, as in FlagEmbedding;
/// else the mean of all tokens, not normalised, as in sentence-transformers.
void assume_pooling(ModelConfig& config, bool has_heads);

/// Whether pooling and normalisation are assume_pooling()'s.
bool has_assumed_pooling(const ModelConfig& config);

}  // namespace bgem3
