#include "pipeline/transfer.h"

#include <algorithm>
#include <cstddef>

#include <ATen/ops/empty.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace bgem3 {

Transfer::Transfer(at::Device device) : device_(device) {}

at::Tensor Transfer::to_host(const at::Tensor& results) {
  if (device_.is_cpu()) return results.contiguous();
  const auto options = at::TensorOptions(results.scalar_type()).pinned_memory(true);
  at::Tensor host = at::empty(results.sizes(), options);
  host.copy_(results, /*non_blocking=*/true);
  return host;
}

void Transfer::end() {
  if (device_.is_cpu()) return;
  copied_.emplace(device_.type());
  copied_->record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
}

void Transfer::wait() {
  if (copied_) copied_->synchronize();
}

Matrix to_matrix(const at::Tensor& tensor) {
  const at::Tensor host = tensor.to(at::TensorOptions(at::kCPU).dtype(at::kFloat)).contiguous();
  Matrix matrix(static_cast<std::size_t>(host.size(0)), static_cast<std::size_t>(host.size(1)));
  std::copy_n(host.const_data_ptr<float>(), matrix.size(), matrix.data());
  return matrix;
}

}  // namespace bgem3
