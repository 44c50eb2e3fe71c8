#pragma once

#include <atomic>
#include <cstdint>

namespace bgem3::server {

/// Counts the bytes that all connections hold together, so that many slow clients cannot fill the memory.
class HeldBytes {
 public:
  explicit HeldBytes(std::uint64_t most) : most_(most) {}

  /// What one connection holds.
  class Share {
   public:
    explicit Share(HeldBytes& all) : all_(all) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { (void)resize(0); }

    /// False: more than all may hold together. One that is alone may hold what it likes.
    [[nodiscard]] bool resize(std::uint64_t bytes) {
      const std::uint64_t total = all_.total_ += bytes - bytes_;  // unsigned: less is added as well
      bytes_ = bytes;
      return total <= all_.most_ || total == bytes;
    }

   private:
    HeldBytes& all_;
    std::uint64_t bytes_ = 0;
  };

 private:
  const std::uint64_t most_;
  std::atomic<std::uint64_t> total_ = 0;  // a connection may end on the thread of its last request
};

/// What the connections of a server hold.
struct Traffic {
  HeldBytes bodies;     ///< that have arrived
  HeldBytes responses;  ///< that are being sent
};

}  // namespace bgem3::server
