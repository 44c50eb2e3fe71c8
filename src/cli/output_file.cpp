#include "cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "bgem3/error.h"

namespace bgem3::cli {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(const std::string& name, int error) {
  throw Error(ErrorCode::io_error, fmt::format("'{}' cannot be written: {}", name, reason(error)));
}

int open_for_writing(const std::string& path, OutputFile::Mode mode) {
  const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (mode == OutputFile::Mode::create ? O_TRUNC : 0);
  int descriptor = ::open(path.c_str(), flags, 0666);
  // A pipe or device that may only be written to.
  if (descriptor < 0 && errno == EACCES) descriptor = ::open(path.c_str(), (flags & ~O_RDWR) | O_WRONLY, 0666);
  if (descriptor < 0) fail(path, errno);
  return descriptor;
}

}  // namespace

OutputFile::OutputFile(const std::string& path, Mode mode)
    : name_(path == "-" ? "standard output" : path),
      descriptor_(path == "-" ? STDOUT_FILENO : open_for_writing(path, mode)),
      owned_(path != "-") {
  struct stat status {};
  seekable_ = owned_ && ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  if (!seekable_) return;
  const auto end = ::lseek(descriptor_, 0, SEEK_END);
  size_ = end < 0 ? 0 : static_cast<std::uint64_t>(end);
}

OutputFile::~OutputFile() {
  if (owned_) ::close(descriptor_);
}

std::size_t OutputFile::append(std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) throw BrokenPipe();
    if (count < 0) {
      error_ = errno;
      break;
    }
    done += static_cast<std::size_t>(count);
  }
  size_ += done;
  return done;
}

std::string OutputFile::failure() const { return reason(error_); }

void OutputFile::overwrite(std::uint64_t position, std::string_view bytes) {
  const auto count = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(position));
  if (count != static_cast<ssize_t>(bytes.size())) fail(name_, count < 0 ? errno : EIO);
}

void OutputFile::truncate(std::uint64_t size) {
  if (!seekable_) return;
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0 ||
      ::lseek(descriptor_, static_cast<off_t>(size), SEEK_SET) < 0) {
    fail(name_, errno);
  }
  size_ = size;
}

}  // namespace bgem3::cli
