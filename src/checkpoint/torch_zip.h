#pragma once

#include <memory>
#include <vector>

#include "checkpoint/tensor_record.h"
#include "file/mapped_file.h"

namespace bgem3 {

/// Reads the tensors of a state dict written by `torch.save`: a zip archive of a pickle and one uncompressed record for
/// each storage. Every claim of the archive is checked against the file.
/// @throws Error bad_model for anything else, files of torch before 1.6 included
std::vector<TensorRecord> read_torch_zip(const std::shared_ptr<const MappedFile>& file);

}  // namespace bgem3
