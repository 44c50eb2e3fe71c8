// Any bytes as the file that `bgem3 encode --resume` goes by: as they are, and as its line of JSON with a checksum that
// fits.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/resume_state.h"

namespace {

using bgem3::cli::ResumeState;

// What is accepted is what would be written, and keeps to the limits that a run relies on.
void check(std::string_view text) {
  ResumeState state;
  if (!bgem3::cli::parse_resume_state(text, state).empty()) return;
  const bool is_bounded = text.size() <= ResumeState::bytes_max && !state.marks.empty() &&
                          state.marks.size() <= ResumeState::marks_max && state.chunk_texts >= 1 &&
                          state.chunk_texts <= ResumeState::chunk_texts_max;
  if (!is_bounded || bgem3::cli::to_text(state) != text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  check(text);
  text += '\n';
  check(text + bgem3::cli::checksum_line(text));
  return 0;
}
