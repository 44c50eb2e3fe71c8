#include "cli/protected_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"

namespace bgem3::cli {
namespace {

namespace fs = std::filesystem;
using detail::in_quotes;

// Of a regular file; another kind holds nothing that could be lost.
std::optional<struct stat> find_file(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return status;
}

bool is_same(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

// Where opening `path` would make a file: links are followed, those to nothing as well.
fs::path resolve(fs::path path) {
  constexpr int links_max = 40;  // as many as Linux follows
  std::error_code error;
  for (int i = 0; i < links_max && fs::is_symlink(path, error); ++i) {
    path = path.parent_path() / fs::read_symlink(path, error);
  }
  path = fs::absolute(path, error);
  fs::path plain = fs::weakly_canonical(path, error);
  return error ? path.lexically_normal() : plain;
}

bool is_below(const fs::path& path, const fs::path& directory) {
  return std::ranges::mismatch(directory, path).in1 == directory.end();
}

[[noreturn]] void refuse_file(const std::string& subject, const std::string& what) {
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{} is {}, which would be lost; name another file", subject, what));
}

// Walks through a model directory, also through links, but through no folder twice.
class Walk {
 public:
  explicit Walk(const fs::path& root) : root_(root) { enter(root); }

  // The file that `file` is, if there is one.
  std::optional<fs::path> find(const struct stat& file) {
    if (const auto root = find_file(root_); root && is_same(*root, file)) return root_;
    while (!folders_.empty()) {
      const fs::path folder = std::move(folders_.back());
      folders_.pop_back();
      std::error_code error;
      fs::directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
      for (const fs::directory_iterator end; !error && at != end; at.increment(error)) {
        const auto found = find_file(at->path());
        if (found && is_same(*found, file)) return at->path();
        if (!found) enter(at->path());
        count();
      }
      if (error) refuse_unread(error);
    }
    return std::nullopt;
  }

 private:
  // What is no folder is passed over; what is missing, the loader says.
  void enter(const fs::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return;
    if (known_.insert({status.st_dev, status.st_ino}).second) folders_.push_back(path);
  }

  void count() {
    if (++count_ <= ProtectedFiles::files_max) return;
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format("the model directory {} has more than {} files, too many to make sure that none of them is "
                    "overwritten; give the model a directory of its own, or name an output that is not there yet",
                    in_quotes(root_), ProtectedFiles::files_max));
  }

  [[noreturn]] void refuse_unread(const std::error_code& error) const {
    throw Error(ErrorCode::io_error,
                fmt::format("the model directory {} cannot be read to make sure that the output is not in it: {}",
                            in_quotes(root_), error.message()));
  }

  fs::path root_;
  std::vector<fs::path> folders_;  // that are still to be looked through
  std::set<std::pair<dev_t, ino_t>> known_;
  std::size_t count_ = 0;
};

}  // namespace

void ProtectedFiles::add_input(const std::string& path) { inputs_.emplace_back(path == "-" ? "/dev/stdin" : path); }

void ProtectedFiles::add_model(const fs::path& model) {
  const fs::path place = resolve(model);
  const fs::path plain = place.has_filename() ? place : place.parent_path();
  if (std::ranges::find(models_, plain) == models_.end()) models_.push_back(plain);
}

void ProtectedFiles::refuse(const fs::path& path, const std::string& what) const {
  const std::string subject = fmt::format("{} {}", what, in_quotes(path));
  refuse_known(path, subject);
  const fs::path place = resolve(path);
  for (const fs::path& model : models_) {
    if (!is_below(place, model)) continue;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("{} is in the model directory {}, where it could be taken for a part of the model; name a "
                            "file in another directory",
                            subject, in_quotes(model)));
  }
}

void ProtectedFiles::refuse_standard_output() const { refuse_known("/dev/stdout", "standard output"); }

void ProtectedFiles::refuse_known(const fs::path& file, const std::string& subject) const {
  const auto output = find_file(file);
  if (!output) return;
  for (const fs::path& input : inputs_) {
    const auto found = find_file(input);
    if (found && is_same(*found, *output)) refuse_file(subject, "the input");
  }
  for (const fs::path& model : models_) {
    if (const auto found = Walk(model).find(*output)) {
      refuse_file(subject, fmt::format("a file of the model, {}", in_quotes(*found)));
    }
  }
}

}  // namespace bgem3::cli
