#include "cli/input/file_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "cli/interrupt.h"

namespace bgem3::cli {
namespace {

[[noreturn]] void fail(const std::string& name, int error) {
  throw Error(ErrorCode::io_error, fmt::format("{} cannot be read: {}", name, std::generic_category().message(error)));
}

}  // namespace

FileSource::FileSource(const std::string& path)
    : name_(path == "-" ? "standard input" : detail::in_quotes(std::filesystem::path(path))),
      descriptor_(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)),
      owned_(path != "-") {
  if (descriptor_ < 0) fail(name_, errno);
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return;
  if (S_ISREG(status.st_mode)) bytes_total_ = static_cast<std::uint64_t>(status.st_size);
}

FileSource::~FileSource() {
  if (owned_) ::close(descriptor_);
}

std::size_t FileSource::read(char* out, std::size_t size) {
  while (Interrupt::signal() == 0) {
    const auto count = ::read(descriptor_, out, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(name_, errno);
    bytes_read_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }
  return 0;
}

}  // namespace bgem3::cli
