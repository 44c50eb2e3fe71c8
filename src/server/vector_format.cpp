#include "server/vector_format.h"

#include <array>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "bgem3/detail/message.h"
#include "file/json_vectors.h"
#include "server/failure.h"
#include "server/http/header_list.h"

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

// "application/octet-stream; dtype=int8" of the header Accept, if it comes before anything that JSON fits.
std::optional<std::string_view> accepted_raw(const Request& request) {
  for (const auto element : header_list(request, "Accept")) {
    const auto type = trim_header(element.substr(0, element.find(';')));
    if (is_same_name(type, raw_content)) return element;
    if (is_same_name(type, "application/json") || is_same_name(type, "application/*") || type == "*/*")
      return std::nullopt;
  }
  return std::nullopt;
}

// The parameter "dtype" of that.
std::optional<NumberType> raw_type(std::string_view element) {
  constexpr std::string_view parameter = "dtype=";
  for (auto at = element.find(';'); at != std::string_view::npos; at = element.find(';', at + 1)) {
    const auto rest = trim_header(element.substr(at + 1));
    if (!is_same_name(rest.substr(0, parameter.size()), parameter)) continue;
    const auto name = trim_header(rest.substr(parameter.size(), rest.find(';') - parameter.size()));
    if (const auto type = find_type(name)) return type;
    throw invalid_argument(
        fmt::format("dtype of the header Accept should be float32, float16, int8, uint8, binary or ubinary, found {}",
                    detail::in_quotes(name)));
  }
  return std::nullopt;
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

std::size_t sent_bytes(std::size_t size, VectorFormat format) {
  const std::size_t bytes = bytes_of(size, format.type);
  if (format.layout == VectorLayout::raw) return bytes;
  if (format.layout == VectorLayout::base64) return bytes * 4 / 3;
  constexpr std::size_t digits_of_byte = 5, digits_of_half = 9, digits_of_float = 12;
  if (format.type == NumberType::float32) return size * digits_of_float;
  return format.type == NumberType::float16 ? size * digits_of_half : bytes * digits_of_byte;
}

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
  if (const auto raw = accepted_raw(request)) {
    if (format == "base64") {
      throw invalid_argument(
          "base64 stands in JSON, but the header Accept asks for raw bytes; leave out one of the two");
    }
    return {agreed(type, raw_type(*raw)).value_or(NumberType::float32), VectorLayout::raw};
  }
  return {type.value_or(NumberType::float32), format == "base64" ? VectorLayout::base64 : VectorLayout::numbers};
}

VectorFormat accepted_vector_format(const Request& request) {
  const auto raw = accepted_raw(request);
  if (!raw) return {};
  return {raw_type(*raw).value_or(NumberType::float32), VectorLayout::raw};
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
