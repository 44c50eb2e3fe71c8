#pragma once

#include <memory>
#include <utility>

#include "bgem3/families/bert.h"
#include "model/model.h"

namespace bgem3::test {

/// Gives a loaded model an encoder of its own, after change(weights). Tensors are those of the old one, to be cloned
/// before they are written to.
template <typename Change>
void change_weights(Model& model, const Change& change) {
  bert::Weights weights = dynamic_cast<const bert::BertEncoder&>(*model.encoder).weights();
  change(weights);
  model.encoder = std::make_shared<bert::BertEncoder>(model.info.config, std::move(weights));
}

}  // namespace bgem3::test
