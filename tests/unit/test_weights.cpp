#include "support/doctest_torch.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include "bgem3/families/distilbert.h"
#include "bgem3/families/mpnet.h"
#include "families/encoders.h"
#include "support/expect_error.h"
#include "support/tiny_weights.h"

using namespace bgem3;
using test::contains;
using test::expect_error;

namespace {

std::string bind_error(const TensorMap& tensors) {
  return expect_error(ErrorCode::bad_model, [&] { bert::bind(test::tiny_config(), tensors); });
}

}  // namespace

TEST_CASE("parameters are found with and without a prefix") {
  for (const std::string prefix : {"", "roberta.", "bert.", "model."}) {
    CAPTURE(prefix);
    const auto tensors = test::tiny_tensors(test::tiny_config(), prefix);
    const auto weights = bert::bind(test::tiny_config(), tensors);
    CHECK(weights.layers.size() == 2);
    const auto& stored = tensors.at(prefix + "encoder.layer.1.output.dense.weight");
    // The same memory, not a copy.
    CHECK(weights.layers[1].feed_forward.down.plain()->weight().const_data_ptr() == stored.const_data_ptr());
  }
}

TEST_CASE("half precision is converted to the dtype of the encoder") {
  auto tensors = test::tiny_tensors(test::tiny_config());
  for (auto& [name, tensor] : tensors) tensor = tensor.to(at::kBFloat16);
  CHECK((bert::bind(test::tiny_config(), tensors).input.word.scalar_type() == at::kFloat));
}

TEST_CASE("double precision is converted, too") {
  auto tensors = test::tiny_tensors(test::tiny_config());
  const auto expected = bert::bind(test::tiny_config(), tensors).layers[1].feed_forward.down.plain()->weight();
  for (auto& [name, tensor] : tensors) tensor = tensor.to(at::kDouble);
  CHECK(at::equal(bert::bind(test::tiny_config(), tensors).layers[1].feed_forward.down.plain()->weight(), expected));
}

TEST_CASE("norms have TensorFlow's names in models that came from there") {
  TensorMap renamed;
  const auto tensors = test::tiny_tensors(test::tiny_config());
  for (const auto& [name, tensor] : tensors) {
    std::string old = name;
    for (const auto& [from, to] :
         {std::pair("LayerNorm.weight", "LayerNorm.gamma"), {"LayerNorm.bias", "LayerNorm.beta"}}) {
      if (const auto at = old.find(from); at != std::string::npos) old.replace(at, std::string(from).size(), to);
    }
    renamed[old] = tensor;
  }
  const auto found = bert::bind(test::tiny_config(), renamed);
  const auto expected = bert::bind(test::tiny_config(), tensors);
  CHECK(at::equal(found.layers[0].attention.norm.weight, expected.layers[0].attention.norm.weight));
  CHECK(at::equal(found.input.norm.bias, expected.input.norm.bias));
  renamed["embeddings.LayerNorm.weight"] = tensors.at("embeddings.LayerNorm.weight");
  CHECK(contains(bind_error(renamed), "missing: embeddings.LayerNorm.bias"));
}

TEST_CASE("parameters that embedding does not use are passed over") {
  auto tensors = test::tiny_tensors(test::tiny_config(), "roberta.");
  tensors["roberta.embeddings.position_ids"] = at::zeros({1, 66}, at::kLong);
  tensors["roberta.pooler.dense.weight"] = at::zeros({32, 32});
  tensors["lm_head.bias"] = at::zeros({100});
  CHECK_NOTHROW(bert::bind(test::tiny_config(), tensors));
}

TEST_CASE("a file that lacks all of a family's tensors is refused, however large its configuration says they are") {
  auto config = test::tiny_config();
  config.token_types = 0;
  config.hidden_size = config.position_rows = 2'000'000'000;
  for (const auto bind : {distilbert::bind, mpnet::bind}) {
    const auto message = expect_error(ErrorCode::bad_model, [&] { bind(config, {}, {}); });
    CHECK(contains(message, "missing: embeddings.word_embeddings.weight"));
    CHECK_FALSE(contains(message, "token_type"));
  }
}

TEST_CASE("everything wrong is listed in one error") {
  auto tensors = test::tiny_tensors(test::tiny_config());
  tensors.erase("encoder.layer.0.attention.self.key.bias");
  tensors.erase("encoder.layer.1.output.LayerNorm.weight");
  tensors["encoder.layer.0.intermediate.dense.weight"] = at::zeros({64, 31});
  tensors["embeddings.LayerNorm.bias"] = at::zeros({32}, at::kInt);
  tensors["encoder.layer.2.output.dense.bias"] = at::zeros({32});
  const std::string message = bind_error(tensors);
  INFO(message);
  CHECK(contains(message, "5 problem(s)"));
  CHECK(contains(message, "missing: encoder.layer.0.attention.self.key.bias (expected [32])"));
  CHECK(contains(message, "missing: encoder.layer.1.output.LayerNorm.weight"));
  CHECK(
      contains(message, "wrong shape: encoder.layer.0.intermediate.dense.weight (expected [64, 32], found [64, 31])"));
  CHECK(contains(message, "wrong dtype: embeddings.LayerNorm.bias"));
  CHECK(contains(message, "unexpected: encoder.layer.2.output.dense.bias"));
}

TEST_CASE("a configuration may claim any number of layers") {
  auto config = test::tiny_config();
  const auto tensors = test::tiny_tensors(config, "roberta.");
  config.layers = 10'000'000;
  const std::string message = expect_error(ErrorCode::bad_model, [&] { bert::bind(config, tensors); });
  INFO(message);
  CHECK(contains(message, "159999968 problem(s)"));  // 16 of each layer but two
  CHECK(contains(message, "missing: roberta.encoder.layer.2.attention.self.query.weight (expected [32, 32])"));
  CHECK(contains(message, "\n  and 159999948 more"));
  CHECK(message.size() < 4'000);
}

TEST_CASE("of much that is wrong the first 20 are listed") {
  auto tensors = test::tiny_tensors(test::tiny_config());
  for (int i = 0; i < 1'000; ++i) tensors["extra." + std::to_string(i)] = at::zeros({1});
  tensors["extra.\x1b[31m\n" + std::string(1'000'000, 'x')] = at::zeros({1});
  const std::string message = bind_error(tensors);
  INFO(message);
  CHECK(contains(message, "1001 problem(s)"));
  CHECK(contains(message, "\n  and 981 more"));
  CHECK(contains(message, "extra.\\x1b[31m\\nxx"));
  CHECK(message.size() < 4'000);
}

TEST_CASE("a classification head is not taken for an embedding model") {
  auto tensors = test::tiny_tensors(test::tiny_config(), "roberta.");
  tensors["classifier.out_proj.weight"] = at::zeros({1, 32});
  CHECK(contains(bind_error(tensors), "unexpected: classifier.out_proj.weight"));
}

TEST_CASE("an empty checkpoint lists what it lacks") {
  CHECK(contains(bind_error({}), "missing: embeddings.word_embeddings.weight"));
}

TEST_CASE("a head takes weight and bias of the right size") {
  const TensorMap head = {{"weight", at::zeros({24, 32})}, {"bias", at::zeros({24})}};
  CHECK(bind_head(head, -1, 32, "colbert_linear.pt").outputs() == 24);
  const auto message = expect_error(ErrorCode::bad_model, [&] { bind_head(head, 1, 32, "sparse_linear.pt"); });
  CHECK(contains(message, "sparse_linear.pt"));
  CHECK(contains(message, "expected [1, 32], found [24, 32]"));
}

TEST_CASE("each family that is read has an encoder") {
  for (const auto& name : family_names()) CHECK((find_family(name).bind != nullptr));
  CHECK_THROWS_AS((void)find_family("gpt2"), Error);
}

TEST_CASE("a family is added once, whole, and under a name of its own") {
  const Family whole{"added", [](const ConfigFile&, ModelConfig&) {}, find_family("bert").bind};
  const auto refused = [](Family family) {
    const auto message = expect_error(ErrorCode::invalid_argument, [&] { add_family(std::move(family)); });
    CHECK(contains(message, "families so far: 'xlm-roberta'"));
  };
  refused({"bert", whole.read, whole.bind});
  refused({"", whole.read, whole.bind});
  refused({"half", whole.read, nullptr});
  refused({"half", nullptr, whole.bind});
  std::atomic<int> added = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        try {
          add_family(whole);
          ++added;
        } catch (const Error&) {
        }
      });
    }
  }
  CHECK(added == 1);
  CHECK((find_family("added").bind == whole.bind));
}
