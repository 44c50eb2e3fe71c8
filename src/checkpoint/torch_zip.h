#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "checkpoint/tensor_record.h"
#include "file/mapped_file.h"

namespace bgem3 {

/// Whether a file is one for read_torch_zip, by how it begins.
bool is_torch_zip(std::span<const std::byte> bytes);

/// Reads the tensors of a state dict written by `torch.save` of torch 1.6 and later: a zip archive of a pickle and one
/// uncompressed record for each storage. Every claim of the archive is checked against the file.
/// @throws Error bad_model for anything else
std::vector<TensorRecord> read_torch_zip(const std::shared_ptr<const MappedFile>& file);

}  // namespace bgem3
