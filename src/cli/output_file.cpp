#include "cli/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "cli/message.h"

namespace bgem3::cli {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(const std::string& name, int error) {
  throw Error(ErrorCode::io_error, fmt::format("{} cannot be written: {}", name, reason(error)));
}

int open_for_writing(const std::string& path, const std::string& name, bool& is_new) {
  constexpr int flags = O_CREAT | O_CLOEXEC;
  int descriptor = ::open(path.c_str(), flags | O_EXCL | O_RDWR, 0666);
  is_new = descriptor >= 0;
  if (descriptor < 0 && errno == EEXIST) descriptor = ::open(path.c_str(), flags | O_RDWR, 0666);
  // A pipe or device that may only be written to.
  if (descriptor < 0 && errno == EACCES) descriptor = ::open(path.c_str(), flags | O_WRONLY, 0666);
  if (descriptor < 0) fail(name, errno);
  return descriptor;
}

}  // namespace

OutputFile::OutputFile(const std::string& path)
    : path_(path),
      name_(path == "-" ? "standard output" : detail::in_quotes(std::filesystem::path(path))),
      descriptor_(path == "-" ? STDOUT_FILENO : open_for_writing(path, name_, is_unused_)),
      owned_(path != "-") {
  struct stat status {};
  regular_ = ::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
  if (!regular_) return;
  try {
    if (owned_) lock();
  } catch (const Error&) {
    ::close(descriptor_);
    throw;
  }
  // Standard output may begin in the middle of a file that others write as well.
  const bool at_end = owned_ || (::fcntl(descriptor_, F_GETFL) & O_APPEND) != 0;
  const auto position = ::lseek(descriptor_, 0, at_end ? SEEK_END : SEEK_CUR);
  size_ = position < 0 ? 0 : static_cast<std::uint64_t>(position);
}

void OutputFile::lock() const {
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return expect_in_place();
  if (errno == EWOULDBLOCK) {
    throw Error(ErrorCode::io_error,
                fmt::format("{} is being written by another process; wait for it, or name another file", name_));
  }
  tell("warning: {} cannot be locked ({}); nothing else may write it meanwhile", name_, reason(errno));
}

bool OutputFile::is_in_place() const {
  struct stat ours {
  }, theirs{};
  return ::fstat(descriptor_, &ours) == 0 && ::stat(path_.c_str(), &theirs) == 0 && ours.st_dev == theirs.st_dev &&
         ours.st_ino == theirs.st_ino;
}

// Between opening and locking, or during a long run, somebody may have put another file in its place.
void OutputFile::expect_in_place() const {
  if (is_in_place()) return;
  throw Error(ErrorCode::io_error,
              fmt::format("{} was removed or replaced by somebody else while it was being written", name_));
}

OutputFile::~OutputFile() {
  if (!owned_ || descriptor_ < 0) return;
  if (is_unused_ && is_in_place()) ::unlink(path_.c_str());
  ::close(descriptor_);
}

std::size_t OutputFile::append(std::string_view bytes) {
  is_unused_ = false;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) throw std::system_error(errno, std::generic_category(), name_);
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

std::string OutputFile::read(std::uint64_t position, std::size_t size) const {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const auto count = ::pread(descriptor_, bytes.data() + done, size - done, static_cast<off_t>(position + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Error(ErrorCode::io_error, fmt::format("{} cannot be read: {}", name_, reason(errno)));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

void OutputFile::overwrite(std::uint64_t position, std::string_view bytes) {
  const auto count = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(position));
  if (count != static_cast<ssize_t>(bytes.size())) fail(name_, count < 0 ? errno : EIO);
}

void OutputFile::truncate(std::uint64_t size) {
  if (!regular_) return;
  is_unused_ = false;
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0 ||
      ::lseek(descriptor_, static_cast<off_t>(size), SEEK_SET) < 0) {
    fail(name_, errno);
  }
  size_ = size;
}

void OutputFile::sync() {
  if (!is_seekable()) return;
  // EINVAL: the file system has nothing to be waited for.
  if (::fdatasync(descriptor_) != 0 && errno != EINVAL) fail(name_, errno);
  expect_in_place();
}

void OutputFile::close() {
  if (!owned_) return;
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0 && errno != EINTR) fail(name_, errno);
}

}  // namespace bgem3::cli
