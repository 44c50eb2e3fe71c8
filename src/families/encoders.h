#pragma once

#include <string_view>

#include "bgem3/families/family.h"

namespace bgem3 {

/// Family::bind of a model_type that read_model_config() has read.
/// @throws Error internal where no family has it
decltype(Family::bind) find_bind(std::string_view model_type);

}  // namespace bgem3
