#pragma once

#include <span>
#include <string>

#include "bgem3/embeddings.h"
#include "server/body.h"
#include "server/http/message.h"
#include "server/quantize.h"

namespace bgem3::server {

/// How vectors are written.
enum class VectorLayout {
  numbers,  ///< lists of numbers in JSON
  base64,   ///< strings in JSON: the little-endian numbers in base64
  raw       ///< in place of JSON, row after row; their shape is in headers
};

/// What a request wants of vectors.
struct VectorFormat {
  NumberType type = NumberType::float32;
  VectorLayout layout = VectorLayout::numbers;
};

/// Bytes of a vector of `size` numbers in a response, about.
std::size_t sent_bytes(std::size_t size, VectorFormat format);

/// By the fields "encoding_format" and "output_dtype" of the body, and the header Accept.
/// @throws Failure 422 where they say what is not known, or contradict each other
VectorFormat read_vector_format(const Fields& body, const Request& request);

/// The same of a request whose body has no fields.
VectorFormat accepted_vector_format(const Request& request);

/// The same where there is more to send than one vector for each text.
/// @throws Failure also 406 where nothing but raw bytes is accepted
VectorFormat read_json_vector_format(const Fields& body, const Request& request);

/// A vector as JSON; `format` is not raw.
void append_vector(std::string& json, std::span<const float> values, VectorFormat format);

/// A list of vectors as JSON; `format` is not raw.
void append_vectors(std::string& json, const Matrix& rows, VectorFormat format);

/// Row after row.
Response raw_response(const Matrix& rows, NumberType type);

}  // namespace bgem3::server
