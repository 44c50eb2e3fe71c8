#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "checkpoint/pickle_value.h"

namespace bgem3::detail {

/// A pickle that was read. Its values lie in the heap and refer to the bytes that were read.
struct Pickle {
  PickleHeap heap;
  const PickleValue* top = nullptr;          ///< what was pickled
  std::vector<const PickleValue*> storages;  ///< all that occur anywhere in it
  std::size_t bytes = 0;                     ///< its length; other things may follow
};

/// Reads the pickle at the beginning of `bytes` as data: a program for a stack machine of which only the instructions
/// that build names, numbers, containers and tensors are carried out. The module the pickle asks for is never looked
/// up, so nothing can be executed.
/// @throws Error bad_model, naming any other function the pickle wants to call, or what is malformed
Pickle read_pickle(std::span<const std::byte> bytes);

}  // namespace bgem3::detail
