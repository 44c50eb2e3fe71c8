#pragma once

#include <cstddef>

#include "checkpoint/state_dict.h"
#include "checkpoint/tensor_record.h"

namespace bgem3 {

/// Where a tensor lies whose storage takes `storage_bytes` from byte `storage_begin` of the file on.
/// @throws Error bad_model when it does not fit
TensorRecord locate(const PickledTensor& tensor, std::size_t storage_begin, std::size_t storage_bytes);

}  // namespace bgem3
