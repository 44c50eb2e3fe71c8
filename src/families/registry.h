#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bgem3/families/family.h"

namespace bgem3 {

void read_bert(const ConfigFile& file, ModelConfig& config);
void read_distilbert(const ConfigFile& file, ModelConfig& config);
void read_mpnet(const ConfigFile& file, ModelConfig& config);
void read_xlm_roberta(const ConfigFile& file, ModelConfig& config);

/// Family::read of a model_type; null where no family has it.
decltype(Family::read) find_read(std::string_view model_type);

/// Family::tokenizer_class of a model_type; null where no family has it.
const char* tokenizer_class_of(std::string_view model_type);

/// The family that add_family() added, if it did.
std::optional<Family> find_added_family(std::string_view model_type);

/// For messages: "'xlm-roberta' or 'bert'".
std::string known_families();

}  // namespace bgem3
