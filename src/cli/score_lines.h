#pragma once

#include <cstddef>
#include <string>

#include "bgem3/bgem3.h"
#include "cli/arguments.h"

namespace bgem3::cli {

/// Scores for a terminal: a line each, with an id and a text.
class ScoreLines {
 public:
  ScoreLines();

  /// Says what the scores are, and by which model.
  /// @param what  they are of
  static void print_head(const RerankArguments& arguments, const ModelInfo& info, const std::string& what);

  /// Makes the column of ids wide enough for these, within reason.
  void make_room(const std::string& id);

  /// Columns that are left for a text.
  [[nodiscard]] std::size_t text_columns() const;

  void print(float score, const std::string& id, const std::string& text) const;

 private:
  const std::size_t columns_;  // of the terminal
  std::size_t id_columns_ = 0;
};

}  // namespace bgem3::cli
