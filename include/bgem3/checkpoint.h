#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "bgem3/export.h"

namespace bgem3 {

class MappedFile;

/// Named tensors of a model file, memory-mapped: nothing is read until a tensor is used, and nothing is copied but
/// views and what is not aligned, as in most files of torch before 1.6.
///
/// Tensors are on the CPU, contiguous, of the file's dtype (float32, float16 or bfloat16; integer buffers keep theirs).
/// They share ownership of the mapping and stay valid after the Checkpoint is gone; they must not be written to.
class BGEM3_API Checkpoint {
 public:
  /// Opens the weights of a model directory: the first there is of `model.safetensors`, `model.safetensors.index.json`
  /// with its shards, `pytorch_model.bin`, `pytorch_model.bin.index.json` with its shards.
  /// @throws Error bad_model naming all places looked at, io_error when a file cannot be read.
  static Checkpoint open_directory(const std::filesystem::path& directory);

  /// Opens one file: safetensors, a sharded index (`*.index.json`), or what `torch.save` wrote, be it a zip or, before
  /// torch 1.6, pickles with the storages behind them. Pickles are read as data: the only calls understood are those
  /// that rebuild tensors, and any other is refused by name.
  /// @throws Error bad_model when the file is truncated, lies about its offsets, or holds anything but named tensors.
  static Checkpoint open(const std::filesystem::path& file);

  /// Name to tensor, in the file's own names.
  [[nodiscard]] const std::map<std::string, at::Tensor>& tensors() const noexcept { return tensors_; }

  /// The files read, for messages and Embedder::info().
  [[nodiscard]] const std::vector<std::filesystem::path>& files() const noexcept { return files_; }

  /// Gives back the memory of all that was read so far, for a caller who has made copies of it. The tensors stay valid.
  void release_pages() const noexcept;

 private:
  void add_file(const std::filesystem::path& path);

  std::vector<std::shared_ptr<const MappedFile>> mappings_;
  std::map<std::string, at::Tensor> tensors_;
  std::vector<std::filesystem::path> files_;
};

}  // namespace bgem3
