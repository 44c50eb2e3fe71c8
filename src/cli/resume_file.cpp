#include "cli/resume_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"

namespace bgem3::cli {
namespace {

using detail::in_quotes;
using Path = std::filesystem::path;

[[noreturn]] void fail(const Path& path, const char* what, int error) {
  throw Error(ErrorCode::io_error, fmt::format("{}, which --resume goes by, cannot be {}: {}", in_quotes(path), what,
                                               std::generic_category().message(error)));
}

class Descriptor {
 public:
  Descriptor(const Path& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int value() const noexcept { return value_; }

 private:
  int value_;
};

void write_all(const Descriptor& file, const Path& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(file.value(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void sync(const Descriptor& file, const Path& path) {
  // EINVAL: the file system has nothing to be waited for.
  if (::fsync(file.value()) != 0 && errno != EINVAL) fail(path, "written", errno);
}

// A file that somebody else put there is never written through: it is removed, and a new one made.
void write_new(const Path& path, std::string_view bytes) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail(path, "written", errno);
  const Descriptor file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (file.value() < 0) fail(path, "written", errno);
  write_all(file, path, bytes);
  sync(file, path);
}

void sync_directory(const Path& path) {
  const Path directory = path.parent_path();
  const Descriptor file(directory, O_RDONLY | O_DIRECTORY);
  if (file.value() < 0) fail(directory, "read", errno);
  sync(file, directory);
}

// A byte more than a state can have is enough to refuse it.
std::optional<std::string> read_text(const Path& path) {
  const Descriptor file(path, O_RDONLY | O_NONBLOCK);
  if (file.value() < 0 && errno == ENOENT) return std::nullopt;
  struct stat status {};
  if (file.value() < 0 || ::fstat(file.value(), &status) != 0) fail(path, "read", errno);
  if (!S_ISREG(status.st_mode)) return "no regular file";
  std::string text(ResumeState::bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto count = ::read(file.value(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "read", errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return text;
}

[[noreturn]] void refuse_foreign(const Path& path) {
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{} is no file of this command, which keeps there what --resume goes by; move it away, or "
                          "name another output",
                          in_quotes(path)));
}

}  // namespace

std::string ResumeFile::obstacle() const {
  struct stat status {};
  // The longer of the two names.
  if (::lstat(draft_.c_str(), &status) != 0 && errno == ENAMETOOLONG) return std::generic_category().message(errno);
  // It is read from to be brought to the disk.
  const bool may_replace = ::access(path_.parent_path().c_str(), R_OK | W_OK | X_OK) == 0;
  return may_replace ? "" : std::generic_category().message(errno);
}

bool ResumeFile::exists() const noexcept {
  struct stat status {};
  return ::lstat(path_.c_str(), &status) == 0;
}

std::optional<ResumeState> ResumeFile::read() const {
  const auto text = read_text(path_);
  if (!text) return std::nullopt;
  ResumeState state;
  const std::string fault = parse_resume_state(*text, state);
  if (fault.empty()) return state;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{}, which --resume goes by, is {}; run without --resume, which starts again",
                          in_quotes(path_), fault));
}

void ResumeFile::expect_ours() const {
  const auto text = read_text(path_);
  if (text && !is_resume_state(*text)) refuse_foreign(path_);
  // A run that was killed may have left the beginning of a draft.
  const auto draft = read_text(draft_);
  if (draft && !is_begun_resume_state(*draft)) refuse_foreign(draft_);
}

void ResumeFile::replace(const ResumeState& state) const {
  try {
    write_new(draft_, to_text(state));
  } catch (const Error&) {
    ::unlink(draft_.c_str());
    throw;
  }
  if (std::rename(draft_.c_str(), path_.c_str()) != 0) fail(path_, "written", errno);
  sync_directory(path_);
}

}  // namespace bgem3::cli
