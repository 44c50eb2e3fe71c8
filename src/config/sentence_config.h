#pragma once

#include <optional>
#include <string>

#include "bgem3/config.h"
#include "config/model_files.h"

namespace bgem3::detail {

/// Where a file of the encoder lies in the model directory.
std::string in_encoder_folder(const ModelConfig& config, const char* name);

/// Where config.json lies: there, or in the model that an adapter changes.
std::string config_file(const ModelConfig& config);

/// A file that sentence-transformers writes beside modules.json; null where there is none.
const char* find_sentence_file(const ModelFiles& files);

/// Carries out what tokenizer_config.json says of the maximal length.
/// @throws Error bad_model
void apply_tokenizer_config(const ModelFiles& files, ModelConfig& config);

/// The file with a chat template; nothing where there is none. sentence-transformers applies it to texts, where no file
/// says that inputs are plain texts.
std::optional<std::string> find_chat_template(const ModelFiles& files, const ModelConfig& config);

/// Carries out the Transformer module's own file, sentence_bert_config.json or the first there is of its older names:
/// how a text becomes ids.
/// @throws Error bad_model
void apply_sentence_config(const ModelFiles& files, ModelConfig& config);

/// Carries out config_sentence_transformers.json: prompts, similarity, dimension.
/// @throws Error bad_model, also for a model of another kind
void apply_sentence_transformers_config(const ModelFiles& files, ModelKind kind, ModelConfig& config);

}  // namespace bgem3::detail
