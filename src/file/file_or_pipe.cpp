#include "file/file_or_pipe.h"

#include <fcntl.h>
#include <poll.h>
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
using SteadyClock = std::chrono::steady_clock;

class Source {
 public:
  explicit Source(const std::string& path) : path_(path) {
    // A device may do something when it is opened.
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) fail_errno();
    expect_kind(status.st_mode);
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor_ < 0) fail_errno();
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  /// Appends what there is; false at the end.
  bool read_some(std::string& text, SteadyClock::time_point deadline) {
    wait(deadline);
    char bytes[4096];
    const auto count = ::read(descriptor_, bytes, sizeof bytes);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (count < 0) fail_errno();
    text.append(bytes, static_cast<std::size_t>(count));
    return count > 0;
  }

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::io_error, fmt::format("{} cannot be read: {}", in_quotes(path_), why));
  }

 private:
  [[noreturn]] void fail_errno() const { fail(std::generic_category().message(errno)); }

  void expect_kind(mode_t mode) const {
    if (S_ISREG(mode) || S_ISFIFO(mode)) return;
    fail(fmt::format("it is {}; expected a file or a pipe", kind_of_file(mode)));
  }

  // Of a pipe: for bytes, or for its end. One that nobody has opened for writing yet has neither.
  void wait(SteadyClock::time_point deadline) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now());
    pollfd ready{descriptor_, POLLIN, 0};
    const int count = left.count() > 0 ? ::poll(&ready, 1, static_cast<int>(left.count())) : 0;
    if (count == 0) fail("nobody has written to this pipe and closed it in time");
    if (count < 0 && errno != EINTR) fail_errno();
  }

  const std::string& path_;
  int descriptor_ = -1;
};

}  // namespace

std::string read_file_or_pipe(const std::string& path, std::size_t bytes_max, std::chrono::milliseconds wait) {
  Source source(path);
  const auto deadline = SteadyClock::now() + wait;
  std::string text;
  while (source.read_some(text, deadline)) {
    if (text.size() > bytes_max) source.fail(fmt::format("it has more than {} bytes", bytes_max));
  }
  return text;
}

}  // namespace bgem3
