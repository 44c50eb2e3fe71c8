#pragma once

#include <string_view>

#include "bgem3/families/weight_binder.h"
#include "bgem3/layers/heads.h"

namespace bgem3 {

/// The head of XLMRobertaForSequenceClassification with one label: `classifier.dense` and `classifier.out_proj`,
/// which are taken out of `tensors`.
/// @throws Error bad_model as WeightBinder::finish
inline ClassificationHead bind_classification_head(const ModelConfig& config, TensorMap& tensors,
                                                   const Placement& placement = {}) {
  const TensorMap own = detail::split_off(tensors, "classifier.");
  WeightBinder binder(own, "classifier.", placement);
  const int64_t d = config.hidden_size;
  ClassificationHead head{binder.linear("dense.", d, d), binder.linear("out_proj.", 1, d)};
  binder.finish("the weights of the classification head", [](std::string_view) { return false; });
  return head;
}

}  // namespace bgem3
