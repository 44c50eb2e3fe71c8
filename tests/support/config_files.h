#pragma once

#include <map>
#include <string>

#include <doctest/doctest.h>

#include "config/model_files.h"
#include "support/expect_error.h"
#include "support/fake_files.h"

namespace bgem3::test {

/// The files of a model directory: name → text.
using Texts = std::map<std::string, std::string>;

inline const char* const xlm_roberta = R"({
  "model_type": "xlm-roberta", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
  "intermediate_size": 128, "vocab_size": 250002, "max_position_embeddings": 8194, "type_vocab_size": 1,
  "pad_token_id": 1, "layer_norm_eps": 1e-05, "hidden_act": "gelu", "position_embedding_type": "absolute"})";

inline const char* const bert = R"({
  "model_type": "bert", "hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 12,
  "intermediate_size": 1536, "vocab_size": 250037, "max_position_embeddings": 512, "pad_token_id": 0})";

inline const std::string transformer = R"({"path": "", "type": "sentence_transformers.models.Transformer"})";
inline const std::string pooling = R"({"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"})";
inline const std::string normalize = R"({"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"})";

inline std::string dense(const std::string& folder) {
  return R"({"path": ")" + folder + R"(", "type": "sentence_transformers.models.Dense"})";
}

template <typename... Modules>
std::string modules(const std::string& first, const Modules&... rest) {
  return "[" + (first + ... + (", " + rest)) + "]";
}

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// A directory of sentence-transformers, with some of its files replaced.
inline Texts sentence_directory(const Texts& changes = {}) {
  Texts texts = {{"config.json", xlm_roberta},
                 {"modules.json", modules(transformer, pooling, normalize)},
                 {"1_Pooling/config.json", R"({"word_embedding_dimension": 64, "pooling_mode_mean_tokens": true})"}};
  for (const auto& [file, text] : changes) texts[file] = text;
  return texts;
}

inline ModelConfig parse(const Texts& texts, ModelKind kind = ModelKind::embedder) {
  return parse_model_config(FakeFiles(texts), kind);
}

inline std::string bad(const Texts& texts, ModelKind kind = ModelKind::embedder) {
  return expect_error(ErrorCode::bad_model, [&] { parse(texts, kind); });
}

inline std::string bad_config(const std::string& config) { return bad({{"config.json", config}}); }

// Where file and key of a message are expected, and what else it says.
inline void check_refused(const Texts& changes, const char* file, const char* key) {
  CAPTURE(file);
  CAPTURE(key);
  const auto message = bad(sentence_directory(changes));
  CHECK(contains(message, file));
  CHECK(contains(message, key));
}

}  // namespace bgem3::test
