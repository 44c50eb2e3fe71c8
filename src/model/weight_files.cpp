#include "model/weight_files.h"

#include <utility>

#include "bgem3/error.h"
#include "file/mapped_file.h"

namespace bgem3 {

Checkpoint WeightFiles::open(const std::filesystem::path& file) { return keep(Checkpoint::open(file, memory_)); }

Checkpoint WeightFiles::open_directory(const std::filesystem::path& directory) {
  return keep(Checkpoint::open_directory(directory, memory_));
}

Checkpoint WeightFiles::keep(Checkpoint checkpoint) {
  files_.insert(files_.end(), checkpoint.mappings().begin(), checkpoint.mappings().end());
  return checkpoint;
}

void WeightFiles::release_pages() const noexcept {
  for (const auto& file : files_) file->release_pages();
}

// Each tensor in a mapping owns a share of it.
void WeightFiles::forget_unused() {
  std::erase_if(files_, [](const auto& file) { return file.use_count() == 1; });
}

std::optional<std::string> WeightFiles::find_change() const {
  for (const auto& file : files_) {
    if (auto change = file->find_change()) return change;
  }
  return std::nullopt;
}

void WeightFiles::expect_unchanged() const {
  if (const auto change = find_change()) throw Error(ErrorCode::model_changed, *change);
}

}  // namespace bgem3
