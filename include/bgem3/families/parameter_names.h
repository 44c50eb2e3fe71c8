#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "bgem3/families/family.h"

namespace bgem3::detail {

// Heads and buffers that training frameworks store beside the encoder. A classification head is not among them: a
// re-ranker loaded as an embedder would give vectors that mean nothing.
inline bool is_unused_parameter(std::string_view name) {
  constexpr std::array<std::string_view, 9> unused = {
      "embeddings.position_ids", "embeddings.token_type_ids", "pooler.",          "lm_head.",
      "cls.predictions.",        "cls.seq_relationship.",     "vocab_transform.", "vocab_layer_norm.",
      "vocab_projector."};
  return std::any_of(unused.begin(), unused.end(),
                     [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

// Takes off the name that transformers gives the encoder where it is part of a larger model. No others: they may be
// those of another part.
inline std::string_view strip_encoder_name(std::string_view name) {
  for (const std::string_view encoder : {"roberta.", "bert.", "distilbert.", "mpnet.", "camembert."}) {
    if (name.starts_with(encoder)) return name.substr(encoder.size());
  }
  return name;
}

// Matrices of which rows are looked up, which makes them no linear layers.
inline bool is_table(std::string_view name) {
  return name.find("embeddings.") != std::string_view::npos ||
         name.find("relative_attention_bias.") != std::string_view::npos;
}

// Everything before the name that every encoder has: "", "roberta.", "bert.", "model." …
inline std::string find_prefix(const TensorMap& tensors) {
  constexpr std::string_view word_embedding = "embeddings.word_embeddings.weight";
  for (const auto& [name, tensor] : tensors) {
    if (name.ends_with(word_embedding)) return name.substr(0, name.size() - word_embedding.size());
  }
  return "";
}

}  // namespace bgem3::detail
