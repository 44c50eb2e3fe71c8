#include "families/encoders.h"

#include <array>

#include <fmt/format.h>

#include "bgem3/families/bert.h"
#include "families/readers.h"

namespace bgem3 {
namespace {

struct Binder {
  std::string_view model_type;
  decltype(Family::bind) bind;
};

template <typename FamilyEncoder, auto bind_weights>
std::unique_ptr<Encoder> bind_as(const ModelConfig& config, const TensorMap& tensors, const Placement& placement) {
  return std::make_unique<FamilyEncoder>(config, bind_weights(config, tensors, placement));
}

// One line a family; readers.cpp has the other half.
constexpr std::array<Binder, 2> binders{
    {{"xlm-roberta", bind_as<bert::BertEncoder, bert::bind>}, {"bert", bind_as<bert::BertEncoder, bert::bind>}}};

}  // namespace

decltype(Family::bind) find_binder(std::string_view model_type) {
  for (const auto& binder : binders) {
    if (binder.model_type == model_type) return binder.bind;
  }
  const auto bind = find_added_binder(model_type);
  if (bind == nullptr) throw Error(ErrorCode::internal, fmt::format("no encoder of model_type '{}'", model_type));
  return bind;
}

}  // namespace bgem3
