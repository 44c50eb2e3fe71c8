#pragma once

#include <filesystem>

#include "bgem3/config.h"
#include "bgem3/families/family.h"

namespace bgem3 {

/// The file with the tensors of the adapter in `folder`.
/// @throws Error bad_model where there is none
std::filesystem::path find_adapter_weights(const std::filesystem::path& folder);

/// Adds to the weights of linear layers in `tensors` what an adapter learned on them: W + scale · B A, in float32.
/// `changes`: the tensors of that file.
/// @throws Error bad_model when they do not belong together: another layer or shape, half of a pair, a layer that the
///         adapter's configuration names and that has none, or one that has it and is not named
void merge_adapter(const LoraAdapter& adapter, const TensorMap& changes, TensorMap& tensors);

}  // namespace bgem3
