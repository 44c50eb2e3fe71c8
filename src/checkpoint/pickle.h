#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/tensor_record.h"

namespace bgem3 {

/// A tensor as `torch.save` describes it: a strided window into a named storage.
struct PickledTensor {
  std::string name;
  std::string storage;  ///< the record `data/<storage>` of the archive
  ElementType type = ElementType::f32;
  std::int64_t storage_elements = 0;
  std::int64_t offset = 0;  ///< elements before the first
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

/// Reads the `data.pkl` of a state dict as data: a program for a stack machine of which only the instructions that
/// build names, numbers, containers and tensors are carried out. The module the pickle asks for is never looked up, so
/// nothing can be executed. Sizes of tensors are taken as claimed; the caller checks them against the storages.
/// @throws Error bad_model, naming any other function the pickle wants to call, or what is malformed
std::vector<PickledTensor> read_state_dict(std::span<const std::byte> pickle);

}  // namespace bgem3
