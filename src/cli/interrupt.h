#pragma once

namespace bgem3::cli {

/// Turns SIGINT and SIGTERM into a flag, for as long as it lives. A second signal ends the process as usual.
/// A read that waits for input returns (EINTR).
class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  /// The signal that came, or 0.
  static int signal() noexcept;

  /// 128 + signal, as a shell reports it; 0 when none came.
  static int exit_status() noexcept;
};

}  // namespace bgem3::cli
