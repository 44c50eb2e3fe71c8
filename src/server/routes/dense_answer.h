#pragma once

#include <optional>

#include "server/vectors.h"

namespace bgem3::server {

/// [[…], …], or the raw bytes that the request asks for.
inline Response dense_answer(const Matrix& dense, std::optional<RawType> raw) {
  if (raw) return raw_response(dense, *raw);
  Response response;
  append_rows(response.body, dense);
  return response;
}

}  // namespace bgem3::server
