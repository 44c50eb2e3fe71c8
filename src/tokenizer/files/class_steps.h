#pragma once

#include "tokenizer/files/tokenizer_class.h"

/// The steps of each class: TokenizerClass::configure.
namespace bgem3 {

BuildSteps configure_xlm_roberta(const detail::JsonObject& tokenizer_config);
BuildSteps configure_camembert(const detail::JsonObject& tokenizer_config);
BuildSteps configure_bert(const detail::JsonObject& tokenizer_config);
BuildSteps configure_roberta(const detail::JsonObject& tokenizer_config);

/// Of a sentencepiece model, as BGE-M3's tokenizer.json has it.
TokenizerSteps build_as_bge_m3(TokenizerFile& file);

}  // namespace bgem3
