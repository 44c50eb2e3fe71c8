#include "cli/checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace bgem3::cli {
namespace {

static_assert(std::endian::native == std::endian::little, "XXH64 reads numbers of little-endian order");

template <typename Number>
Number read(const char* bytes) {
  Number number = 0;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

}  // namespace

std::uint64_t Checksum::mix(std::uint64_t lane, std::uint64_t input) {
  return std::rotl(lane + input * prime_2, 31) * prime_1;
}

void Checksum::add_stripe(const char* stripe) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i] = mix(lanes_[i], read<std::uint64_t>(stripe + 8 * i));
}

void Checksum::add(std::string_view bytes) {
  const std::size_t held = bytes_ % stripe_bytes;
  bytes_ += bytes.size();
  if (held != 0) {
    const std::string_view part = bytes.substr(0, stripe_bytes - held);
    std::copy(part.begin(), part.end(), rest_.begin() + static_cast<std::ptrdiff_t>(held));
    if (held + part.size() < stripe_bytes) return;
    add_stripe(rest_.data());
    bytes.remove_prefix(part.size());
  }
  for (; bytes.size() >= stripe_bytes; bytes.remove_prefix(stripe_bytes)) add_stripe(bytes.data());
  std::copy(bytes.begin(), bytes.end(), rest_.begin());
}

void Checksum::add_sized(std::string_view bytes) {
  const std::uint64_t size = bytes.size();
  add({reinterpret_cast<const char*>(&size), sizeof size});
  add(bytes);
}

std::uint64_t Checksum::merged_lanes() const {
  std::uint64_t sum =
      std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
  for (const std::uint64_t lane : lanes_) sum = (sum ^ mix(0, lane)) * prime_1 + prime_4;
  return sum;
}

std::uint64_t Checksum::value() const {
  std::uint64_t sum = (bytes_ < stripe_bytes ? prime_5 : merged_lanes()) + bytes_;
  std::string_view rest(rest_.data(), bytes_ % stripe_bytes);
  for (; rest.size() >= 8; rest.remove_prefix(8)) {
    sum = std::rotl(sum ^ mix(0, read<std::uint64_t>(rest.data())), 27) * prime_1 + prime_4;
  }
  if (rest.size() >= 4) {
    sum = std::rotl(sum ^ read<std::uint32_t>(rest.data()) * prime_1, 23) * prime_2 + prime_3;
    rest.remove_prefix(4);
  }
  for (const char byte : rest) sum = std::rotl(sum ^ static_cast<unsigned char>(byte) * prime_5, 11) * prime_1;
  sum = (sum ^ sum >> 33) * prime_2;
  sum = (sum ^ sum >> 29) * prime_3;
  return sum ^ sum >> 32;
}

}  // namespace bgem3::cli
