#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <ios>
#include <numeric>
#include <span>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/error.h"

namespace bgem3::test {

template <typename T>
inline constexpr const char* npy_type = nullptr;
template <>
inline constexpr const char* npy_type<float> = "<f4";
template <>
inline constexpr const char* npy_type<std::int32_t> = "<i4";
template <>
inline constexpr const char* npy_type<std::int64_t> = "<i8";

/// Writes `values` as a NumPy .npy file (version 1.0, row-major) of the given shape.
template <typename T>
void write_npy(const std::filesystem::path& path, std::span<const T> values,
               std::initializer_list<std::int64_t> shape) {
  constexpr std::size_t prefix = 10;  // magic, version, header length
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({},), }}", npy_type<T>, fmt::join(shape, ", "));
  header.append(63 - (prefix + header.size()) % 64, ' ');  // data starts at a multiple of 64, after the newline
  header += '\n';
  std::ofstream out(path, std::ios::binary);
  out.write("\x93NUMPY\x01\x00", 8);
  out.put(static_cast<char>(header.size() % 256)).put(static_cast<char>(header.size() / 256));
  out << header;
  out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
  if (!out.flush()) throw Error(ErrorCode::io_error, fmt::format("cannot write '{}'", path.string()));
}

}  // namespace bgem3::test
