#pragma once

#include <nlohmann/json.hpp>

#include "tokenizer/tokenizer_steps.h"

namespace bgem3 {

/// Reads what tokenizer.json puts around texts: TemplateProcessing, BertProcessing or RobertaProcessing.
/// @throws Error bad_model for another one
void read_post_processor(const nlohmann::json& processor, TokenizerSteps& steps);

}  // namespace bgem3
