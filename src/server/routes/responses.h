#pragma once

#include <cstddef>
#include <string>

#include <fmt/format.h>

#include "file/json_vectors.h"
#include "server/json_fields.h"
#include "server/vector_format.h"

namespace bgem3::server {

/// [[…], …], or raw bytes where `format` says so.
inline Response dense_response(const Matrix& dense, VectorFormat format) {
  if (format.layout == VectorLayout::raw) return raw_response(dense, format.type);
  Response response;
  append_vectors(response.body, dense, format);
  return response;
}

/// A JSON array of what append(json, i) writes for each of `count` items.
template <typename Append>
Response array_response(std::size_t count, Append append) {
  Response response;
  append_list(response.body, count, [&](std::size_t i) { append(response.body, i); });
  return response;
}

inline Response json_response(const JsonFields& fields) {
  Response response;
  response.body = fields.object();
  return response;
}

/// `"model":…,"usage":{…}`, as OpenAI has them.
inline void append_usage(std::string& json, const std::string& model, std::size_t tokens) {
  json +=
      fmt::format(R"("model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}})", json_string(model), tokens, tokens);
}

}  // namespace bgem3::server
