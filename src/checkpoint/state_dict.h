#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/pickle.h"
#include "checkpoint/tensor_record.h"

namespace bgem3 {

/// What a pickle says of a storage, whose bytes lie elsewhere in the file.
struct PickledStorage {
  std::string key;
  ElementType type = ElementType::f32;
  std::int64_t elements = 0;
};

/// A part of a storage, in elements.
struct StorageView {
  std::int64_t begin = 0;
  std::int64_t elements = 0;
};

/// A tensor as `torch.save` describes it: a strided window into a storage, or into a part of one.
struct PickledTensor {
  std::string name;
  PickledStorage storage;
  std::optional<StorageView> view;
  std::int64_t offset = 0;  ///< elements of storage or view before the first
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

/// The tensors of a state dict, or of one that a trainer has wrapped. Names occur once. Sizes are taken as claimed; the
/// caller checks them against the storages.
/// @throws Error bad_model for anything but a dict of tensors
std::vector<PickledTensor> pickled_tensors(const detail::Pickle& pickle);

/// By key.
using PickledStorages = std::map<std::string, PickledStorage, std::less<>>;

/// All storages of a pickle, also those of things that are no tensors of the state dict.
/// @throws Error bad_model when two of a key differ
PickledStorages pickled_storages(const detail::Pickle& pickle);

}  // namespace bgem3
