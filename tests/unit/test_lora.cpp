#include "support/doctest_torch.h"

#include <string>

#include <ATen/ops/allclose.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>

#include "model/lora.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"
#include "support/tiny_weights.h"

using namespace bgem3;
using test::contains;

namespace {

const std::string query = "encoder.layer.0.attention.self.query";

LoraAdapter one_layer() {
  LoraAdapter adapter;
  adapter.targets = {query};
  adapter.rank = 2;
  adapter.alpha = 6;
  return adapter;
}

// A pair for `layer`, as peft names it.
TensorMap pair_of(const std::string& layer) {
  const auto size = test::tiny_config().hidden_size;
  return {{"base_model.model." + layer + ".lora_A.weight", at::randn({2, size})},
          {"base_model.model." + layer + ".lora_B.weight", at::randn({size, 2})}};
}

std::string refusal(const TensorMap& changes, const LoraAdapter& adapter = one_layer()) {
  auto tensors = test::tiny_tensors(test::tiny_config());
  return test::expect_error(ErrorCode::bad_model, [&] { merge_adapter(adapter, changes, tensors); });
}

}  // namespace

TEST_CASE("an adapter is added to the weight of its layer, and to no other") {
  for (const std::string prefix : {"", "roberta.", "model."}) {
    CAPTURE(prefix);
    const auto before = test::tiny_tensors(test::tiny_config(), prefix);
    const auto changes = pair_of(query);
    auto tensors = before;
    merge_adapter(one_layer(), changes, tensors);
    for (const auto& entry : before) {
      const std::string& name = entry.first;
      const at::Tensor& tensor = entry.second;
      CAPTURE(name);
      if (name != prefix + query + ".weight") {
        CHECK(tensors.at(name).const_data_ptr() == tensor.const_data_ptr());
        continue;
      }
      const auto product = at::matmul(changes.rbegin()->second, changes.begin()->second);
      CHECK(at::allclose(tensors.at(name), tensor.add(product, 3), 1e-5, 1e-6));
    }
  }
}

TEST_CASE("float16 and bfloat16 become float32") {
  auto tensors = test::tiny_tensors(test::tiny_config());
  for (auto& [name, tensor] : tensors) tensor = tensor.to(at::kHalf);
  auto changes = pair_of(query);
  for (auto& [name, tensor] : changes) tensor = tensor.to(at::kBFloat16);
  merge_adapter(one_layer(), changes, tensors);
  CHECK((tensors.at(query + ".weight").scalar_type() == at::kFloat));
}

TEST_CASE("an adapter that does not fit its base is refused by layer") {
  CHECK(contains(refusal({}), query));
  CHECK(contains(refusal(pair_of("encoder.layer.9.attention.self.query")), "layer.9"));
  CHECK(contains(refusal(pair_of("embeddings.word_embeddings")), "word_embeddings"));
  CHECK(contains(refusal(pair_of("other." + query)), "'other." + query + "' is no linear layer"));
  auto extra = pair_of(query);
  extra.merge(pair_of("encoder.layer.1.attention.self.query"));
  CHECK(contains(refusal(extra), "does not name"));
  auto half = pair_of(query);
  half.erase(half.begin());
  CHECK(contains(refusal(half), "no lora_A"));
  auto other = pair_of(query);
  other.begin()->second = at::ones({2, 3});
  CHECK(contains(refusal(other), "found [2, 3]"));
  auto twice = pair_of(query);
  twice.emplace("roberta." + query + ".lora_A.weight", at::ones({2, 3}));
  CHECK(contains(refusal(twice), "two tensors"));
  auto biased = pair_of(query);
  biased.emplace("base_model.model." + query + ".lora_B.bias", at::ones({3}));
  CHECK(contains(refusal(biased), "lora_B.bias"));
}

TEST_CASE("whole numbers are no weights") {
  auto changes = pair_of(query);
  changes.begin()->second = changes.begin()->second.to(at::kLong);
  CHECK(contains(refusal(changes), "expected floating point"));
  auto tensors = test::tiny_tensors(test::tiny_config());
  tensors.at(query + ".weight") = tensors.at(query + ".weight").to(at::kChar);
  CHECK(contains(test::expect_error(ErrorCode::bad_model, [&] { merge_adapter(one_layer(), pair_of(query), tensors); }),
                 "expected floating point"));
}

TEST_CASE("the pooler, which no embedding needs, may have an adapter") {
  auto tensors = test::tiny_tensors(test::tiny_config());
  auto changes = pair_of(query);
  changes.merge(pair_of("pooler.dense"));
  CHECK_NOTHROW(merge_adapter(one_layer(), changes, tensors));
}

TEST_CASE("an adapter's file is safetensors, or else a torch zip") {
  const test::TempDir dir;
  CHECK(contains(test::expect_error(ErrorCode::bad_model, [&] { (void)find_adapter_weights(dir.path()); }),
                 "adapter_model.safetensors"));
  dir.write("adapter_model.bin", "");
  CHECK(find_adapter_weights(dir.path()).filename() == "adapter_model.bin");
  dir.write("adapter_model.safetensors", "");
  CHECK(find_adapter_weights(dir.path()).filename() == "adapter_model.safetensors");
}
