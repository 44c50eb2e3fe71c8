#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "bgem3/export.h"

namespace bgem3 {

/// The two layouts of the same encoder; they differ in parameter names and in where positions begin.
enum class Architecture { xlm_roberta, bert };

/// How the hidden states [n, D] of a text become its dense vector [D].
enum class Pooling { cls, mean };

BGEM3_API std::string to_string(Architecture architecture);
BGEM3_API std::string to_string(Pooling pooling);

/// Hyper-parameters of a model directory; the defaults are those of BAAI/bge-m3.
struct ModelConfig {
  Architecture architecture = Architecture::xlm_roberta;
  std::int64_t hidden_size = 1024;  ///< D
  std::int64_t layers = 24;
  std::int64_t heads = 16;  ///< H
  std::int64_t intermediate_size = 4096;
  std::int64_t vocabulary_size = 250002;  ///< V, rows of the word embedding
  std::int64_t position_rows = 8194;      ///< rows of the position embedding (`max_position_embeddings`)
  std::int64_t token_types = 1;
  std::int64_t padding_id = 1;
  double layer_norm_eps = 1e-5;

  Pooling pooling = Pooling::cls;
  bool normalize = true;           ///< L2-normalise dense and ColBERT vectors
  std::int64_t max_length = 8192;  ///< tokens of a text, `<s>` and `</s>` included

  /// Position of token 0: XLM-R counts from padding_id + 1, BERT from 0.
  [[nodiscard]] std::int64_t first_position() const noexcept {
    return architecture == Architecture::xlm_roberta ? padding_id + 1 : 0;
  }
};

/// Reads `config.json` and, where present, `modules.json`, its pooling module's `config.json` (`1_Pooling/`) and
/// `sentence_bert_config.json`, as transformers and sentence-transformers write them. What is absent keeps BGE-M3's
/// own: CLS pooling, normalised, 8192 tokens (or as many as there are positions).
/// @throws Error bad_model, naming file and key, for anything missing, malformed or not supported.
BGEM3_API ModelConfig read_model_config(const std::filesystem::path& directory);

}  // namespace bgem3
