#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bgem3::server {

/// What the numbers of a vector are sent as.
enum class NumberType {
  float32,
  float16,
  int8,    ///< the largest number of the vector by magnitude becomes 127 or -127, the others in proportion: angles stay
  uint8,   ///< int8 plus 128
  binary,  ///< ubinary minus 128, as int8
  ubinary  ///< a bit for each number, 1 where it is above 0; the first of eight is the highest of a byte
};

/// "float32", "int8", …
std::string_view name_of(NumberType type);

/// What an array of numbers of such bytes is made of, as NumPy names it: "int8" for binary, "uint8" for ubinary.
std::string_view element_name(NumberType type);

/// Bytes of a vector of `size` numbers.
std::size_t bytes_of(std::size_t size, NumberType type);

/// A vector as it lies in memory, little-endian, appended to `bytes`.
void append_bytes(std::string& bytes, std::span<const float> values, NumberType type);

/// A vector as JSON: [number, …], each as short as it can be read back.
void append_numbers(std::string& json, std::span<const float> values, NumberType type);

}  // namespace bgem3::server
