#include "cli/input/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "cli/input/kind.h"
#include "cli/interrupt.h"
#include "text/utf8.h"

namespace bgem3::cli {
namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;
constexpr std::size_t head_bytes = 64 * 1024;  // which tell whether an input is text

}  // namespace

LineReader::LineReader(ByteSource& source, std::string name)
    : source_(source), name_(std::move(name)), buffer_(buffer_bytes) {}

double LineReader::share_used() const noexcept {
  const auto waiting = static_cast<double>(end_ - begin_);
  return bytes_filled_ == 0 ? 1 : 1 - waiting / static_cast<double>(bytes_filled_);
}

bool LineReader::fill() {
  begin_ = 0;
  end_ = source_.read(buffer_.data(), buffer_.size());
  if (bytes_filled_ < head_bytes) {
    const auto rest = static_cast<std::size_t>(head_bytes - bytes_filled_);
    refuse_binary(name_, {buffer_.data(), std::min(end_, rest)}, bytes_filled_);
  }
  bytes_filled_ += end_;
  return end_ != 0;
}

// The end of the text ends its last line; a signal leaves a line unfinished.
LineReader::Status LineReader::end_of_text(bool has_begun) const {
  return has_begun && Interrupt::signal() == 0 ? Status::line : Status::end;
}

LineReader::Status LineReader::read_raw_line(std::string& line) {
  line.clear();
  while (true) {
    if (begin_ == end_ && !fill()) {
      const Status status = end_of_text(!line.empty());
      lines_read_ += status == Status::line ? 1 : 0;
      return status;
    }
    const char* const first = buffer_.data() + begin_;
    const auto* const newline = static_cast<const char*>(std::memchr(first, '\n', end_ - begin_));
    const std::size_t count = newline != nullptr ? static_cast<std::size_t>(newline - first) : end_ - begin_;
    begin_ += count + (newline != nullptr ? 1 : 0);
    if (is_discarding_) {
      is_discarding_ = newline == nullptr;
      continue;
    }
    if (count > line_bytes_max - line.size()) {
      is_discarding_ = newline == nullptr;
      ++lines_read_;
      line = {};
      return Status::too_long;
    }
    line.append(first, count);
    if (newline == nullptr) continue;
    ++lines_read_;
    return Status::line;
  }
}

LineReader::Status LineReader::read_line(std::string& line) {
  const Status status = read_raw_line(line);
  if (status == Status::line && line.ends_with('\r')) line.pop_back();
  return status;
}

std::string fault_of_encoding(std::string_view text, std::string_view what) {
  const std::size_t valid = utf8::valid_prefix(text);
  if (valid == text.size()) return "";
  return fmt::format("expected UTF-8, found the byte 0x{:02X} at {} of the {}", static_cast<unsigned char>(text[valid]),
                     valid + 1, what);
}

std::string fault_of_line(LineReader::Status status, std::string_view line) {
  if (status == LineReader::Status::too_long) {
    return fmt::format("expected at most {} bytes in a line, found more", line_bytes_max);
  }
  const std::string fault = fault_of_encoding(line, "line");
  if (!fault.empty()) {
    return fault + ". If the file is Latin-1 or Windows-1252, convert it: iconv -f WINDOWS-1252 -t UTF-8";
  }
  const auto nul = line.find('\0');
  return nul == std::string_view::npos ? "" : fmt::format("expected text, found a NUL byte at {} of the line", nul + 1);
}

}  // namespace bgem3::cli
