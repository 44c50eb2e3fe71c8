#include "cli/input/columns.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "cli/input/refuse.h"

namespace bgem3::cli {
namespace {

using detail::in_quotes;

std::optional<std::size_t> parse_number(const std::string& text, std::size_t last) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 1 || number > last) return std::nullopt;
  return number - 1;
}

}  // namespace

Columns::Columns(std::string input, std::vector<std::string> names, std::size_t count)
    : input_(std::move(input)), names_(std::move(names)), count_(count) {}

std::string Columns::list() const {
  if (count_ == 0) return "none";
  if (names_.empty()) return fmt::format("{}, numbered from 1", count_);
  detail::ShortList names;
  for (const std::string& name : names_) names.add(in_quotes(name));
  return names.text();
}

std::optional<std::size_t> Columns::find(const std::string& name, const char* advice) const {
  const auto found = std::ranges::find(names_, name);
  if (found == names_.end()) return std::nullopt;
  if (std::find(found + 1, names_.end(), name) != names_.end()) {
    refuse_input(input_, fmt::format("the column {} is there twice; {}", in_quotes(name), advice));
  }
  return static_cast<std::size_t>(found - names_.begin());
}

std::optional<std::size_t> Columns::find_id() const { return find("id", "give one of them another name"); }

std::size_t Columns::choose(const std::string& chosen) const {
  constexpr const char* by_number = "give the number of one to --column, from 1";
  if (chosen.empty()) {
    if (count_ == 1) return 0;
    if (const auto found = find("text", by_number)) return *found;
    refuse_input(input_, fmt::format("which column has the texts? Name it with --column; there are {}", list()));
  }
  if (const auto found = find(chosen, by_number)) return *found;
  if (const auto found = parse_number(chosen, count_)) return *found;
  refuse_input(input_, fmt::format("there is no column {}; there are {}", in_quotes(chosen), list()));
}

}  // namespace bgem3::cli
