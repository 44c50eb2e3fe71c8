#include "cli/resume_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "bgem3/error.h"

namespace bgem3::cli {
namespace {

[[noreturn]] void fail(const std::string& name, const char* what, int error) {
  throw Error(ErrorCode::io_error, fmt::format("'{}', which --resume goes by, cannot be {}: {}", name, what,
                                               std::generic_category().message(error)));
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int value() const noexcept { return value_; }

 private:
  int value_;
};

void write_all(const Descriptor& file, const std::string& name, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(file.value(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(name, "written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void sync(const Descriptor& file, const std::string& name) {
  // EINVAL: the file system has nothing to be waited for.
  if (::fsync(file.value()) != 0 && errno != EINVAL) fail(name, "written", errno);
}

// A file that somebody else put there is never written through: it is removed, and a new one made.
void write_new(const std::string& name, std::string_view bytes) {
  if (::unlink(name.c_str()) != 0 && errno != ENOENT) fail(name, "written", errno);
  const Descriptor file(name, O_WRONLY | O_CREAT | O_EXCL);
  if (file.value() < 0) fail(name, "written", errno);
  write_all(file, name, bytes);
  sync(file, name);
}

void sync_directory(const std::string& name) {
  const std::string directory = std::filesystem::path(name).parent_path().string();
  const Descriptor file(directory, O_RDONLY | O_DIRECTORY);
  if (file.value() < 0) fail(directory, "read", errno);
  sync(file, directory);
}

// A byte more than a state can have is enough to refuse it.
std::optional<std::string> read_text(const std::string& name) {
  const Descriptor file(name, O_RDONLY | O_NONBLOCK);
  if (file.value() < 0 && errno == ENOENT) return std::nullopt;
  struct stat status {};
  if (file.value() < 0 || ::fstat(file.value(), &status) != 0) fail(name, "read", errno);
  if (!S_ISREG(status.st_mode)) return "no regular file";
  std::string text(ResumeState::bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto count = ::read(file.value(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(name, "read", errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return text;
}

[[noreturn]] void refuse_foreign(const std::string& name) {
  throw Error(ErrorCode::invalid_argument,
              fmt::format("'{}' is no file of this command, which keeps there what --resume goes by; move it away, or "
                          "name another output",
                          name));
}

}  // namespace

std::optional<ResumeState> ResumeFile::read() const {
  const auto text = read_text(name_);
  if (!text) return std::nullopt;
  ResumeState state;
  const std::string fault = parse_resume_state(*text, state);
  if (fault.empty()) return state;
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("'{}', which --resume goes by, is {}; run without --resume, which starts again", name_, fault));
}

void ResumeFile::expect_ours() const {
  const auto text = read_text(name_);
  if (text && !is_resume_state(*text)) refuse_foreign(name_);
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
  if (std::rename(draft_.c_str(), name_.c_str()) != 0) fail(name_, "written", errno);
  sync_directory(name_);
}

}  // namespace bgem3::cli
