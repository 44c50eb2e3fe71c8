#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace bgem3 {

/// Files of one model. The largest models there are have some hundreds.
constexpr std::size_t shards_max = 10'000;

/// Name of a tensor → name of the file that has it.
using WeightMap = std::map<std::string, std::string, std::less<>>;

/// Reads `*.index.json`: {"weight_map": {tensor: file}}. A file lies beside the index; a name that leads elsewhere is
/// not followed.
/// @throws Error bad_model
WeightMap read_weight_index(std::string_view text);

}  // namespace bgem3
