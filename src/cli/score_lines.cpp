#include "cli/score_lines.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "cli/terminal.h"

namespace bgem3::cli {
namespace {

constexpr std::size_t score_columns = 9;

}  // namespace

ScoreLines::ScoreLines() : columns_(terminal_width(STDOUT_FILENO)) {}

void ScoreLines::print_head(const RerankArguments& arguments, const ModelInfo& info, const std::string& what) {
  fmt::print("{} by {} ({}, {} layers) of {}\n\n", arguments.raw_scores ? "logits" : "scores",
             detail::printable(info.directory.string()), info.config.architecture, info.config.layers, what);
}

void ScoreLines::make_room(const std::string& id) {
  constexpr std::size_t id_columns_max = 24;
  id_columns_ = std::min(std::max(id_columns_, display_width(id)), id_columns_max);
}

std::size_t ScoreLines::text_columns() const {
  constexpr std::size_t least = 12;
  const std::size_t taken = score_columns + id_columns_ + 4;
  return columns_ > taken + least ? columns_ - taken : least;
}

void ScoreLines::print(float score, const std::string& id, const std::string& text) const {
  fmt::print("{:>{}.4f}  {}  {}\n", score, score_columns, fit(id, id_columns_),
             fit(text, std::min(display_width(text), text_columns())));
}

}  // namespace bgem3::cli
