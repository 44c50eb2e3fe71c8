#include "families/encoders.h"

#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "bgem3/families/bert.h"
#include "bgem3/families/classification_head.h"
#include "bgem3/families/distilbert.h"
#include "bgem3/families/mpnet.h"
#include "families/registry.h"

namespace bgem3 {
namespace {

struct Entry {
  std::string_view model_type;
  decltype(Family::bind) bind;
  decltype(Family::bind_head) bind_head;
};

template <typename FamilyEncoder, auto bind_weights>
std::unique_ptr<Encoder> bind_as(const ModelConfig& config, const TensorMap& tensors, const Placement& placement) {
  return std::make_unique<FamilyEncoder>(config, bind_weights(config, tensors, placement));
}

// One line a family; registry.cpp has the other half.
constexpr std::array<Entry, 6> entries{
    {{"xlm-roberta", bind_as<bert::BertEncoder, bert::bind>, bind_classification_head},
     {"bert", bind_as<bert::BertEncoder, bert::bind>, bind_pooler_head},
     {"distilbert", bind_as<bert::BertEncoder, distilbert::bind>, bind_relu_head},
     {"roberta", bind_as<bert::BertEncoder, bert::bind>, bind_classification_head},
     {"camembert", bind_as<bert::BertEncoder, bert::bind>, bind_classification_head},
     {"mpnet", bind_as<bert::BertEncoder, mpnet::bind>, bind_classification_head}}};

}  // namespace

Family find_family(std::string_view model_type) {
  for (const auto& entry : entries) {
    if (entry.model_type == model_type) {
      return {std::string(model_type), find_read(model_type), entry.bind, entry.bind_head};
    }
  }
  if (auto added = find_added_family(model_type)) return *std::move(added);
  throw Error(ErrorCode::internal, fmt::format("no encoder of model_type '{}'", model_type));
}

}  // namespace bgem3
