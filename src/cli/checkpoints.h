#pragma once

#include <chrono>
#include <cstdint>

#include "cli/output_file.h"
#include "cli/resume_file.h"
#include "cli/text_reader.h"
#include "cli/writers.h"

namespace bgem3::cli {

/// Notes in the file beside an output how far it has come, so that --resume knows what it goes on with. A row counts as
/// done when it is on the disk and the note of it, too.
class Checkpoints {
 public:
  /// `file` and `writer` outlive it. `state` has the parameters of the run, and how many texts its first chunk takes.
  /// @throws Error invalid_argument when there is something else in the place of the notes; io_error
  Checkpoints(OutputFile& file, EmbeddingWriter& writer, ResumeFile notes, ResumeState state);

  /// Makes sure that what is there was begun with the same parameters and is as it was written. False where there is
  /// nothing yet, and begin() is to be called.
  /// @throws Error invalid_argument, io_error; output and notes are as they were
  bool compare_output();

  /// Empties the output and begins with it.
  /// @throws Error io_error
  void begin();

  /// After compare_output(): makes sure that the texts that are done are the same, which it reads, then cuts off what
  /// came after the last note.
  /// @throws Error invalid_argument, io_error; output and notes are as they were
  void go_on(TextReader& reader);

  /// How many texts the next chunk takes. It depends on nothing but the chunks before it, so that an output that was
  /// resumed is what it would have been, on the CPU to the byte.
  [[nodiscard]] std::uint64_t chunk_texts() const noexcept { return state_.chunk_texts; }

  /// To be called when the rows of a chunk were written. Notes it, unless the last time is but a moment ago.
  /// @throws Error io_error
  void add(const TextChunk& chunk, std::uint64_t next_chunk_texts);

  /// Notes what was added.
  /// @throws Error io_error
  void save();

  /// Rows that --resume would keep.
  [[nodiscard]] std::uint64_t rows_saved() const noexcept { return rows_saved_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto interval = std::chrono::milliseconds(200);

  void set_saved();

  OutputFile& file_;
  EmbeddingWriter& writer_;
  ResumeFile notes_;
  ResumeState state_;
  Checksum input_;
  Checksum output_;  // of what was compared
  Clock::time_point due_;
  std::uint64_t rows_saved_ = 0;
  bool is_saved_ = false;
};

}  // namespace bgem3::cli
