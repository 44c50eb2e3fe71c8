#pragma once

#include <optional>
#include <string>

#include "cli/resume_state.h"

namespace bgem3::cli {

/// The file beside an output that --resume goes by.
class ResumeFile {
 public:
  /// @param output  resolved, so that all names of an output have one such file
  explicit ResumeFile(const std::string& output) : name_(output + ".resume"), draft_(name_ + ".new") {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// What the next state is written to before it takes the place of the last one.
  [[nodiscard]] const std::string& draft() const noexcept { return draft_; }

  /// Nothing where there is no file.
  /// @throws Error invalid_argument for a file that is damaged, of another version or none of this command; io_error
  [[nodiscard]] std::optional<ResumeState> read() const;

  /// To be called before replace().
  /// @throws Error invalid_argument when the file, or the draft, is none of this command; io_error
  void expect_ours() const;

  /// Puts `state` in place of the last one. When it returns, the state is on the disk; when it does not, the last one
  /// is still there.
  /// @throws Error io_error
  void replace(const ResumeState& state) const;

 private:
  std::string name_;
  std::string draft_;
};

}  // namespace bgem3::cli
