#pragma once

#include <cstddef>
#include <iterator>
#include <span>

#include <fmt/format.h>

#include "bgem3/embeddings.h"

// Embeddings as JSON text, appended to a std::string or fmt::memory_buffer. Each number is as short as it can be read
// back as the same float.

namespace bgem3 {

/// [append(item 0), append(item 1) …]
template <typename Text, typename Append>
void append_list(Text& json, std::size_t count, const Append& append) {
  json.push_back('[');
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) json.push_back(',');
    append(i);
  }
  json.push_back(']');
}

template <typename Text>
void append_numbers(Text& json, std::span<const float> values) {
  append_list(json, values.size(), [&](std::size_t i) { fmt::format_to(std::back_inserter(json), "{}", values[i]); });
}

/// A list of lists, one for each row.
template <typename Text>
void append_rows(Text& json, const Matrix& rows) {
  append_list(json, rows.rows(), [&](std::size_t row) { append_numbers(json, rows.row(row)); });
}

/// An object: id → weight.
template <typename Text>
void append_weights(Text& json, const LexicalWeights& weights) {
  json.push_back('{');
  const char* separator = "";
  for (const auto& [id, weight] : weights) {
    fmt::format_to(std::back_inserter(json), "{}\"{}\":{}", separator, id, weight);
    separator = ",";
  }
  json.push_back('}');
}

}  // namespace bgem3
