#pragma once

#include <optional>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Event.h>

#include "bgem3/matrix.h"

namespace bgem3 {

/// The way of a batch's results to the host. From a GPU they are copied into pinned memory behind the work that is
/// queued for it, while this thread prepares the next batch.
class Transfer {
 public:
  explicit Transfer(at::Device device);

  /// The same tensor on the host, contiguous; filled when wait() returns.
  at::Tensor to_host(const at::Tensor& results);

  /// Call it after the last to_host().
  void end();

  /// Waits for all that was given to to_host().
  void wait();

 private:
  at::Device device_;
  std::optional<c10::Event> copied_;
};

/// A tensor [n, m] as float32 on the host.
Matrix to_matrix(const at::Tensor& tensor);

}  // namespace bgem3
