#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "cli/resume_state.h"

namespace bgem3::cli {

/// The file beside an output that --resume goes by.
class ResumeFile {
 public:
  /// @param output  resolved, so that all names of an output have one such file
  explicit ResumeFile(const std::filesystem::path& output)
      : path_(output.string() + ".resume"), draft_(path_.string() + ".new") {}

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// What the next state is written to before it takes the place of the last one.
  [[nodiscard]] const std::filesystem::path& draft() const noexcept { return draft_; }

  /// Why no such file can ever be made here, or be replaced, by the system's words: the directory may not be written
  /// to, the name is too long. Empty when it can.
  [[nodiscard]] std::string obstacle() const;
  [[nodiscard]] bool exists() const noexcept;

  /// Nothing where there is no file.
  /// @throws Error invalid_argument for a file that is damaged, of another version or none of this command; io_error
  [[nodiscard]] std::optional<ResumeState> read() const;

  /// To be called before replace().
  /// @throws Error invalid_argument when the file, or the draft, is none of this command; io_error
  void expect_ours() const;

  /// Puts `state` in place of the last one. When it returns, the state is on the disk; when it does not, the last one
  /// is still there, or this one is, but perhaps not yet on the disk.
  /// @throws Error io_error
  void replace(const ResumeState& state) const;

 private:
  std::filesystem::path path_;
  std::filesystem::path draft_;
};

}  // namespace bgem3::cli
