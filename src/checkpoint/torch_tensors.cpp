#include "checkpoint/torch_tensors.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

// Bytes of a file.
struct Extent {
  std::size_t begin = 0;
  std::size_t size = 0;
};

// `elements` of a type from element `begin` of an extent on, or nothing when they do not lie in it.
std::optional<Extent> part_of(const Extent& whole, ElementType type, std::int64_t begin, std::int64_t elements) {
  const auto before = count_bytes(type, {begin});
  const auto bytes = count_bytes(type, {elements});
  if (!before || !bytes || *before > whole.size || *bytes > whole.size - *before) return std::nullopt;
  return Extent{whole.begin + *before, *bytes};
}

// The number of elements is known to fit.
bool is_contiguous(const PickledTensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

// Elements of the storage from the first to the last of a view, or nothing when they are too many. A copy of a view has
// no more elements than its storage, unless it repeats some, as torch.save has no reason to.
std::optional<std::int64_t> spanned_elements(const PickledTensor& tensor) {
  std::int64_t span = 1;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    std::int64_t step = 0;
    if (__builtin_mul_overflow(tensor.shape[i] - 1, tensor.strides[i], &step) ||
        __builtin_add_overflow(span, step, &span)) {
      return std::nullopt;
    }
  }
  const auto elements = count_elements(tensor.shape);
  return elements && *elements <= span ? std::optional(span) : std::nullopt;
}

[[noreturn]] void does_not_fit(const PickledTensor& tensor, std::size_t storage_bytes) {
  const std::string view = tensor.view ? fmt::format("elements {} to {} of ", tensor.view->begin,
                                                     static_cast<std::uint64_t>(tensor.view->begin) +
                                                         static_cast<std::uint64_t>(tensor.view->elements))
                                       : "";
  throw Error(
      ErrorCode::bad_model,
      fmt::format("tensor {} of shape [{}] and strides [{}] at element {} does not fit {}its storage of {} bytes",
                  in_quotes(tensor.name), fmt::join(tensor.shape, ", "), fmt::join(tensor.strides, ", "), tensor.offset,
                  view, storage_bytes));
}

}  // namespace

// A tensor is a window into a storage: [offset, offset + elements) of it, or with strides the elements between.
TensorRecord locate(const PickledTensor& tensor, std::size_t storage_begin, std::size_t storage_bytes) {
  const ElementType type = tensor.storage.type;
  std::optional<Extent> extent = Extent{storage_begin, storage_bytes};
  if (tensor.view) extent = part_of(*extent, type, tensor.view->begin, tensor.view->elements);

  const auto elements = count_elements(tensor.shape);
  const bool is_plain = elements && (*elements == 0 || is_contiguous(tensor));
  const auto span = is_plain ? elements : spanned_elements(tensor);
  if (extent && span) extent = part_of(*extent, type, tensor.offset, *span);
  if (!extent || !span) does_not_fit(tensor, storage_bytes);
  return {tensor.name, type, tensor.shape, extent->begin, is_plain ? std::vector<std::int64_t>() : tensor.strides};
}

}  // namespace bgem3
