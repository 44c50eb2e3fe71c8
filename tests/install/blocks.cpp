#include <cstdint>
#include <span>
#include <vector>

#include <bgem3/blocks.h>

long rows_of_a_packed_batch() {
  const std::vector<std::int32_t> ids = {0, 7, 2};
  const std::vector<std::span<const std::int32_t>> texts = {ids};
  return static_cast<long>(bgem3::pack(texts, bgem3::ModelConfig{}).ids.size(0));
}
