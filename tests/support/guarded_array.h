#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>

#include "support/address_sanitizer.h"

namespace bgem3::test {

/// An array between guards: bytes of 0xff, which are NaN in every floating type. A kernel that reads beyond the array
/// finds NaN; is_intact() reports one that writes beyond it; AddressSanitizer stops at both. The elements start as NaN,
/// too.
template <typename T>
class GuardedArray {
 public:
  /// `offset` elements beyond a multiple of 16 bytes.
  explicit GuardedArray(std::size_t size, std::size_t offset = 0)
      : size_(size),
        bytes_(2 * guard_bytes + (size + offset) * sizeof(T)),
        memory_(static_cast<unsigned char*>(::operator new[](bytes_, alignment)), Free{bytes_}) {
    std::fill_n(memory_.get(), bytes_, guard);
    begin_ = guard_bytes + offset * sizeof(T);
    ASAN_POISON_MEMORY_REGION(memory_.get(), begin_);
    ASAN_POISON_MEMORY_REGION(end(), guard_bytes);
  }

  [[nodiscard]] T* data() { return reinterpret_cast<T*>(memory_.get() + begin_); }
  [[nodiscard]] const T* data() const { return reinterpret_cast<const T*>(memory_.get() + begin_); }
  [[nodiscard]] std::size_t size() const { return size_; }
  T& operator[](std::size_t at) { return data()[at]; }
  const T& operator[](std::size_t at) const { return data()[at]; }
  [[nodiscard]] std::span<T> all() { return {data(), size_}; }

  [[nodiscard]] bool is_intact() const {
#ifdef BGEM3_ADDRESS_SANITIZER
    return true;  // or it had ended the process
#else
    const auto is_guard = [](unsigned char byte) { return byte == guard; };
    return std::all_of(memory_.get(), memory_.get() + begin_, is_guard) &&
           std::all_of(end(), end() + guard_bytes, is_guard);
#endif
  }

 private:
  // As much as a block could touch beyond the last text.
  static constexpr std::size_t guard_bytes = 32 * 1024;
  static constexpr unsigned char guard = 0xff;
  static constexpr auto alignment = std::align_val_t(64);

  struct Free {
    std::size_t bytes;
    void operator()(unsigned char* memory) const {
      ASAN_UNPOISON_MEMORY_REGION(memory, bytes);
      ::operator delete[](memory, alignment);
    }
  };

  [[nodiscard]] unsigned char* end() const { return memory_.get() + begin_ + size_ * sizeof(T); }

  std::size_t size_, bytes_, begin_ = 0;
  std::unique_ptr<unsigned char[], Free> memory_;
};

}  // namespace bgem3::test
