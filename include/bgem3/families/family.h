#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/config.h"
#include "bgem3/export.h"
#include "bgem3/families/config_file.h"

namespace at {
class Tensor;
}

namespace bgem3 {

class Encoder;
struct ClassificationHead;
struct Placement;

using TensorMap = std::map<std::string, at::Tensor>;

/// A family of models: all whose config.json has the same `model_type`.
struct Family {
  std::string model_type;

  /// Reads what the family has in config.json, and refuses what its encoder does not compute. Other keys are followed,
  /// passed over or refused by the library.
  /// @throws Error bad_model
  void (*read)(const ConfigFile& file, ModelConfig& config);

  /// Takes the encoder's weights out of a checkpoint: WeightBinder.
  /// @throws Error bad_model
  std::unique_ptr<Encoder> (*bind)(const ModelConfig& config, const TensorMap& tensors, const Placement& placement);

  /// Takes the head of a cross-encoder, with one label, out of a checkpoint, of which bind() gets the rest. Null: the
  /// family has no cross-encoders.
  /// @throws Error bad_model
  ClassificationHead (*bind_head)(const ModelConfig& config, TensorMap& tensors, const Placement& placement) = nullptr;

  /// The class of transformers that makes its tokens where no file of a directory names one. Null: that of BGE-M3 or of
  /// BERT, by the kind of vocabulary.
  const char* tokenizer_class = nullptr;
};

/// Adds a family to those that Embedder::load knows, for the whole process. May be called from any thread.
/// @throws Error invalid_argument for a model_type that is empty or known already, and without read or bind
BGEM3_API void add_family(Family family);

/// The model_type of all families.
BGEM3_API std::vector<std::string> family_names();

}  // namespace bgem3
