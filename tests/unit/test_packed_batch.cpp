#include "support/doctest_torch.h"

#include <span>
#include <string>
#include <vector>

#include "bgem3/tensors/packed_batch.h"
#include "support/expect_error.h"
#include "support/tiny_weights.h"

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
  CHECK((positions({0, 1, 18, 2}, test::tiny_config("bert")) == std::vector<int64_t>{0, 1, 2, 3}));
}

TEST_CASE("texts are laid end to end") {
  const std::vector<std::int32_t> first = {0, 7, 2};
  const std::vector<std::int32_t> second = {0, 2};
  const std::vector<std::span<const std::int32_t>> texts = {first, second};
  const PackedBatch batch = pack_texts(texts, test::tiny_config());
  CHECK(batch.texts() == 2);
  CHECK(batch.tokens() == 5);
  CHECK((batch.offsets == std::vector<std::int32_t>{0, 3, 5}));
  CHECK(batch.length(1) == 2);
  const auto* ids = batch.ids.const_data_ptr<int64_t>();
  CHECK((std::vector<int64_t>(ids, ids + 5) == std::vector<int64_t>{0, 7, 2, 0, 2}));
}

TEST_CASE("tokens are of type 1 from where the second text begins") {
  const std::vector<std::int32_t> pair = {0, 7, 2, 8, 2}, plain = {0, 2};
  const std::vector<std::span<const std::int32_t>> texts = {pair, plain, pair, plain};
  const std::vector<std::size_t> second_begins = {3, 0, 4};
  const PackedBatch batch = pack_texts(texts, test::tiny_config("bert"), at::kCPU, second_begins);
  const auto* types = batch.types.const_data_ptr<int64_t>();
  CHECK((std::vector<int64_t>(types, types + batch.tokens()) ==
         std::vector<int64_t>{0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0}));
  CHECK_FALSE(pack_texts(texts, test::tiny_config("bert")).types.defined());
  const auto refused = test::expect_error(
      ErrorCode::invalid_argument, [&] { (void)pack_texts(texts, test::tiny_config(), at::kCPU, second_begins); });
  CHECK(test::contains(refused, "two token types, found 1"));
}

TEST_CASE("ids that no row of the embeddings has are refused") {
  const ModelConfig config = test::tiny_config();
  const auto refused = [&](const std::vector<std::int32_t>& ids) {
    const std::vector<std::span<const std::int32_t>> texts = {ids};
    return test::expect_error(ErrorCode::invalid_argument, [&] { (void)pack_texts(texts, config); });
  };
  const auto vocabulary = static_cast<std::int32_t>(config.vocabulary_size);
  CHECK(test::contains(refused({0, vocabulary, 2}), "0 to " + std::to_string(vocabulary - 1)));
  CHECK(test::contains(refused({0, -1, 2}), "found -1"));
  const auto positions = static_cast<std::size_t>(config.positions());
  CHECK(test::contains(refused(std::vector<std::int32_t>(positions + 1, 2)), "at most " + std::to_string(positions)));
}
