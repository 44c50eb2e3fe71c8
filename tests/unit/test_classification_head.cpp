#include "support/doctest_torch.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>

#include "bgem3/families/classification_head.h"
#include "support/expect_error.h"
#include "support/tiny_weights.h"

using namespace bgem3;
using test::contains;
using test::expect_error;

namespace {

using Bind = ClassificationHead (*)(const ModelConfig&, TensorMap&, const Placement&);

// What transformers has for a head beside the encoder, which is below `prefix`.
struct Case {
  Bind bind;
  std::string prefix, dense, output;
  HeadActivation activation;
};

const std::vector<Case> cases = {
    {bind_classification_head, "roberta.", "classifier.dense.", "classifier.out_proj.", HeadActivation::tanh},
    {bind_pooler_head, "bert.", "bert.pooler.dense.", "classifier.", HeadActivation::tanh},
    {bind_pooler_head, "", "pooler.dense.", "classifier.", HeadActivation::tanh},
    {bind_relu_head, "distilbert.", "pre_classifier.", "classifier.", HeadActivation::relu},
};

TensorMap tensors_of(const Case& head, const ModelConfig& config, int64_t labels = 1) {
  const int64_t d = config.hidden_size;
  TensorMap tensors = test::tiny_tensors(config, head.prefix);
  tensors[head.dense + "weight"] = at::randn({d, d});
  tensors[head.dense + "bias"] = at::randn({d});
  tensors[head.output + "weight"] = at::randn({labels, d});
  tensors[head.output + "bias"] = at::randn({labels});
  return tensors;
}

}  // namespace

TEST_CASE("heads of all kinds are taken out of a checkpoint, and computed") {
  const ModelConfig config = test::tiny_config();
  const at::Tensor first = at::randn({5, config.hidden_size});
  for (const auto& head : cases) {
    CAPTURE(head.dense);
    const TensorMap all = tensors_of(head, config);
    TensorMap rest = all;
    const ClassificationHead bound = head.bind(config, rest, {});
    CHECK(rest.size() + 4 == all.size());
    CHECK(std::ranges::all_of(rest, [&](const auto& entry) { return entry.first.starts_with(head.prefix); }));
    at::Tensor hidden = at::linear(first, all.at(head.dense + "weight"), all.at(head.dense + "bias"));
    hidden = head.activation == HeadActivation::relu ? hidden.relu() : hidden.tanh();
    const at::Tensor expected = at::linear(hidden, all.at(head.output + "weight"), all.at(head.output + "bias"));
    CHECK(relevance(first, bound).allclose(expected.squeeze(1), 1e-5, 1e-4));
  }
}

TEST_CASE("a head of several labels is refused, and one that is not whole") {
  const ModelConfig config = test::tiny_config();
  for (const auto& head : cases) {
    CAPTURE(head.dense);
    const auto refused = [&](TensorMap tensors) {
      return expect_error(ErrorCode::bad_model, [&] { (void)head.bind(config, tensors, {}); });
    };
    CHECK(contains(refused(tensors_of(head, config, 3)), "expected " + head.output + "weight of one label, found 3"));
    for (const auto& name : {head.dense + "bias", head.output + "weight"}) {
      TensorMap tensors = tensors_of(head, config);
      tensors.erase(name);
      CHECK(contains(refused(std::move(tensors)), "missing: " + name));
    }
    TensorMap more = tensors_of(head, config);
    more["classifier.scale"] = at::randn({1});
    CHECK(contains(refused(std::move(more)), "unexpected: classifier.scale"));
  }
}
