#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "checkpoint/tensor_record.h"

namespace bgem3 {

/// Reads the header of a safetensors file: 8 bytes of length, that many bytes of JSON, then the tensors. Every claim of
/// the header is checked against the file, so the records may be used without further checks.
/// Source: the format's description in huggingface/safetensors.
/// @throws Error bad_model naming the tensor, what was expected and what was found
std::vector<TensorRecord> read_safetensors(std::span<const std::byte> file);

}  // namespace bgem3
