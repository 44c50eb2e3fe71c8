#pragma once

namespace bgem3::detail {

/// What follows a linear layer; gelu is the erf form.
enum class Activation { none, gelu };

}  // namespace bgem3::detail
