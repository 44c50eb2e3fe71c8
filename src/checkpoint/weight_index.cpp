#include "checkpoint/weight_index.h"

#include <set>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"
#include "config/json_object.h"
#include "file/json.h"
#include "file/other_file.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorCode::bad_model, what); }

bool is_plain_name(std::string_view name) {
  constexpr std::size_t bytes_max = 255;  // of a file name
  return !name.empty() && name.size() <= bytes_max && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

}  // namespace

WeightMap read_weight_index(std::string_view text) {
  const auto document = parse_json(text);
  if (!document.fault.empty()) {
    const std::string instead = describe_other_file(text);
    bad(instead.empty() ? document.fault : instead);
  }
  const auto& json = document.value;
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) {
    bad("expected a JSON object with 'weight_map'");
  }
  WeightMap files;
  std::set<std::string_view> shards;
  for (const auto& [name, file] : json["weight_map"].items()) {
    if (!file.is_string() || !is_plain_name(file.get_ref<const std::string&>())) {
      bad(fmt::format("tensor {}: expected the name of a file beside the index, found {}", in_quotes(name),
                      detail::JsonObject::brief(file)));
    }
    const auto place = files.emplace(name, file.get<std::string>()).first;
    shards.insert(place->second);
    if (shards.size() > shards_max) bad(fmt::format("'weight_map' names more than {} files", shards_max));
  }
  return files;
}

}  // namespace bgem3
