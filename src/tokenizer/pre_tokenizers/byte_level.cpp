#include "tokenizer/pre_tokenizers/byte_level.h"

#include <algorithm>
#include <array>

#include "tokenizer/component_json.h"

namespace bgem3 {
namespace {

using detail::CodeRange;

#include "tokenizer/pre_tokenizers/byte_level_characters.inc"

// As tokenizer.json has them.
// clang-format off
constexpr std::string_view cl100k_regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen_regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// clang-format on

constexpr std::string_view contractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};

// Bytes of the contraction with which a text begins that begins with an apostrophe, or 0.
std::size_t contraction(std::string_view text) noexcept {
  for (const auto known : contractions) {
    if (text.starts_with(known)) return known.size();
  }
  return 0;
}

char lowered(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The same, in capital letters, too. A long s is another form of "s".
std::size_t contraction_of_any_case(std::string_view text) noexcept {
  constexpr std::string_view long_s = "'\u017f";
  if (text.starts_with(long_s)) return long_s.size();
  for (const auto known : contractions) {
    if (std::ranges::equal(text.substr(0, known.size()), known, {}, lowered)) return known.size();
  }
  return 0;
}

bool ends_line(char c) noexcept { return c == '\r' || c == '\n'; }

}  // namespace

ByteLevel::Kind ByteLevel::find_kind(std::uint32_t code) {
  if (utf8::is_white_space(code)) return Kind::space;
  if (detail::find_range(letters, code) != nullptr) return Kind::letter;
  return detail::find_range(numbers, code) != nullptr ? Kind::number : Kind::other;
}

std::size_t ByteLevel::end_of_kind(std::string_view text, std::size_t at, Kind kind) const noexcept {
  while (at < text.size()) {
    const auto next = characters_.at(text, at);
    if (next.kind != kind) break;
    at += next.size;
  }
  return at;
}

// Of a run before other characters, the last white space is left to these.
std::size_t ByteLevel::white_space(std::string_view text, bool after_space) const noexcept {
  const std::size_t end = end_of_kind(text, 0, Kind::space);
  if (end == text.size()) return end;
  std::size_t last = end - 1;
  while (utf8::is_tail(text[last])) --last;
  return last == 0 && !after_space ? end : last;
}

// Bytes of the next word, of which `after_space` says that a space has been put before the text.
std::size_t ByteLevel::match_gpt_2(std::string_view text, bool after_space) const noexcept {
  if (text.front() == '\'' && !after_space) {
    if (const std::size_t size = contraction(text); size > 0) return size;
  }
  const bool takes_space = text.front() == ' ' && !after_space && text.size() > 1;
  const std::size_t begin = takes_space ? 1 : 0;
  const Kind kind = characters_.at(text, begin).kind;
  return kind == Kind::space ? white_space(text, after_space) : end_of_kind(text, begin, kind);
}

std::size_t ByteLevel::digits(std::string_view text) const noexcept {
  std::size_t end = 0;
  for (std::size_t count = 0; count < options_.digits_max && end < text.size(); ++count) {
    const auto next = characters_.at(text, end);
    if (next.kind != Kind::number) break;
    end += next.size;
  }
  return end;
}

// White space with which a text begins, up to the last end of a line in it; 0 where there is none.
std::size_t ByteLevel::lines(std::string_view text) const noexcept {
  std::size_t end = end_of_kind(text, 0, Kind::space);
  while (end > 0 && !ends_line(text[end - 1])) --end;
  return end;
}

std::size_t ByteLevel::match_cl100k(std::string_view text) const noexcept {
  if (text.front() == '\'') {
    if (const std::size_t size = contraction_of_any_case(text); size > 0) return size;
  }
  const auto first = characters_.at(text, 0);
  if (first.kind == Kind::number) return digits(text);
  if (first.kind == Kind::letter) return end_of_kind(text, 0, Kind::letter);
  if (!ends_line(text.front())) {
    const std::size_t end = end_of_kind(text, first.size, Kind::letter);
    if (end > first.size) return end;
  }
  const std::size_t begin = text.front() == ' ' ? 1 : 0;
  std::size_t end = end_of_kind(text, begin, Kind::other);
  if (end > begin) {
    while (end < text.size() && ends_line(text[end])) ++end;
    return end;
  }
  const std::size_t ended = lines(text);
  return ended > 0 ? ended : white_space(text, /*after_space=*/false);
}

std::size_t ByteLevel::match(std::string_view text, bool after_space) const noexcept {
  switch (options_.pattern) {
    case Pattern::gpt_2: return match_gpt_2(text, after_space);
    case Pattern::cl100k: return match_cl100k(text);
    default: return text.size();
  }
}

bool ByteLevel::next(WordCursor& cursor) const {
  const std::string_view text = cursor.rest;
  if (text.empty()) return false;
  // The space that is put before a text may be a word of its own, after which all of the text is still there.
  const bool is_first = text.size() == cursor.normal.size() && cursor.mark_bytes == 0;
  const bool is_marked = is_first && options_.add_prefix_space && text.front() != ' ';
  cursor.take(match(text, is_marked));
  if (is_marked) cursor.mark(" ", cursor.begin);
  return true;
}

namespace {

// Of trim_offsets the post-processor has one of its own, which counts.
ByteLevel::Options read_step(const nlohmann::json& step) {
  const detail::JsonObject component("tokenizer.json: ByteLevel", step);
  ByteLevel::Options options;
  options.add_prefix_space = detail::required<bool>(component, "add_prefix_space");
  const bool use_regex = component.get<bool>("use_regex").value_or(true);
  options.pattern = use_regex ? ByteLevel::Pattern::gpt_2 : ByteLevel::Pattern::none;
  component.refuse_others(std::array{"type", "trim_offsets"});
  return options;
}

bool is_isolating_split(const nlohmann::json& step) {
  return detail::type_of(step) == "Split" && detail::member(step, "behavior") == "Isolated" &&
         detail::member(step, "invert") == false;
}

}  // namespace

std::optional<ByteLevel::Options> read_byte_level(const std::vector<nlohmann::json>& steps) {
  if (steps.empty() || steps.size() > 2 || detail::type_of(steps.back()) != "ByteLevel") return std::nullopt;
  ByteLevel::Options options = read_step(steps.back());
  if (steps.size() == 1) return options;
  const auto& regex = detail::member(detail::member(steps[0], "pattern"), "Regex");
  const bool is_known = regex == cl100k_regex || regex == qwen_regex;
  const bool is_alone = options.pattern == ByteLevel::Pattern::none && !options.add_prefix_space;
  if (!is_isolating_split(steps[0]) || !is_known || !is_alone) return std::nullopt;
  options.pattern = ByteLevel::Pattern::cl100k;
  options.digits_max = regex == cl100k_regex ? 3 : 1;
  return options;
}

}  // namespace bgem3
