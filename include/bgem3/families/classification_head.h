#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <c10/util/StringUtil.h>

#include "bgem3/detail/message.h"
#include "bgem3/families/parameter_names.h"
#include "bgem3/families/weight_binder.h"
#include "bgem3/layers/heads.h"

// The heads of transformers' models for sequence classification, with one label: Family::bind_head.

namespace bgem3 {
namespace detail {

/// Which score of several would be the relevance, no file says.
inline void expect_one_label(const TensorMap& tensors, const std::string& output) {
  const auto found = tensors.find(output);
  if (found == tensors.end() || found->second.dim() != 2 || found->second.size(0) == 1) return;
  throw Error(ErrorCode::bad_model,
              c10::str("expected ", in_one_line(output), " of one label, found ", found->second.size(0),
                       ": a cross-encoder gives one score for each pair; take transformers for a classifier"));
}

/// A head whose layers are named `dense` and `output`, the latter within `classifier.`; both are taken out of
/// `tensors`.
/// @throws Error bad_model for several labels, and as WeightBinder::finish
inline ClassificationHead bind_head_layers(const ModelConfig& config, TensorMap& tensors, const Placement& placement,
                                           const std::string& dense, const std::string& output,
                                           HeadActivation activation) {
  TensorMap own = split_off(tensors, "classifier.");
  own.merge(split_off(tensors, dense));
  expect_one_label(own, output + "weight");
  WeightBinder binder(own, "", placement);
  const int64_t d = config.hidden_size;
  ClassificationHead head{binder.linear(dense, d, d), binder.linear(output, 1, d), activation};
  binder.finish("the weights of the classification head", [](std::string_view) { return false; });
  return head;
}

}  // namespace detail

/// The head of XLMRobertaForSequenceClassification, and of RoBERTa's and MPNet's: `classifier.dense`, tanh,
/// `classifier.out_proj`.
/// @throws Error bad_model for several labels, and as WeightBinder::finish, as all of these do
inline ClassificationHead bind_classification_head(const ModelConfig& config, TensorMap& tensors,
                                                   const Placement& placement = {}) {
  return detail::bind_head_layers(config, tensors, placement, "classifier.dense.", "classifier.out_proj.",
                                  HeadActivation::tanh);
}

/// The head of BertForSequenceClassification: `pooler.dense` of the encoder, tanh, `classifier`.
inline ClassificationHead bind_pooler_head(const ModelConfig& config, TensorMap& tensors,
                                           const Placement& placement = {}) {
  const std::string pooler = detail::find_prefix(tensors) + "pooler.dense.";
  return detail::bind_head_layers(config, tensors, placement, pooler, "classifier.", HeadActivation::tanh);
}

/// The head of DistilBertForSequenceClassification: `pre_classifier`, ReLU, `classifier`.
inline ClassificationHead bind_relu_head(const ModelConfig& config, TensorMap& tensors,
                                         const Placement& placement = {}) {
  return detail::bind_head_layers(config, tensors, placement, "pre_classifier.", "classifier.", HeadActivation::relu);
}

}  // namespace bgem3
