#include "support/doctest_torch.h"

#include <span>
#include <vector>

#include "support/tiny_weights.h"

#include "bgem3/packed_batch.h"

using namespace bgem3;

namespace {

std::vector<int64_t> positions(const std::vector<std::int32_t>& ids, const ModelConfig& config) {
  std::vector<int64_t> result(ids.size());
  write_positions(ids, config, result.data());
  return result;
}

}  // namespace

TEST_CASE("XLM-R positions begin after the padding id") {
  CHECK((positions({0, 17, 18, 2}, test::tiny_config()) == std::vector<int64_t>{2, 3, 4, 5}));
}

TEST_CASE("a padding token written in the text takes no XLM-R position") {
  CHECK((positions({0, 1, 18, 2}, test::tiny_config()) == std::vector<int64_t>{2, 1, 3, 4}));
}

TEST_CASE("BERT positions begin at 0") {
  CHECK((positions({0, 1, 18, 2}, test::tiny_config(Architecture::bert)) == std::vector<int64_t>{0, 1, 2, 3}));
}

TEST_CASE("texts are laid end to end") {
  const std::vector<std::int32_t> first = {0, 7, 2};
  const std::vector<std::int32_t> second = {0, 2};
  const std::vector<std::span<const std::int32_t>> texts = {first, second};
  const PackedBatch batch = pack(texts, test::tiny_config());
  CHECK(batch.texts() == 2);
  CHECK(batch.tokens() == 5);
  CHECK((batch.offsets == std::vector<std::int32_t>{0, 3, 5}));
  CHECK(batch.length(1) == 2);
  const auto* ids = batch.ids.const_data_ptr<int64_t>();
  CHECK((std::vector<int64_t>(ids, ids + 5) == std::vector<int64_t>{0, 7, 2, 0, 2}));
}
