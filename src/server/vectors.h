#pragma once

#include <optional>
#include <span>
#include <string>

#include "bgem3/embeddings.h"
#include "file/json_vectors.h"
#include "server/http/message.h"

namespace bgem3::server {

/// A JSON string: little-endian float32 in base64.
void append_base64(std::string& json, std::span<const float> values);

/// `"model":…,"usage":{…}`, as OpenAI has them.
void append_usage(std::string& json, const std::string& model, std::size_t tokens);

enum class RawType { float32, float16 };

/// What a request wants instead of JSON, by its header Accept.
std::optional<RawType> wanted_raw_type(const Request& request);

/// Row after row, little-endian; the shape in headers.
Response raw_response(const Matrix& rows, RawType type);

}  // namespace bgem3::server
