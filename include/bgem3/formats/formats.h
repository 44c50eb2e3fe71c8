#pragma once

#include <array>
#include <string>

#include "bgem3/error.h"
#include "bgem3/formats/float32.h"
#include "bgem3/formats/float8.h"
#include "bgem3/formats/half_precision.h"
#include "bgem3/formats/int8.h"
#include "bgem3/formats/plain.h"

namespace bgem3 {

/// All formats, one line each, in the order of Dtype.
inline const auto& all_formats() {
  static const Float32 float32;
  static const Float16 float16;
  static const BFloat16 bfloat16;
  static const Int8 int8;
  static const Float8 float8(/*fast_sums=*/false);
  static const Float8 float8_fast(/*fast_sums=*/true);
  static const auto all = std::to_array<const Format*>({&float32, &float16, &bfloat16, &int8, &float8, &float8_fast});
  return all;
}

/// The format that a dtype stands for.
/// @throws Error internal for Dtype::automatic, which stands for none
inline const Format& format_of(Dtype dtype) {
  for (const auto* format : all_formats()) {
    if (format->dtype() == dtype) return *format;
  }
  throw Error(ErrorCode::internal, "dtype " + std::string(to_string(dtype)) + " stands for no format");
}

}  // namespace bgem3
