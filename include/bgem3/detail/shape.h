#pragma once

#include <string>

#include <ATen/core/Tensor.h>
#include <c10/util/ArrayRef.h>
#include <c10/util/StringUtil.h>

#include "bgem3/error.h"

namespace bgem3::detail {

/// Throws Error internal unless `tensor` has exactly `shape`; -1 stands for any size. Guards layer borders: ATen
/// broadcasts a wrong shape silently into plausible vectors.
inline void expect_shape(const at::Tensor& tensor, at::IntArrayRef shape, const char* what) {
  bool same = tensor.dim() == static_cast<int64_t>(shape.size());
  for (size_t i = 0; same && i < shape.size(); ++i) {
    same = shape[i] == -1 || shape[i] == tensor.size(static_cast<int64_t>(i));
  }
  if (!same) {
    throw Error(ErrorCode::internal, c10::str(what, ": expected shape ", shape, ", found ", tensor.sizes()));
  }
}

}  // namespace bgem3::detail
