#include "config/base_model.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "config/model_directory.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::optional<fs::path> from_environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<fs::path>(value);
}

// As huggingface_hub finds it.
fs::path cache_of_user() {
  if (const auto cache = from_environment("HF_HUB_CACHE")) return *cache;
  if (const auto home = from_environment("HF_HOME")) return *home / "hub";
  if (const auto cache = from_environment("XDG_CACHE_HOME")) return *cache / "huggingface" / "hub";
  return from_environment("HOME").value_or("") / ".cache" / "huggingface" / "hub";
}

// Of a snapshot: CACHE/models--ORG--NAME/snapshots/REVISION.
std::optional<fs::path> cache_around(const fs::path& directory) {
  std::error_code ignored;
  const fs::path snapshots = (fs::absolute(directory, ignored) / "").lexically_normal().parent_path().parent_path();
  if (snapshots.filename() != "snapshots") return std::nullopt;
  return snapshots.parent_path().parent_path();
}

// "ORG/NAME" or "NAME".
bool is_repository_name(std::string_view name) {
  const auto is_plain = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
           c == '.' || c == '/';
  };
  constexpr std::size_t bytes_max = 96;  // of the Hub's names
  return !name.empty() && name.size() <= bytes_max && name.front() != '/' && name.front() != '.' &&
         std::ranges::all_of(name, is_plain) && std::ranges::count(name, '/') <= 1;
}

std::string cache_folder(const std::string& name) {
  std::string folder = "models--";
  for (const char c : name) folder += c == '/' ? std::string("--") : std::string(1, c);
  return folder;
}

}  // namespace

fs::path find_base_model(const fs::path& adapter, const std::string& name) {
  if (is_folder(name)) return find_model_directory(name);
  if (!is_repository_name(name)) {
    throw Error(ErrorCode::bad_model,
                fmt::format("base_model_name_or_path of adapter_config.json is {}, which is no directory; write the "
                            "path of the model that the adapter was trained on there",
                            in_quotes(name)));
  }
  std::vector<fs::path> caches;
  if (const auto cache = cache_around(adapter)) caches.push_back(*cache);
  caches.push_back(cache_of_user());
  std::vector<std::string> shown;
  for (const auto& cache : caches) {
    const fs::path folder = cache / cache_folder(name);
    if (is_folder(folder)) return find_model_directory(folder);
    shown.push_back(in_quotes(cache));
  }
  throw Error(ErrorCode::bad_model,
              fmt::format("base_model_name_or_path of adapter_config.json is {}, which is neither a directory nor in "
                          "the Hugging Face cache ({}); fetch it (hf download {}), or write the path of its "
                          "directory there",
                          in_quotes(name), fmt::join(shown, ", "), name));
}

}  // namespace bgem3
