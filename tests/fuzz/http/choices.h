#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace bgem3::fuzz {

/// Takes decisions by the bytes of an input, from its beginning; by zeros when there are no more.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

  /// 0 to `count` - 1; at most 256.
  std::size_t below(std::size_t count) {
    const auto byte = take(1);
    return byte.empty() ? 0 : static_cast<unsigned char>(byte[0]) % count;
  }

  /// Seldom true, and never when there are no more bytes.
  bool once_in(std::size_t count) { return below(count) == count - 1; }

  std::string_view take(std::size_t size) {
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view rest_;
};

}  // namespace bgem3::fuzz
