#pragma once

#include <optional>
#include <string>

#include "bgem3/config.h"

namespace bgem3 {

/// The texts of the files that describe a model; all but the first may be absent.
struct ConfigFiles {
  std::string config;                        ///< config.json
  std::optional<std::string> modules;        ///< modules.json
  std::optional<std::string> pooling;        ///< config.json of the pooling module
  std::optional<std::string> sentence_bert;  ///< sentence_bert_config.json
};

/// The reading behind read_model_config, apart from the file system.
/// @throws Error bad_model
ModelConfig parse_model_config(const ConfigFiles& files);

/// Where modules.json puts the pooling module, relative to the model directory; "1_Pooling" when it names none.
/// @throws Error bad_model
std::string pooling_directory(const std::optional<std::string>& modules);

}  // namespace bgem3
