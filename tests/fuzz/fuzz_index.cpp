// Any bytes as *.index.json, the list of the shards of a model.

#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "checkpoint/weight_index.h"
#include "fuzz/ignore_errors.h"

namespace {

// A file lies beside the index.
void check(const bgem3::WeightMap& files) {
  std::set<std::string_view> shards;
  for (const auto& [name, file] : files) {
    shards.insert(file);
    if (file.empty() || file == "." || file == "..") std::abort();
    if (file.find_first_of(std::string_view("/\0", 2)) != std::string::npos) std::abort();
  }
  if (shards.size() > bgem3::shards_max) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  return bgem3::fuzz::ignore_errors([&] { check(bgem3::read_weight_index(text)); });
}
