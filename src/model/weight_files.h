#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bgem3/tensors/checkpoint.h"

namespace bgem3 {

/// The files that the weights of a model are read from, and lie in where they are mapped.
class WeightFiles {
 public:
  explicit WeightFiles(WeightMemory memory) : memory_(memory) {}

  // While a model is loaded, by one thread.

  /// As the functions of Checkpoint.
  Checkpoint open(const std::filesystem::path& file);
  Checkpoint open_directory(const std::filesystem::path& directory);

  /// Gives back the memory of what was read of mapped files so far.
  void release_pages() const noexcept;

  /// Forgets the files that no tensor lies in any more: once all is loaded, and checkpoints are gone.
  void forget_unused();

  // At any time, by any thread.

  /// What happened to a mapped file since it was opened, see MappedFile::find_change.
  [[nodiscard]] std::optional<std::string> find_change() const;

  /// @throws Error model_changed
  void expect_unchanged() const;

  /// True the first time: a change is told once.
  [[nodiscard]] bool is_news() const noexcept { return !is_told_.exchange(true); }

  [[nodiscard]] bool are_mapped() const noexcept { return !files_.empty(); }

 private:
  Checkpoint keep(Checkpoint checkpoint);

  const WeightMemory memory_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
  mutable std::atomic<bool> is_told_ = false;
};

}  // namespace bgem3
