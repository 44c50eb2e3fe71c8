#pragma once

#include <string>
#include <string_view>

namespace bgem3 {

/// JSON with users' texts, in which each escaped half of a surrogate pair that has no other half counts as U+FFFD:
/// "\ud83d" as "\ufffd". Programs write such halves where they cut a text in the middle of a character, and JSON allows
/// them, but no UTF-8 can hold one and nlohmann's parser refuses the document. Files of models are parsed without this:
/// Hugging Face refuses halves there, too.
class MendedJson {
 public:
  /// Copies `json` only if something has to be replaced; else `json` must outlive this.
  explicit MendedJson(std::string_view json);
  MendedJson(const MendedJson&) = delete;
  MendedJson& operator=(const MendedJson&) = delete;

  /// As long as what it was made of: each byte is at its place. What is no JSON is none here either.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }

 private:
  std::string copy_;
  std::string_view text_;
};

}  // namespace bgem3
