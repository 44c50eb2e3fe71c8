#pragma once

namespace bgem3 {

/// Wakes the OpenMP threads that compute for the calling thread, on other processors than its own. They sleep between
/// calls. A virtual machine's idle processor may look taken to Linux, which then wakes them on the caller's, where they
/// wait for it, as it spins and waits for them: 10 ms of a call of 5.
///
/// For the while their affinity excludes the caller's processor. Without OpenMP in the compiler, nothing is done.
void wake_team() noexcept;

/// Tells wake_team() that the threads have just been busy, so that they need not be woken for another call.
void note_team_busy() noexcept;

}  // namespace bgem3
