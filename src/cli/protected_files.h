#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bgem3::cli {

/// Files that no output may be: the input, and those of the model. They are told by device and inode, so neither
/// another name nor a link hides one; and no output may be made in the directory of a model, whose loader might read
/// it.
class ProtectedFiles {
 public:
  /// Files of a model directory that are compared with an output, at most.
  static constexpr std::size_t files_max = 20'000;

  /// "-" is standard input.
  void add_input(const std::string& path);
  /// The directory of a model, with all that is in it or below; or a file that is one, as a tokenizer's.
  void add_model(const std::filesystem::path& model);

  /// To be called before the file is opened for writing. `what` begins the message: "--output".
  /// @throws Error invalid_argument for a path that leads to one of the files, or to a place for one; also when a
  ///         directory has too many files to tell
  void refuse(const std::filesystem::path& path, const std::string& what) const;
  /// The same of standard output.
  void refuse_standard_output() const;

 private:
  void refuse_known(const std::filesystem::path& file, const std::string& subject) const;

  std::vector<std::filesystem::path> inputs_;
  std::vector<std::filesystem::path> models_;  // without links
};

}  // namespace bgem3::cli
