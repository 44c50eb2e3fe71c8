#pragma once

#include <cstddef>
#include <span>

namespace bgem3 {

/// Memory of a mapped file whose pages may be lost while they are in use: the file is cut shorter, or its disk fails.
/// The system tells by SIGBUS, which ends a process that does not handle it.
///
/// While an object lives, a lost page in its memory, and all pages behind it, become zeros instead, and
/// has_lost_pages() says so. A SIGBUS for any other reason goes to the handler that was there before.
///
/// The handler is installed for the whole process when the first object is made, and stays. It is of no use where
/// somebody else takes SIGBUS later, or for threads that block SIGBUS: then the process ends.
class WatchedMemory {
 public:
  /// `memory` begins with a page.
  explicit WatchedMemory(std::span<const std::byte> memory);
  WatchedMemory(const WatchedMemory&) = delete;
  WatchedMemory& operator=(const WatchedMemory&) = delete;
  /// Before the memory is unmapped.
  ~WatchedMemory();

  [[nodiscard]] bool has_lost_pages() const noexcept;

  /// Whether SIGBUS comes to the handler, as it does after the first object was made, unless somebody else took it.
  static bool handles_signal() noexcept;

  struct Entry;

 private:
  Entry* entry_;
};

}  // namespace bgem3
