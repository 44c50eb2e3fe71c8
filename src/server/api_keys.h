#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/message.h"

namespace bgem3::server {

/// The keys of callers, of which only hashes are kept.
class ApiKeys {
 public:
  /// No keys: everybody is let in.
  ApiKeys() = default;

  /// From `file` (one a line, if it is named) and the environment variable BGEM3_API_KEYS (separated by commas).
  /// @throws Error io_error when the file cannot be read (see read_file_or_pipe; it may have a megabyte),
  ///         invalid_argument when the file or the variable is there, but has no keys, or one with control characters
  static ApiKeys load(const std::string& file);

  /// The keys of a file's text, be it none.
  /// @throws Error invalid_argument for one with control characters
  static ApiKeys parse(const std::string& text);

  /// Whether load() of the same file would look for keys.
  static bool are_given(const std::string& file);

  /// Whether one of them is in a header: "Authorization: Bearer KEY", "api-key: KEY" or "x-api-key: KEY". Takes as long
  /// for a wrong key as for a right one.
  [[nodiscard]] bool allow(const Request& head) const;

  [[nodiscard]] std::size_t size() const noexcept { return hashes_.size(); }

 private:
  using Hash = std::array<std::uint8_t, 32>;

  void add_all(const std::string& text, char separator);
  [[nodiscard]] bool has(std::string_view key) const;
  void add(std::string_view key);
  static Hash hash(std::string_view key);

  std::vector<Hash> hashes_;
};

}  // namespace bgem3::server
