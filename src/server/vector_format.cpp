#include "server/vector_format.h"

#include <array>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "bgem3/detail/message.h"
#include "file/json_vectors.h"
#include "server/failure.h"

namespace bgem3::server {
namespace {

constexpr std::string_view raw_content = "application/octet-stream";
constexpr std::array all_types = {NumberType::float32, NumberType::float16, NumberType::int8,
                                  NumberType::uint8,   NumberType::binary,  NumberType::ubinary};

std::optional<NumberType> find_type(std::string_view name) {
  if (name == "float") return NumberType::float32;
  for (const auto type : all_types) {
    if (name == name_of(type)) return type;
  }
  return std::nullopt;
}

bool accepts_raw(const Request& request) { return request.header("Accept").starts_with(raw_content); }

// What an Accept header says of the type: "application/octet-stream; dtype=float16".
std::optional<NumberType> accepted_type(const Request& request) {
  const std::string_view accept = request.header("Accept");
  constexpr std::string_view parameter = "dtype=";
  const auto begin = accept.find(parameter);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view rest = accept.substr(begin + parameter.size());
  const std::string_view name = rest.substr(0, rest.find_first_of(" ,;"));
  const auto type = find_type(name);
  if (type) return type;
  throw invalid_argument(
      fmt::format("dtype of the header Accept should be float32, float16, int8, uint8, binary or ubinary, found {}",
                  detail::in_quotes(name)));
}

// The one that all those agree on which say something.
std::optional<NumberType> agreed(std::optional<NumberType> one, std::optional<NumberType> other) {
  if (one && other && *one != *other) {
    throw invalid_argument(
        fmt::format("the body and the header Accept contradict each other: one says {}, the other {}", name_of(*one),
                    name_of(*other)));
  }
  return one ? one : other;
}

void append_base64(std::string& json, std::span<const float> values, NumberType type) {
  std::string bytes;
  bytes.reserve(bytes_of(values.size(), type));
  append_bytes(bytes, values, type);
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the zero that OpenSSL writes
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  json += '"' + text + '"';
}

}  // namespace

VectorFormat read_vector_format(const Fields& body, const Request& request) {
  // Jina calls it "embedding_type".
  const char* name_of_format = body.either("encoding_format", "embedding_type");
  const std::string format =
      body.choice(name_of_format, {"float", "base64", "float32", "float16", "int8", "uint8", "binary", "ubinary"});
  std::optional<NumberType> type;
  if (body.has("output_dtype")) {
    type =
        find_type(body.choice("output_dtype", {"float", "float32", "float16", "int8", "uint8", "binary", "ubinary"}));
  }
  // Clients send "float" where they mean a list of numbers, of whatever type.
  if (format != "float" && format != "base64") {
    (void)body.either(name_of_format, "output_dtype");
    type = find_type(format);
  }
  if (accepts_raw(request)) {
    return {agreed(type, accepted_type(request)).value_or(NumberType::float32), VectorLayout::raw};
  }
  return {type.value_or(NumberType::float32), format == "base64" ? VectorLayout::base64 : VectorLayout::numbers};
}

VectorFormat accepted_vector_format(const Request& request) {
  if (!accepts_raw(request)) return {};
  return {accepted_type(request).value_or(NumberType::float32), VectorLayout::raw};
}

VectorFormat read_json_vector_format(const Fields& body, const Request& request) {
  const VectorFormat format = read_vector_format(body, request);
  if (format.layout != VectorLayout::raw) return format;
  throw Failure(406, "not_acceptable",
                "raw bytes can hold one dense vector for each text; this answer is JSON, in which 'encoding_format': "
                "'base64' is possible");
}

void append_vector(std::string& json, std::span<const float> values, VectorFormat format) {
  if (format.layout == VectorLayout::base64) return append_base64(json, values, format.type);
  append_numbers(json, values, format.type);
}

void append_vectors(std::string& json, const Matrix& rows, VectorFormat format) {
  append_list(json, rows.rows(), [&](std::size_t row) { append_vector(json, rows.row(row), format); });
}

Response raw_response(const Matrix& rows, NumberType type) {
  const std::size_t bytes = bytes_of(rows.cols(), type);
  const std::size_t elements = type == NumberType::float32 || type == NumberType::float16 ? rows.cols() : bytes;
  Response response;
  response.content_type = raw_content;
  response.headers = {{"x-shape", fmt::format("{},{}", rows.rows(), elements)},
                      {"x-dtype", std::string(element_name(type))}};
  response.body.reserve(rows.rows() * bytes);
  for (std::size_t row = 0; row < rows.rows(); ++row) append_bytes(response.body, rows.row(row), type);
  return response;
}

}  // namespace bgem3::server
