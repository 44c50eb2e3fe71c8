#include "file/mapped_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "file/open_file.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
  throw Error(ErrorCode::io_error, fmt::format("{} cannot be read: {}", in_quotes(path), why));
}

[[noreturn]] void refuse_errno(const std::filesystem::path& path, int error) {
  refuse(path, std::generic_category().message(error));
}

// Nothing, with the reason in errno, where the system does not tell.
std::optional<FileState> find_state(int descriptor) noexcept {
  struct stat status {};
  while (::fstat(descriptor, &status) != 0) {
    if (errno != EINTR) return std::nullopt;
  }
  return FileState{status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

FileState state_of(const OpenFile& file, const std::filesystem::path& path) {
  const auto state = find_state(file.descriptor());
  if (!state) refuse_errno(path, errno);
  return *state;
}

constexpr const char* advice = "load the model again, and replace files by renaming new ones over them";

std::string describe_loss(const std::filesystem::path& path, const std::string& reason) {
  return fmt::format("{} cannot be read any more: {}; load the model again", in_quotes(path), reason);
}

std::string describe_change(const std::filesystem::path& path, const FileState& before, const FileState& now) {
  const std::string what = now.size == before.size
                               ? "it was written to, or touched"
                               : fmt::format("it had {} bytes, now it has {}", before.size, now.size);
  return fmt::format("{} was changed while it was in use: {}; {}", in_quotes(path), what, advice);
}

// Reads a whole file of the size `bytes` has.
void read_whole(const OpenFile& file, const std::filesystem::path& path, const FileState& state,
                std::span<std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = ::read(file.descriptor(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse_errno(path, errno);
    if (count == 0) break;  // cut shorter meanwhile
    done += static_cast<std::size_t>(count);
  }
  if (done < bytes.size() || state_of(file, path) != state) {
    throw Error(ErrorCode::model_changed,
                fmt::format("{} was changed while it was read; try again when it is complete, and replace files by "
                            "renaming new ones over them",
                            in_quotes(path)));
  }
}

// The state of a file that has contents.
FileState expect_contents(const OpenFile& file, const std::filesystem::path& path) {
  const FileState state = state_of(file, path);
  if (state.size == 0) refuse(path, "the file is empty; the download may be incomplete");
  return state;
}

std::span<std::byte> map(const std::filesystem::path& path, std::int64_t size, int protection, int flags,
                         int descriptor) {
  const auto bytes = static_cast<std::size_t>(size);
  void* const address = ::mmap(nullptr, bytes, protection, flags, descriptor, 0);
  if (address == MAP_FAILED) refuse_errno(path, errno);
  return {static_cast<std::byte*>(address), bytes};
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  OpenFile file(path);
  const std::shared_ptr<MappedFile> mapped(new MappedFile(path));
  mapped->state_ = expect_contents(file, path);
  mapped->bytes_ = map(path, mapped->state_.size, PROT_READ, MAP_PRIVATE, file.descriptor());
  mapped->watch_.emplace(mapped->bytes_);
  mapped->descriptor_ = file.release();
  return mapped;
}

std::shared_ptr<const MappedFile> MappedFile::read(const std::filesystem::path& path) {
  const OpenFile file(path);
  const FileState state = expect_contents(file, path);
  const std::shared_ptr<MappedFile> copy(new MappedFile(path));
  const auto bytes = map(path, state.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  copy->bytes_ = bytes;
  read_whole(file, path, state, bytes);
  return copy;
}

MappedFile::~MappedFile() {
  watch_.reset();
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  if (is_mapped()) ::close(descriptor_);
}

void MappedFile::release_pages() const noexcept {
  if (is_mapped()) (void)::madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

void MappedFile::forget_before(std::size_t offset) const noexcept {
  if (is_mapped()) return;
  const std::size_t whole_pages = offset - offset % static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  (void)::madvise(const_cast<std::byte*>(bytes_.data()), whole_pages, MADV_DONTNEED);
}

std::optional<std::string> MappedFile::find_change() const {
  if (!is_mapped()) return std::nullopt;
  const auto state = find_state(descriptor_);
  const int error = errno;
  if (state != state_ || watch_->has_lost_pages()) has_changed_ = true;
  if (!has_changed_) return std::nullopt;
  if (!state) return describe_loss(path_, std::generic_category().message(error));
  if (*state == state_ && watch_->has_lost_pages()) return describe_loss(path_, "its disk or its network failed");
  return describe_change(path_, state_, *state);
}

void MappedFile::expect_unchanged() const {
  if (const auto change = find_change()) throw Error(ErrorCode::model_changed, *change);
}

std::string read_text_file(const std::filesystem::path& path, std::size_t bytes_max) {
  const OpenFile file(path);
  if (file.size() > bytes_max) {
    throw Error(ErrorCode::bad_model,
                fmt::format("{} has {} bytes, {} at most were expected", in_quotes(path), file.size(), bytes_max));
  }
  const FileState state = state_of(file, path);
  std::string text(file.size(), '\0');
  read_whole(file, path, state, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace bgem3
