#pragma once

#include <cstddef>
#include <cstdint>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

namespace bgem3::test {

/// As long as it lives, LibTorch's tensors on the CPU have no room for more than `largest` bytes each.
class LimitedMemory final : public c10::Allocator {
 public:
  explicit LimitedMemory(std::size_t largest) : largest_(largest) { c10::SetCPUAllocator(this, priority); }
  ~LimitedMemory() override { c10::SetCPUAllocator(unlimited_, priority); }
  LimitedMemory(const LimitedMemory&) = delete;
  LimitedMemory& operator=(const LimitedMemory&) = delete;

  c10::DataPtr allocate(std::size_t bytes) override {
    TORCH_CHECK(bytes <= largest_, "DefaultCPUAllocator: not enough memory for ", bytes, " bytes");
    return unlimited_->allocate(bytes);
  }
  [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override { return unlimited_->raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  static constexpr std::uint8_t priority = 1;
  std::size_t largest_;
  c10::Allocator* unlimited_ = c10::GetCPUAllocator();
};

}  // namespace bgem3::test
