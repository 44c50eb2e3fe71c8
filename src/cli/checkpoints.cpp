#include "cli/checkpoints.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "cli/verify_resume.h"

namespace bgem3::cli {

Checkpoints::Checkpoints(OutputFile& file, EmbeddingWriter& writer, ResumeFile notes, ResumeState state)
    : file_(file), writer_(writer), notes_(std::move(notes)), state_(std::move(state)) {
  notes_.expect_ours();
}

bool Checkpoints::compare_output() {
  auto found = notes_.read();
  if (!found && file_.size() == 0) return false;
  if (!found) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} has no {} beside it, so it is not known what it was made of; run without --resume, "
                            "which starts again",
                            file_.name(), detail::in_quotes(notes_.path())));
  }
  expect_same_parameters(file_.name(), found->parameters, state_.parameters);
  const ResumeMark& last = found->marks.back();
  expect_size(file_, writer_.header_bytes(), last);
  if (last.rows > 0) writer_.expect_header();
  output_ = verify_output(file_, writer_.header_bytes(), found->marks);
  state_ = std::move(*found);
  return true;
}

// The note that nothing is done comes first: at no time do old notes stand beside a new output.
void Checkpoints::begin() {
  state_.marks = {{.input = input_.value(), .output = Checksum().value()}};
  notes_.replace(state_);
  writer_.begin();
  set_saved();
}

void Checkpoints::go_on(TextReader& reader) {
  input_ = verify_input(reader, file_.name(), state_.marks);
  const ResumeMark& last = state_.marks.back();
  if (last.rows > 0) {
    writer_.go_on({.rows = last.rows, .bytes = last.bytes, .checksum = output_});
  } else {
    writer_.begin();
  }
  set_saved();
}

void Checkpoints::set_saved() {
  is_saved_ = true;
  rows_saved_ = state_.marks.back().rows;
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
  set_saved();
  due_ = std::max(due_, Clock::now() + 50 * spent);
}

}  // namespace bgem3::cli
