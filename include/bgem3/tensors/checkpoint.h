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

/// Where the tensors of a Checkpoint are.
enum class WeightMemory {
  mapped,  ///< in the mapped file, so the file must not change as long as they are used
  copied,  ///< in memory of this process; the file is of no consequence once they are read
};

/// Named tensors of a model file, memory-mapped by default: nothing is read until a tensor is used, and nothing is
/// copied but views and what is not aligned, as in most files of torch before 1.6.
///
/// Tensors are on the CPU, contiguous, of the file's dtype (float32, float16 or bfloat16; integer buffers keep theirs).
/// They share ownership of the mapping and stay valid after the Checkpoint is gone; they must not be written to.
///
/// Mapped files need a handler of SIGBUS, which is installed for the process with the first of them: where a file is
/// cut shorter, its tensors become zeros, and expect_unchanged() tells. Signals for other reasons go to the handler
/// that was there before.
class BGEM3_API Checkpoint {
 public:
  /// Opens the weights of a model directory: the first there is of `model.safetensors`, `model.safetensors.index.json`
  /// with its shards, `pytorch_model.bin`, `pytorch_model.bin.index.json` with its shards.
  /// @throws Error bad_model naming all places looked at, io_error when a file cannot be read, model_changed when one
  /// was
  ///         changed meanwhile.
  static Checkpoint open_directory(const std::filesystem::path& directory, WeightMemory memory = WeightMemory::mapped);

  /// Opens one file: safetensors, a sharded index (`*.index.json`), or what `torch.save` wrote, be it a zip or, before
  /// torch 1.6, pickles with the storages behind them. Pickles are read as data: the only calls understood are those
  /// that rebuild tensors, and any other is refused by name.
  /// @throws Error bad_model when the file is truncated, lies about its offsets, or holds anything but named tensors;
  ///         io_error and model_changed as above.
  static Checkpoint open(const std::filesystem::path& file, WeightMemory memory = WeightMemory::mapped);

  /// Name to tensor, in the file's own names.
  [[nodiscard]] const std::map<std::string, at::Tensor>& tensors() const noexcept { return tensors_; }

  /// The files read, for messages and Embedder::info().
  [[nodiscard]] const std::vector<std::filesystem::path>& files() const noexcept { return files_; }

  /// Whether what was read of the mapped files so far is as it was when they were opened.
  /// @throws Error model_changed naming the file, and what happened to it
  void expect_unchanged() const;

  /// Those files, for bgem3 itself.
  [[nodiscard]] const std::vector<std::shared_ptr<const MappedFile>>& mappings() const noexcept { return mappings_; }

 private:
  void add_file(const std::filesystem::path& path, WeightMemory memory);

  std::vector<std::shared_ptr<const MappedFile>> mappings_;
  std::map<std::string, at::Tensor> tensors_;
  std::vector<std::filesystem::path> files_;
};

}  // namespace bgem3
