#pragma once

#include <string_view>

#include "bgem3/families/family.h"

namespace bgem3 {

/// The family of a model_type that read_model_config() has read.
/// @throws Error internal where there is none
Family find_family(std::string_view model_type);

}  // namespace bgem3
