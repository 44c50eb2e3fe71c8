#include "cli/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "bgem3/error.h"
#include "cli/interrupt.h"

namespace bgem3::cli {
namespace {

constexpr std::size_t buffer_bytes = 256 * 1024;

[[noreturn]] void fail(const std::string& name, int error) {
  throw Error(ErrorCode::io_error,
              fmt::format("'{}' cannot be read: {}", name, std::generic_category().message(error)));
}

}  // namespace

InputFile::InputFile(const std::string& path)
    : name_(path == "-" ? "standard input" : path),
      descriptor_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
      owned_(path != "-"),
      buffer_(buffer_bytes) {
  if (descriptor_ < 0) fail(name_, errno);
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return;
  if (S_ISREG(status.st_mode)) bytes_total_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() {
  if (owned_) ::close(descriptor_);
}

bool InputFile::fill() {
  while (Interrupt::signal() == 0) {
    const auto count = ::read(descriptor_, buffer_.data(), buffer_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(name_, errno);
    begin_ = 0;
    end_ = static_cast<std::size_t>(count);
    return count > 0;
  }
  return false;
}

bool InputFile::read_line(std::string& line) {
  line.clear();
  while (true) {
    if (begin_ == end_ && !fill()) break;
    const char* const first = buffer_.data() + begin_;
    const auto* const newline = static_cast<const char*>(std::memchr(first, '\n', end_ - begin_));
    const std::size_t count = newline != nullptr ? static_cast<std::size_t>(newline - first) : end_ - begin_;
    line.append(first, count);
    begin_ += count;
    bytes_read_ += count;
    if (newline == nullptr) continue;
    ++begin_;
    ++bytes_read_;
    return true;
  }
  // The end of the input ends its last line; a signal leaves a line unfinished.
  return !line.empty() && Interrupt::signal() == 0;
}

}  // namespace bgem3::cli
