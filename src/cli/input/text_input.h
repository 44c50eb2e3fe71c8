#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/input/byte_source.h"
#include "cli/input/kind.h"
#include "cli/input/line_reader.h"
#include "cli/input/record_reader.h"

namespace bgem3::cli {

/// The form of an input: "lines", "jsonl", "csv" or "tsv"; empty where neither --input-format nor the name says so.
std::string format_of(const InputOptions& options);

/// What a file holds, decompressed and decoded to UTF-8 by what its first bytes say, as records.
class TextInput {
 public:
  /// Waits for the first bytes, no longer than it takes to know them.
  /// @param file  stays where it is
  /// @param name  for messages
  /// @throws Error io_error when the file cannot be read; invalid_argument when it is of a kind that is not read, or an
  ///         option does not fit
  TextInput(ByteSource& file, std::string name, const InputOptions& options);

  /// See RecordReader.
  bool next(Record& record) { return records_->next(record); }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// How many bytes of the file the records so far took; of a compressed one, about.
  /// @param bytes_read   of the file so far
  /// @param bytes_total  of the whole file
  [[nodiscard]] std::uint64_t bytes_used(std::uint64_t bytes_read, std::uint64_t bytes_total) const noexcept;
  /// See RecordReader.
  [[nodiscard]] const char* unit() const noexcept { return records_->unit(); }

 private:
  ByteSource& open_text(HeadSource& head);
  ByteSource& decompress(InputKind kind);
  ByteSource& decode(HeadSource& head);
  HeadSource& look_at(ByteSource& source);
  template <typename Source>
  Source& keep(std::unique_ptr<Source> source);

  std::string name_;
  std::vector<std::unique_ptr<ByteSource>> stages_;  // each reads the one before it
  std::unique_ptr<LineReader> lines_;                // of text
  std::unique_ptr<RecordReader> records_;
};

}  // namespace bgem3::cli
