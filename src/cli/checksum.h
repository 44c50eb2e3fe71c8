#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bgem3::cli {

/// XXH64 with seed 0 of bytes that come in any number of parts, several gigabytes a second. It tells damage and
/// mistakes, not forgery. Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
class Checksum {
 public:
  void add(std::string_view bytes);
  /// The length comes first, so that neighbours cannot trade bytes: "ab", "c" differs from "a", "bc".
  void add_sized(std::string_view bytes);
  /// Of all bytes so far; more may follow.
  [[nodiscard]] std::uint64_t value() const;

 private:
  static constexpr std::size_t stripe_bytes = 32;
  static constexpr std::uint64_t prime_1 = 0x9E3779B185EBCA87, prime_2 = 0xC2B2AE3D27D4EB4F,
                                 prime_3 = 0x165667B19E3779F9, prime_4 = 0x85EBCA77C2B2AE63,
                                 prime_5 = 0x27D4EB2F165667C5;

  static std::uint64_t mix(std::uint64_t lane, std::uint64_t input);
  void add_stripe(const char* stripe);
  [[nodiscard]] std::uint64_t merged_lanes() const;

  std::array<std::uint64_t, 4> lanes_ = {prime_1 + prime_2, prime_2, 0, 0 - prime_1};
  std::array<char, stripe_bytes> rest_{};  // what does not fill a stripe yet
  std::uint64_t bytes_ = 0;
};

}  // namespace bgem3::cli
