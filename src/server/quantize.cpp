#include "server/quantize.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>
#include <Eigen/Core>

#include "file/json_vectors.h"

namespace bgem3::server {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are sent as they lie in memory");

constexpr int offset_of_unsigned = 128;

template <typename Number>
void append_number(std::string& bytes, Number number) {
  const auto raw = std::bit_cast<std::array<char, sizeof(Number)>>(number);
  bytes.append(raw.data(), raw.size());
}

std::uint16_t half_bits(float value) { return Eigen::numext::bit_cast<std::uint16_t>(Eigen::half(value)); }

// A scale for each vector: components of a vector of a thousand are about 0.03, a fixed one would leave them four
// steps.
void append_int8(std::string& bytes, std::span<const float> values, int offset) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  const float scale = largest > 0 ? 127.0F / largest : 0.0F;
  for (const float value : values) {
    bytes.push_back(static_cast<char>(static_cast<int>(std::nearbyint(value * scale)) + offset));
  }
}

void append_bits(std::string& bytes, std::span<const float> values, int offset) {
  for (std::size_t begin = 0; begin < values.size(); begin += 8) {
    unsigned byte = 0;
    for (std::size_t i = begin; i < std::min(begin + 8, values.size()); ++i) {
      if (values[i] > 0) byte |= 0x80U >> (i - begin);
    }
    bytes.push_back(static_cast<char>(static_cast<int>(byte) - offset));
  }
}

// The fewest digits that round to the same float16.
void append_half(std::string& json, float value) {
  const std::uint16_t wanted = half_bits(value);
  const auto kept = static_cast<float>(Eigen::half(value));
  std::array<char, 32> digits{};
  for (int precision = 1; precision <= 5; ++precision) {
    const auto end = std::to_chars(digits.begin(), digits.end(), kept, std::chars_format::general, precision).ptr;
    float read = 0;
    std::from_chars(digits.data(), end, read);
    if (half_bits(read) != wanted && precision < 5) continue;
    json.append(digits.data(), end);
    return;
  }
}

}  // namespace

std::string_view name_of(NumberType type) {
  switch (type) {
    case NumberType::float32: return "float32";
    case NumberType::float16: return "float16";
    case NumberType::int8: return "int8";
    case NumberType::uint8: return "uint8";
    case NumberType::binary: return "binary";
    case NumberType::ubinary: break;
  }
  return "ubinary";
}

std::string_view element_name(NumberType type) {
  if (type == NumberType::binary) return "int8";
  return type == NumberType::ubinary ? "uint8" : name_of(type);
}

std::size_t bytes_of(std::size_t size, NumberType type) {
  switch (type) {
    case NumberType::float32: return size * 4;
    case NumberType::float16: return size * 2;
    case NumberType::int8:
    case NumberType::uint8: return size;
    case NumberType::binary:
    case NumberType::ubinary: break;
  }
  return (size + 7) / 8;
}

void append_bytes(std::string& bytes, std::span<const float> values, NumberType type) {
  switch (type) {
    case NumberType::float32: bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes()); return;
    case NumberType::float16:
      for (const float value : values) append_number(bytes, half_bits(value));
      return;
    case NumberType::int8: return append_int8(bytes, values, 0);
    case NumberType::uint8: return append_int8(bytes, values, offset_of_unsigned);
    case NumberType::binary: return append_bits(bytes, values, offset_of_unsigned);
    case NumberType::ubinary: return append_bits(bytes, values, 0);
  }
}

void append_numbers(std::string& json, std::span<const float> values, NumberType type) {
  if (type == NumberType::float32) return bgem3::append_numbers(json, values);
  if (type == NumberType::float16) {
    return append_list(json, values.size(), [&](std::size_t i) { append_half(json, values[i]); });
  }
  std::string bytes;
  append_bytes(bytes, values, type);
  const bool is_signed = type == NumberType::int8 || type == NumberType::binary;
  append_list(json, bytes.size(), [&](std::size_t i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    fmt::format_to(std::back_inserter(json), "{}", is_signed ? static_cast<std::int8_t>(byte) : int{byte});
  });
}

}  // namespace bgem3::server
