#include "cli/checkpoints.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "cli/verify_resume.h"

namespace bgem3::cli {

Checkpoints::Checkpoints(OutputFile& file, EmbeddingWriter& writer, ResumeFile notes, ResumeState state)
    : file_(file), writer_(writer), notes_(std::move(notes)), state_(std::move(state)) {}

// The note that nothing is done comes first: at no time do old notes stand beside a new output.
void Checkpoints::begin() {
  notes_.expect_ours();
  state_.marks.push_back({.input = input_.value(), .output = Checksum().value()});
  notes_.replace(state_);
  writer_.begin();
  is_saved_ = true;
  due_ = Clock::now() + interval;
}

void Checkpoints::resume(TextReader& reader) {
  notes_.expect_ours();
  auto found = notes_.read();
  if (!found && file_.size() == 0) return begin();
  if (!found) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("'{}' has no '{}' beside it, so it is not known what it was made of; run without --resume, "
                            "which starts again",
                            file_.name(), notes_.name()));
  }
  expect_same_parameters(file_.name(), found->parameters, state_.parameters);
  const ResumeMark last = found->marks.back();
  expect_size(file_, writer_.header_bytes(), last);
  if (last.rows > 0) writer_.expect_header();
  const Checksum output = verify_output(file_, writer_.header_bytes(), found->marks);
  input_ = verify_input(reader, file_.name(), found->marks);
  state_ = std::move(*found);
  if (last.rows > 0) {
    writer_.go_on({.rows = last.rows, .bytes = last.bytes, .checksum = output});
  } else {
    writer_.begin();
  }
  rows_saved_ = last.rows;
  is_saved_ = true;
  due_ = Clock::now() + interval;
}

void Checkpoints::add(const TextChunk& chunk, std::uint64_t next_chunk_texts) {
  add_texts(chunk, input_);
  const EmbeddingWriter::Position& position = writer_.position();
  state_.add({.texts = state_.marks.back().texts + chunk.ids.size(),
              .rows = position.rows,
              .bytes = position.bytes,
              .input = input_.value(),
              .output = position.checksum.value()});
  state_.chunk_texts = next_chunk_texts;
  is_saved_ = false;
  if (Clock::now() >= due_) save();
}

// A disk that is slow is waited for at most a fiftieth of the time.
void Checkpoints::save() {
  if (is_saved_) return;
  const auto started = Clock::now();
  file_.sync();
  notes_.replace(state_);
  const auto spent = Clock::now() - started;
  is_saved_ = true;
  rows_saved_ = state_.marks.back().rows;
  due_ = Clock::now() + std::max<Clock::duration>(interval, 50 * spent);
}

}  // namespace bgem3::cli
