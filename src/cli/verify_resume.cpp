#include "cli/verify_resume.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/error.h"
#include "cli/interrupt.h"

namespace bgem3::cli {
namespace {

constexpr const char* advice = "run without --resume, which starts again";

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::invalid_argument, fmt::format("{}; {}", what, advice));
}

// Ctrl-C, which ends the input, does not make it another one.
void expect_no_signal() {
  if (Interrupt::signal() != 0) throw Error(ErrorCode::cancelled, "stopped while the output was compared");
}

// From behind `begin` to `end`, counted from 1.
std::string range(const char* what, std::uint64_t begin, std::uint64_t end) {
  return end - begin == 1 ? fmt::format("{} {}", what, end) : fmt::format("{}s {} to {}", what, begin + 1, end);
}

std::string value_of(const ResumeState::Parameters& parameters, const std::string& name) {
  const auto at = parameters.find(name);
  return at == parameters.end() ? "none" : at->second;
}

}  // namespace

void expect_same_parameters(const std::string& output, const ResumeState::Parameters& begun,
                            const ResumeState::Parameters& given) {
  std::set<std::string> names;
  for (const auto* parameters : {&begun, &given}) {
    for (const auto& [name, value] : *parameters) names.insert(name);
  }
  std::vector<std::string> faults;
  for (const std::string& name : names) {
    const std::string was = value_of(begun, name), is = value_of(given, name);
    if (was != is) faults.push_back(fmt::format("{} was {}, is {}", name, was, is));
  }
  if (faults.empty()) return;
  refuse(fmt::format("{} was begun with other options or another model: {}; give the same, or", output,
                     fmt::join(faults, "; ")));
}

void expect_size(const OutputFile& file, std::uint64_t header_bytes, const ResumeMark& last) {
  const std::uint64_t expected = last.bytes == 0 ? 0 : header_bytes + last.bytes;
  if (file.size() >= expected) return;
  refuse(fmt::format("{} has {} bytes, {} were written to it", file.name(), file.size(), expected));
}

Checksum verify_output(const OutputFile& file, std::uint64_t header_bytes, const std::vector<ResumeMark>& marks) {
  constexpr std::uint64_t part_bytes = 1 << 20;
  Checksum checksum;
  ResumeMark done;
  for (const ResumeMark& mark : marks) {
    for (std::uint64_t at = done.bytes; at < mark.bytes; at += part_bytes) {
      expect_no_signal();
      checksum.add(file.read(header_bytes + at, std::min(part_bytes, mark.bytes - at)));
    }
    if (checksum.value() != mark.output) {
      refuse(fmt::format("{}, {} of {}: not as they were written", file.name(), range("record", done.rows, mark.rows),
                         marks.back().rows));
    }
    done = mark;
  }
  return checksum;
}

Checksum verify_input(TextReader& reader, const std::string& output, const std::vector<ResumeMark>& marks) {
  constexpr std::size_t texts_max = ResumeState::chunk_texts_max, bytes_max = 4 * 1024 * 1024;
  Checksum checksum;
  std::uint64_t texts = 0, begin = 0;
  for (const ResumeMark& mark : marks) {
    while (texts < mark.texts) {
      const TextChunk chunk = reader.read(std::min<std::size_t>(texts_max, mark.texts - texts), bytes_max);
      expect_no_signal();
      if (chunk.ids.empty()) {
        refuse(fmt::format("{} has {} texts, {} was made of {}; they do not belong together", reader.name(), texts,
                           output, marks.back().texts));
      }
      add_texts(chunk, checksum);
      texts += chunk.ids.size();
    }
    if (checksum.value() != mark.input) {
      refuse(fmt::format("{}, {}: not what {} was made of; give the same input, or", reader.name(),
                         range("text", begin, mark.texts), output));
    }
    begin = mark.texts;
  }
  return checksum;
}

void add_texts(const TextChunk& chunk, Checksum& checksum) {
  auto null = chunk.null.begin();
  auto text = chunk.texts.begin();
  for (std::size_t i = 0; i < chunk.ids.size(); ++i) {
    const bool is_null = null != chunk.null.end() && *null == i;
    checksum.add_sized(chunk.ids[i]);
    checksum.add(is_null ? "0" : "1");
    if (is_null) {
      ++null;
    } else {
      checksum.add_sized(*text++);
    }
  }
}

}  // namespace bgem3::cli
