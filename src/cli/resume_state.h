#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bgem3::cli {

/// How far a run had come at the end of a chunk.
struct ResumeMark {
  std::uint64_t texts = 0;   ///< of the input
  std::uint64_t rows = 0;    ///< of the output; as many as texts, or fewer
  std::uint64_t bytes = 0;   ///< of the output behind its header
  std::uint64_t input = 0;   ///< checksum of the texts
  std::uint64_t output = 0;  ///< checksum of the bytes

  bool operator==(const ResumeMark&) const = default;
};

/// What --resume has to know of the run that it goes on with; kept in a file beside the output.
struct ResumeState {
  using Parameters = std::map<std::string, std::string>;

  static constexpr std::size_t bytes_max = 256 * 1024;
  static constexpr std::size_t parameters_max = 64;
  static constexpr std::size_t marks_max = 128;
  static constexpr std::size_t chunk_texts_max = 16384;

  Parameters parameters;          ///< name and value of all that decides about the rows
  std::uint64_t chunk_texts = 1;  ///< how many texts the next chunk takes, at most
  std::vector<ResumeMark> marks;  ///< in order; rows behind the last one count as not there

  /// Adds a mark. When there are too many, the one between the nearest neighbours goes, so that those that are left are
  /// spread over the whole output.
  void add(const ResumeMark& mark);

 private:
  [[nodiscard]] std::uint64_t rows_around(std::size_t i) const { return marks[i + 1].rows - marks[i - 1].rows; }
};

/// One line of JSON and one with its checksum. Its size is at most ResumeState::bytes_max when the parameters take less
/// than half of that.
std::string to_text(const ResumeState& state);

/// The line with the checksum of `json`, the line before it.
std::string checksum_line(std::string_view json);

/// Whether `text` begins as to_text() does, in this version or another.
bool is_resume_state(std::string_view text);
/// Whether it does as far as it goes.
bool is_begun_resume_state(std::string_view text);

/// Reads what to_text() wrote, and nothing else: not a byte may differ.
/// @return what was found instead, to follow "is"; empty when all is well
std::string parse_resume_state(std::string_view text, ResumeState& state);

}  // namespace bgem3::cli
