#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace bgem3::cli {

/// The columns of a table, of which one has the texts.
class Columns {
 public:
  /// @param input  its name, for messages
  /// @param names  none where the table does not name them
  Columns(std::string input, std::vector<std::string> names, std::size_t count);

  /// The number, from 0, of the column of texts: that of name or number `chosen`, else the only one or "text".
  /// @throws Error invalid_argument when there is none such, or several
  [[nodiscard]] std::size_t choose(const std::string& chosen) const;

  /// The number, from 0, of the column "id".
  /// @throws Error invalid_argument when there are several
  [[nodiscard]] std::optional<std::size_t> find_id() const;

 private:
  [[nodiscard]] std::optional<std::size_t> find(const std::string& name, const char* advice) const;
  [[nodiscard]] std::string list() const;

  std::string input_;
  std::vector<std::string> names_;
  std::size_t count_;
};

}  // namespace bgem3::cli
