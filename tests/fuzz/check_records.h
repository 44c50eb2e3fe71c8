#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "checkpoint/tensor_record.h"

namespace bgem3::fuzz {

/// Elements from the first to the last of a tensor. A number that has no room is a finding.
inline std::int64_t spanned_elements(const TensorRecord& record) {
  if (count_elements(record.shape) == 0) return 0;
  std::int64_t last = 0;
  std::int64_t contiguous = 1;
  for (std::size_t i = record.shape.size(); i-- > 0;) {
    std::int64_t step = record.strides.empty() ? contiguous : record.strides[i];
    if (__builtin_mul_overflow(record.shape[i] - 1, step, &step) || __builtin_add_overflow(last, step, &last) ||
        __builtin_mul_overflow(contiguous, record.shape[i], &contiguous)) {
      std::abort();
    }
  }
  return last + 1;
}

/// Every record that is accepted must lie inside the file, with all of its elements.
inline void check_records(const std::vector<TensorRecord>& records, std::size_t file_bytes) {
  for (const auto& record : records) {
    const auto bytes = count_bytes(record.type, {spanned_elements(record)});
    if (!bytes || record.offset > file_bytes || *bytes > file_bytes - record.offset) std::abort();
  }
}

}  // namespace bgem3::fuzz
