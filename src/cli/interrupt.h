#pragma once

namespace bgem3::cli {

/// Turns SIGINT and SIGTERM into a flag, for as long as it lives. A second signal ends the process as usual.
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  /// The signal that came, or 0.
  static int signal() noexcept;
};

}  // namespace bgem3::cli
