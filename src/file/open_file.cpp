#include "file/open_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "file/kind.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

[[noreturn]] void refuse_errno(const std::filesystem::path& path, int error) {
  throw Error(ErrorCode::io_error,
              fmt::format("{} cannot be read: {}", in_quotes(path), std::generic_category().message(error)));
}

void expect_regular(const std::filesystem::path& path, const struct stat& status) {
  if (S_ISREG(status.st_mode)) return;
  throw Error(ErrorCode::io_error,
              fmt::format("{} is {}; a regular file was expected", in_quotes(path), kind_of_file(status.st_mode)));
}

int open_regular(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) refuse_errno(path, errno);
  expect_regular(path, status);
  // Should it be another one by now, to open it does not wait either.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) refuse_errno(path, errno);
  return descriptor;
}

}  // namespace

bool is_there(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return true;
  const int error = errno;
  if (error != ENOENT && error != ENOTDIR) refuse_errno(path, error);
  if (::lstat(path.c_str(), &status) != 0) return false;
  throw Error(ErrorCode::bad_model,
              fmt::format("{} is a link to a file that is missing; the download may be incomplete", in_quotes(path)));
}

OpenFile::OpenFile(const std::filesystem::path& path) : descriptor_(open_regular(path)) {
  try {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) refuse_errno(path, errno);
    expect_regular(path, status);
    size_ = static_cast<std::size_t>(status.st_size);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace bgem3
