#include "tokenizer/normalizers/charsmap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "bgem3/error.h"
#include "text/utf8.h"

namespace bgem3 {
namespace {

// The unit of darts-clone.
constexpr bool has_leaf(std::uint32_t unit) noexcept { return (unit >> 8 & 1) != 0; }
constexpr std::uint32_t value_of(std::uint32_t unit) noexcept { return unit & 0x7fffffffU; }
constexpr std::uint32_t label_of(std::uint32_t unit) noexcept { return unit & 0x800000ffU; }
constexpr std::uint32_t offset_of(std::uint32_t unit) noexcept { return unit >> 10 << ((unit & 0x200U) >> 6); }

// Unicode's longest is of 33 bytes. A text grows by it at each character.
constexpr std::size_t replacement_bytes_max = 128;

// They lie end to end, with a NUL after each.
std::size_t longest_replacement(std::string_view replacements) noexcept {
  std::size_t longest = 0;
  while (!replacements.empty()) {
    const std::size_t size = replacements.find('\0');
    longest = std::max(longest, size);
    replacements.remove_prefix(size + 1);
  }
  return longest;
}

}  // namespace

Charsmap::Charsmap(std::string_view precompiled) {
  if (precompiled.empty()) return;
  std::uint32_t trie_bytes = 0;
  const auto bad = [&](const char* what) {
    throw Error(ErrorCode::bad_model, fmt::format("precompiled_charsmap of {} bytes: {}", precompiled.size(), what));
  };
  if (precompiled.size() < sizeof trie_bytes) bad("too short for its header");
  std::memcpy(&trie_bytes, precompiled.data(), sizeof trie_bytes);
  precompiled.remove_prefix(sizeof trie_bytes);
  if (trie_bytes > precompiled.size() || trie_bytes % sizeof(std::uint32_t) != 0 || trie_bytes == 0) {
    bad("the size of its trie is wrong");
  }
  trie_.resize(trie_bytes / sizeof(std::uint32_t));
  std::memcpy(trie_.data(), precompiled.data(), trie_bytes);
  replacements_ = precompiled.substr(trie_bytes);
  if (replacements_.empty() || replacements_.back() != '\0') bad("its last replacement has no end");
  if (utf8::valid_prefix(replacements_) != replacements_.size()) bad("its replacements are not UTF-8");
  if (longest_replacement(replacements_) > replacement_bytes_max) bad("one of its replacements is too long");
}

std::optional<std::string_view> Charsmap::find_shortest(std::string_view text) const noexcept {
  if (trie_.empty()) return std::nullopt;
  std::size_t at = offset_of(trie_[0]);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    at ^= byte;
    if (byte == 0 || at >= trie_.size() || label_of(trie_[at]) != byte) return std::nullopt;
    const std::uint32_t unit = trie_[at];
    at ^= offset_of(unit);
    if (!has_leaf(unit)) continue;
    const std::size_t begin = at < trie_.size() ? value_of(trie_[at]) : replacements_.size();
    if (begin >= replacements_.size() || utf8::is_tail(replacements_[begin])) return std::nullopt;
    return std::string_view(replacements_.data() + begin);  // up to its NUL; the last byte is one
  }
  return std::nullopt;
}

}  // namespace bgem3
