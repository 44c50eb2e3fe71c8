#include "families/encoders.h"

#include <array>

#include <fmt/format.h>

#include "bgem3/families/bert.h"
#include "families/registry.h"

namespace bgem3 {
namespace {

struct Entry {
  std::string_view model_type;
  decltype(Family::bind) bind;
};

template <typename FamilyEncoder, auto bind_weights>
std::unique_ptr<Encoder> bind_as(const ModelConfig& config, const TensorMap& tensors, const Placement& placement) {
  return std::make_unique<FamilyEncoder>(config, bind_weights(config, tensors, placement));
}

// One line a family; registry.cpp has the other half.
constexpr std::array<Entry, 2> entries{
    {{"xlm-roberta", bind_as<bert::BertEncoder, bert::bind>}, {"bert", bind_as<bert::BertEncoder, bert::bind>}}};

}  // namespace

decltype(Family::bind) find_bind(std::string_view model_type) {
  for (const auto& entry : entries) {
    if (entry.model_type == model_type) return entry.bind;
  }
  const auto bind = find_added_bind(model_type);
  if (bind == nullptr) throw Error(ErrorCode::internal, fmt::format("no encoder of model_type '{}'", model_type));
  return bind;
}

}  // namespace bgem3
