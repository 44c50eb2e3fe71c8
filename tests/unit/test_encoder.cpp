#include "support/doctest_torch.h"

#include <cmath>
#include <random>
#include <vector>

#include <ATen/ops/allclose.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>

#include "bgem3/families/bert.h"
#include "bgem3/families/mpnet.h"
#include "bgem3/layers/pooling.h"
#include "support/expect_error.h"
#include "support/tiny_weights.h"

using namespace bgem3;

namespace {

using Ids = std::vector<std::int32_t>;

PackedBatch pack_all(const std::vector<Ids>& texts, const ModelConfig& config) {
  const std::vector<std::span<const std::int32_t>> views(texts.begin(), texts.end());
  return pack_texts(views, config);
}

std::vector<Ids> random_texts(const std::vector<std::size_t>& lengths, const ModelConfig& config) {
  std::mt19937 random(3);
  std::vector<Ids> texts;
  for (const auto length : lengths) {
    Ids ids(length);
    for (auto& id : ids) id = static_cast<std::int32_t>(4 + random() % (config.vocabulary_size - 4));
    texts.push_back(ids);
  }
  return texts;
}

double max_difference(const at::Tensor& a, const at::Tensor& b) { return a.sub(b).abs().max().item<double>(); }

}  // namespace

TEST_CASE("packed attention equals softmax attention inside each text") {
  const ModelConfig config = test::tiny_config();
  const auto batch = pack_all(random_texts({9, 5, 5, 1}, config), config);
  const auto random_heads = [&] { return at::randn({batch.tokens(), 4, 8}); };
  const at::Tensor query = random_heads(), key = random_heads(), value = random_heads();
  const at::Tensor found = packed_attention(query, key, value, batch);
  for (int64_t text = 0; text < batch.texts(); ++text) {
    const auto rows = [&](const at::Tensor& packed) {
      return packed.narrow(0, batch.offsets[static_cast<size_t>(text)], batch.length(text)).transpose(0, 1);
    };
    const at::Tensor scores = at::matmul(rows(query), rows(key).transpose(1, 2)).div(std::sqrt(8.0));
    CHECK(max_difference(rows(found), at::matmul(at::softmax(scores, -1), rows(value))) < 1e-6);
  }
}

TEST_CASE("the first tokens alone are as in the whole") {
  for (const auto architecture : {"xlm-roberta", "bert"}) {
    const ModelConfig config = test::tiny_config(architecture);
    const auto weights = bert::bind(config, test::tiny_tensors(config));
    const auto batch = pack_all(random_texts({12, 7, 7, 2, 30, 1, 1}, config), config);
    const at::Tensor whole = pool(bert::encode(batch, weights, config), batch, Pooling::cls);
    const at::Tensor first = bert::encode_first_tokens(batch, weights, config);
    REQUIRE(first.sizes() == whole.sizes());
    CHECK(max_difference(first, whole) < 1e-5);
  }
}

TEST_CASE("an encoder whose attention has a bias: its first tokens, its weights, and no graphs") {
  const ModelConfig config = test::tiny_config("mpnet");
  const TensorMap tensors = test::tiny_mpnet_tensors(config);
  bert::BertEncoder encoder(config, mpnet::bind(config, tensors));
  const auto batch = pack_all(random_texts({12, 7, 7, 2, 64, 1, 1}, config), config);
  const at::Tensor whole = encoder.forward(batch, EncoderOptions());
  CHECK(max_difference(encoder.forward_first_tokens(batch, EncoderOptions()), first_tokens(whole, batch)) < 1e-5);
  CHECK_FALSE(encoder.may_be_recorded());
  // As many numbers as the checkpoint has: neither the table spread over distances, nor token types.
  int64_t stored = 0, found = 0;
  for (const auto& [name, tensor] : tensors) stored += tensor.numel();
  for (const auto& tensor : encoder.other_weights()) found += tensor.numel();
  for (const auto& layers : encoder.linear_layers()) {
    for (const auto* linear : layers) found += linear->parameters();
  }
  CHECK(found == stored);
  const ModelConfig of_bert = test::tiny_config();
  CHECK(bert::BertEncoder(of_bert, bert::bind(of_bert, test::tiny_tensors(of_bert))).may_be_recorded());

  SUBCASE("the bias counts") {
    auto weights = encoder.weights();
    for (auto& layer : weights.layers) layer.attention.relative_bias = at::Tensor();
    CHECK(max_difference(bert::encode(batch, weights, config), whole) > 0.1);
  }
}

// Source: transformers, MPNetEncoder.relative_position_bucket.
TEST_CASE("distances have buckets of their own up to 7, wider ones beyond, and the same behind 127") {
  const at::Tensor found = mpnet::buckets_of_distances(300);
  REQUIRE(found.numel() == 599);
  const auto bucket = [&](int64_t distance) { return found[299 + distance].item<int64_t>(); };
  for (int64_t distance = 0; distance < 8; ++distance) CHECK(bucket(distance) == distance);
  CHECK(bucket(8) == 8);
  CHECK(bucket(127) == 15);
  CHECK(bucket(299) == 15);
  for (int64_t distance = 1; distance < 300; ++distance) CHECK(bucket(-distance) == 16 + bucket(distance));
}

TEST_CASE("the hidden states of a text do not depend on its neighbours") {
  for (const auto architecture : {"xlm-roberta", "bert"}) {
    const ModelConfig config = test::tiny_config(architecture);
    const auto weights = bert::bind(config, test::tiny_tensors(config));
    const auto texts = random_texts({12, 7, 7, 2, 30}, config);
    const auto batch = pack_all(texts, config);
    const at::Tensor together = bert::encode(batch, weights, config);
    for (std::size_t text = 0; text < texts.size(); ++text) {
      const at::Tensor alone = bert::encode(pack_all({texts[text]}, config), weights, config);
      const at::Tensor rows = together.narrow(0, batch.offsets[text], batch.length(static_cast<int64_t>(text)));
      CHECK(max_difference(rows, alone) < 1e-5);
    }
  }
}

TEST_CASE("the hook sees the input embedding and every layer, the last being the result") {
  const ModelConfig config = test::tiny_config();
  const auto weights = bert::bind(config, test::tiny_tensors(config));
  const auto batch = pack_all(random_texts({6, 3}, config), config);
  std::vector<int64_t> layers;
  at::Tensor last;
  const auto hook = [&](int64_t layer, const at::Tensor& states) {
    layers.push_back(layer);
    last = states;
  };
  const at::Tensor hidden = bert::encode(batch, weights, config, EncoderOptions(at::kFloat, hook));
  CHECK((layers == std::vector<int64_t>{0, 1, 2}));
  CHECK(max_difference(hidden, last) == 0);
}

TEST_CASE("a mixed-up shape is an error, not a broadcast") {
  const ModelConfig config = test::tiny_config();
  auto weights = bert::bind(config, test::tiny_tensors(config));
  auto wrong = config;
  wrong.hidden_size = 16;
  const auto batch = pack_all(random_texts({4}, config), config);
  const auto message = test::expect_error(ErrorCode::internal, [&] { bert::encode(batch, weights, wrong); });
  CHECK(test::contains(message, "expected shape [4, 16], found [4, 32]"));
}

TEST_CASE("pooling takes the first row or the average of a text") {
  const ModelConfig config = test::tiny_config();
  const auto batch = pack_all(random_texts({3, 2}, config), config);
  const at::Tensor hidden = at::randn({5, 32});
  const at::Tensor first = pool(hidden, batch, Pooling::cls);
  CHECK(max_difference(first[1], hidden[3]) == 0);
  const at::Tensor mean = pool(hidden, batch, Pooling::mean);
  CHECK(max_difference(mean[0], hidden.narrow(0, 0, 3).mean(0)) < 1e-6);
  CHECK(mean.size(0) == 2);
}

TEST_CASE("normalised rows have length 1, zero rows stay zero") {
  at::Tensor vectors = at::randn({3, 8});
  vectors[1].zero_();
  const at::Tensor unit = l2_normalize(vectors);
  CHECK(unit[0].square().sum().item<double>() == doctest::Approx(1));
  CHECK(unit[1].abs().max().item<double>() == 0);
}

TEST_CASE("truncation keeps the leading components") {
  CHECK(truncate(at::ones({2, 8}), 3).size(1) == 3);
  CHECK(truncate(at::ones({2, 8}), 0).size(1) == 8);
}
