#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "checkpoint/tensor_record.h"

namespace bgem3 {

/// Whether a file is one for read_torch_legacy, by how it begins.
bool is_torch_legacy(std::span<const std::byte> file);

/// Reads the tensors of a state dict written by `torch.save` of torch before 1.6, or by a later one with
/// `_use_new_zipfile_serialization=False`: five pickles, then the storages. Every claim is checked against the file;
/// what follows the last storage is of no matter, as for torch.
/// @throws Error bad_model for anything else
std::vector<TensorRecord> read_torch_legacy(std::span<const std::byte> file);

}  // namespace bgem3
