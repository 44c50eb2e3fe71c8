#pragma once

#include "bgem3/error.h"
#include "model/model.h"
#include "pipeline/caller.h"

namespace bgem3 {

/// After what was computed, and before anybody sees it: weights are read from mapped files as they are at that moment.
/// @throws Error model_changed
inline void expect_unchanged_files(const Model& model, Caller& caller) {
  const auto change = model.files->find_change();
  if (!change) return;
  if (model.files->is_news()) caller.call_back([&] { model.state->log.error("{}", *change); });
  throw Error(ErrorCode::model_changed, *change);
}

}  // namespace bgem3
