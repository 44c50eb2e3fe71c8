#pragma once

#include <optional>
#include <span>
#include <string>

#include "bgem3/embeddings.h"
#include "server/http/message.h"

namespace bgem3::server {

/// A JSON array, each number as short as it can be read back as the same float.
void append_numbers(std::string& json, std::span<const float> values);

/// A JSON array of arrays, one for each row.
void append_rows(std::string& json, const Matrix& rows);

/// A JSON string: little-endian float32 in base64.
void append_base64(std::string& json, std::span<const float> values);

inline std::span<const float> row_of(const Matrix& rows, std::size_t row) {
  return {rows.row(static_cast<Eigen::Index>(row)).data(), static_cast<std::size_t>(rows.cols())};
}

enum class RawType { float32, float16 };

/// What a request wants instead of JSON, by its header Accept.
std::optional<RawType> wanted_raw_type(const Request& request);

/// Row after row, little-endian; the shape in headers.
Response raw_response(const Matrix& rows, RawType type);

}  // namespace bgem3::server
