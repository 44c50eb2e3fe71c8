#include "config/model_directory.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "config/modules.h"
#include "file/mapped_file.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

namespace fs = std::filesystem;

bool has(const fs::path& directory, const char* name) {
  std::error_code ignored;
  return fs::exists(directory / name, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// Of a directory whose modules.json can be read.
bool has_module(const fs::path& directory, const std::string& folder) {
  constexpr std::size_t bytes_max = 1 << 20;
  try {
    if (!has(directory, "modules.json")) return false;
    const auto modules = detail::read_modules(read_text_file(directory / "modules.json", bytes_max));
    return std::ranges::find(modules, folder, &detail::Module::folder) != modules.end();
  } catch (const Error&) {
    return false;
  }
}

bool is_model(const fs::path& directory) {
  return has(directory, "modules.json") || has(directory, "config.json") || has(directory, "adapter_config.json");
}

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
  throw Error(ErrorCode::bad_model, fmt::format("model directory {}: {}", in_quotes(path), what));
}

std::string trimmed(const std::string& text) {
  const auto end = text.find_last_not_of(" \r\n\t");
  return text.substr(0, end == std::string::npos ? 0 : end + 1);
}

// A cache folder has one snapshot for each revision that was fetched; refs/main is the name of the newest.
fs::path follow_main(const fs::path& cache) {
  constexpr std::size_t name_bytes_max = 256;
  if (!has(cache, "refs/main")) {
    refuse(cache,
           "is a folder of the Hugging Face cache without refs/main; expected one of the folders in 'snapshots'");
  }
  const std::string name = trimmed(read_text_file(cache / "refs" / "main", name_bytes_max));
  const fs::path snapshot = cache / "snapshots" / name;
  const bool is_plain = !name.empty() && name.find('/') == std::string::npos && name != "." && name != "..";
  if (!is_plain || !is_folder(snapshot)) {
    refuse(cache, fmt::format("refs/main names the snapshot {}, which is not there; the download may be incomplete",
                              in_quotes(name)));
  }
  return snapshot;
}

// At most a few names, for a message.
std::vector<std::string> models_in(const fs::path& directory) {
  constexpr std::size_t names_max = 5, entries_max = 10'000;
  std::vector<std::string> names;
  std::size_t entries = 0;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (++entries > entries_max || names.size() == names_max) break;
    if (is_model(at->path()) || has(at->path(), "snapshots")) names.push_back(in_quotes(at->path().filename()));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

fs::path find_model_directory(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) {
    refuse(path, "is a file; expected the directory that holds config.json and the weights");
  }
  if (!is_folder(path)) {
    throw Error(ErrorCode::bad_model,
                fmt::format("{} is not a directory; expected a model directory with config.json", in_quotes(path)));
  }
  const fs::path whole = fs::absolute(path / "", ignored).lexically_normal().parent_path();
  // A module has a config.json, too.
  if (has_module(whole.parent_path(), whole.filename().string())) {
    refuse(path, fmt::format("is a part of a model; the model directory is {}", in_quotes(whole.parent_path())));
  }
  if (is_model(path)) return path;
  if (has(path, "snapshots")) return follow_main(path);
  if (const auto names = models_in(path); !names.empty()) {
    refuse(path, fmt::format("holds models, and is none itself; expected one of {} in it", fmt::join(names, ", ")));
  }
  return path;  // what is missing, its readers say
}

}  // namespace bgem3
