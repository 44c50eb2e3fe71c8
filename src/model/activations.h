#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace bgem3 {

using ActivationFunction = at::Tensor (*)(const at::Tensor&);

/// The activation of a class of torch.nn with its default arguments, by the name of the class. `place`: file and key
/// that name it, for the message.
/// @throws Error bad_model for a class that is none, needs arguments or has weights; it lists those that are known
ActivationFunction find_activation(const std::string& name, const std::string& place);

}  // namespace bgem3
