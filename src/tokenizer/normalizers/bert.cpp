#include "tokenizer/normalizers/bert.h"

#include <algorithm>

#include "text/utf8.h"
#include "tokenizer/component_json.h"
#include "tokenizer/normalizers/bert_characters.h"

namespace bgem3 {
namespace {

using detail::find_range;

constexpr unsigned char not_simple = 0xff;
constexpr std::uint32_t table_size = 0x20000;  // two planes: letters, most of Chinese, emoji

// An entry of the table: what stays, what is not told by one character alone, or a place in the replacements above
// their size, which is below 16.
constexpr std::uint32_t stays = UINT32_MAX;
constexpr std::uint32_t padded = UINT32_MAX - 1;  // stays between two spaces
constexpr std::uint32_t moves = UINT32_MAX - 2;   // may change places with its neighbours
constexpr std::uint32_t syllable = UINT32_MAX - 3;
constexpr unsigned size_bits = 4;

constexpr std::uint32_t syllables_begin = 0xac00;
constexpr std::uint32_t syllables_end = 0xd7a4;

constexpr bool is_syllable(std::uint32_t code) noexcept { return code >= syllables_begin && code < syllables_end; }

// Calls put(code) for each part of a Hangul syllable (Unicode, section 3.12).
template <typename Put>
void decompose_syllable(std::uint32_t code, const Put& put) {
  constexpr std::uint32_t vowels = 21, tails = 28;
  const std::uint32_t number = code - syllables_begin;
  put(0x1100 + number / (vowels * tails));
  put(0x1161 + number / tails % vowels);
  if (number % tails != 0) put(0x11a7 + number % tails);
}

bool is_mark(std::uint32_t code) noexcept { return find_range(detail::marks, code) != nullptr; }

// Calls put(code) for each part that is left when marks are stripped.
template <typename Put>
void strip(std::uint32_t code, const Put& put) {
  if (is_syllable(code)) return decompose_syllable(code, put);
  const auto* found = find_range(detail::decompositions, code);
  if (found == nullptr || found->first != code) return is_mark(code) ? void() : put(code);
  for (const std::uint32_t part : found->parts) {
    if (part != 0) put(part);
  }
}

std::uint8_t rank_of(std::uint32_t code) noexcept {
  const auto* found = find_range(detail::nonstarters, code);
  return found == nullptr ? 0 : found->rank;
}

// Calls put(code) for the small letter.
template <typename Put>
void lower(std::uint32_t code, const Put& put) {
  constexpr std::uint32_t dotted_i = 0x130, dot = 0x307;
  if (code == dotted_i) {  // the only one with two
    put('i');
    return put(dot);
  }
  const auto* found = find_range(detail::upper, code);
  const bool is_upper = found != nullptr && (code - found->first) % found->step == 0;
  put(is_upper ? code + static_cast<std::uint32_t>(found->distance) : code);
}

void append_code(std::uint32_t code, std::string& text) {
  std::array<char, 4> bytes{};
  text.append(bytes.data(), utf8::encode(code, bytes.data()));
}

struct Character {
  std::uint32_t code;
  std::size_t size;
};

Character character_at(std::string_view text, std::size_t at) noexcept {
  const std::size_t size = utf8::length(static_cast<unsigned char>(text[at]));
  return {utf8::decode(text.data() + at, size), size};
}

}  // namespace

// Characters that belong together, because canonical order may move marks among them: a character and the marks after
// it. tokenizers places what stands in another order by its place, not by where it came from.
class BertNormalizer::Run {
 public:
  explicit Run(const BertNormalizer& normalizer) noexcept : normalizer_(normalizer) {}

  // Takes the character at byte `at`. False, and nothing is taken, when another run begins with it.
  bool take(std::uint32_t code, std::size_t at) {
    if (normalizer_.cleans_) {
      if (find_range(detail::cleaned, code) != nullptr) return true;
      if (find_range(detail::cleaned_spaces, code) != nullptr) code = ' ';
    }
    const bool is_padded = normalizer_.pads_ && find_range(detail::padded, code) != nullptr;
    if (!parts_.empty() && (is_padded || !normalizer_.strips_ || rank_of(code) == 0)) return false;
    if (is_padded) add(' ', at);
    add(code, at);
    if (is_padded) add(' ', at);
    return true;
  }

  void write(std::string& normal, Alignment* alignment) {
    sort();
    std::size_t source = 0;
    for (const auto& part : parts_) {
      const std::size_t place = sources_[part.is_first ? source++ : source - 1];
      if (part.is_mark) continue;
      const auto put = [&](std::uint32_t code) {
        const std::size_t before = normal.size();
        append_code(code, normal);
        if (alignment != nullptr) alignment->insert(alignment->end(), normal.size() - before, place);
      };
      normalizer_.lowers_ ? lower(part.code, put) : put(part.code);
    }
  }

 private:
  struct Part {
    std::uint32_t code;
    std::uint8_t rank = 0;
    bool is_first = true;  // of its character
    bool is_mark = false;  // and stripped
  };

  void add(std::uint32_t code, std::size_t at) {
    sources_.push_back(at);
    if (!normalizer_.strips_) return parts_.push_back({.code = code});
    if (is_mark(code)) return parts_.push_back({.code = code, .rank = rank_of(code), .is_mark = true});
    bool is_first = true;
    strip(code, [&](std::uint32_t part) {
      parts_.push_back({.code = part, .rank = rank_of(part), .is_first = is_first});
      is_first = false;
    });
  }

  // Marks between two characters of rank 0, by rank.
  void sort() {
    for (auto begin = parts_.begin(); begin != parts_.end();) {
      if (begin->rank == 0) {
        ++begin;
        continue;
      }
      const auto end = std::find_if(begin, parts_.end(), [](const Part& part) { return part.rank == 0; });
      std::stable_sort(begin, end, [](const Part& a, const Part& b) { return a.rank < b.rank; });
      begin = end;
    }
  }

  const BertNormalizer& normalizer_;
  std::vector<std::size_t> sources_;  // of the characters
  std::vector<Part> parts_;
};

BertNormalizer::BertNormalizer(const Options& options)
    : cleans_(options.clean_text),
      pads_(options.pad_chinese),
      strips_(options.strip_accents.value_or(options.lowercase)),
      lowers_(options.lowercase),
      changes_(table_size, stays) {
  fill_table();
  for (std::uint32_t code = 0; code < ascii_.size(); ++code) {
    const std::string changed = change(code);
    ascii_[code] = changed.size() == 1 ? static_cast<unsigned char>(changed[0]) : not_simple;
  }
}

// What a character becomes that does not move.
std::string BertNormalizer::change(std::uint32_t code) const {
  std::string changed;
  Run run(*this);
  run.take(code, 0);
  run.write(changed, nullptr);
  return changed;
}

// Whether a mark that stays is in it.
bool BertNormalizer::may_move(std::uint32_t code) const noexcept {
  bool found = false;
  if (strips_) strip(code, [&](std::uint32_t part) { found |= rank_of(part) != 0; });
  return found;
}

// Only characters of which one of the tables knows something can change.
void BertNormalizer::fill_table() {
  const auto note = [this](std::uint32_t code) {
    if (code >= table_size || changes_[code] != stays) return;
    if (may_move(code)) {
      changes_[code] = moves;
      return;
    }
    const std::string changed = change(code);
    std::string before;
    append_code(code, before);
    if (changed == before) return;
    if (changed == " " + before + " ") {
      changes_[code] = padded;
      return;
    }
    changes_[code] = static_cast<std::uint32_t>(replacements_.size() << size_bits | changed.size());
    replacements_ += changed;
  };
  const auto note_all = [&](const auto& ranges) {
    for (const auto& range : ranges) {
      for (std::uint32_t code = range.first; code <= std::min(range.last, table_size - 1); ++code) note(code);
    }
  };
  if (strips_) std::fill_n(changes_.begin() + syllables_begin, syllables_end - syllables_begin, syllable);
  note_all(detail::cleaned);
  note_all(detail::cleaned_spaces);
  note_all(detail::padded);
  note_all(detail::marks);
  note_all(detail::nonstarters);
  note_all(detail::upper);
  for (const auto& entry : detail::decompositions) note(entry.first);
}

// What `text` has of ASCII from `at` on; returns where that ends.
std::size_t BertNormalizer::append_ascii(std::string_view text, std::size_t at, std::string& normal) const {
  const auto becomes = [this](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < ascii_.size() ? ascii_[byte] : not_simple;
  };
  std::size_t end = at;
  while (end < text.size() && becomes(text[end]) != not_simple) ++end;
  const std::size_t before = normal.size();
  normal.append(text, at, end - at);
  std::transform(normal.begin() + static_cast<std::ptrdiff_t>(before), normal.end(),
                 normal.begin() + static_cast<std::ptrdiff_t>(before),
                 [&](char c) { return static_cast<char>(becomes(c)); });
  return end;
}

// The characters from `at` on that belong together; returns where they end.
std::size_t BertNormalizer::append_run(const TextPart& part, std::size_t at, std::string& normal,
                                       Alignment* alignment) const {
  Run run(*this);
  while (at < part.text.size()) {
    const auto [code, size] = character_at(part.text, at);
    if (!run.take(code, part.begin + at)) break;
    at += size;
  }
  run.write(normal, alignment);
  return at;
}

std::size_t BertNormalizer::append_character(const TextPart& part, std::size_t at, std::string& normal) const {
  const auto [code, size] = character_at(part.text, at);
  const std::uint32_t entry = code < table_size ? changes_[code] : moves;
  switch (entry) {
    case stays: normal.append(part.text, at, size); break;
    case padded: ((normal += ' ') += part.text.substr(at, size)) += ' '; break;
    case syllable: decompose_syllable(code, [&](std::uint32_t letter) { append_code(letter, normal); }); break;
    case moves: return append_run(part, at, normal, nullptr);
    default: normal.append(replacements_, entry >> size_bits, entry & ((1U << size_bits) - 1));
  }
  return at + size;
}

void BertNormalizer::normalize(const TextPart& part, std::string& normal, Alignment* alignment) const {
  for (std::size_t at = 0; at < part.text.size();) {
    if (alignment != nullptr) {
      at = append_run(part, at, normal, alignment);
    } else {
      at = append_ascii(part.text, at, normal);
      if (at < part.text.size()) at = append_character(part, at, normal);
    }
  }
}

BertNormalizer::Options read_bert_normalizer(const detail::JsonObject& component) {
  const auto required = [&](const char* key) { return detail::required<bool>(component, key); };
  const BertNormalizer::Options options{.clean_text = required("clean_text"),
                                        .pad_chinese = required("handle_chinese_chars"),
                                        .strip_accents = component.get_or_null<bool>("strip_accents"),
                                        .lowercase = required("lowercase")};
  component.refuse_others(std::array{"type"});
  return options;
}

}  // namespace bgem3
