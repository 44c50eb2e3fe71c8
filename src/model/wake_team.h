#pragma once

namespace bgem3 {

/// Wakes the OpenMP threads that compute for the calling thread, on other processors than its own. They sleep between
/// calls. In a virtual machine, Linux often wakes them on the caller's processor, although another one is idle. There
/// they cannot run before the caller is preempted, which spins until they have run: a call of 5 ms then takes 15.
///
/// While they wake, their affinity excludes the caller's processor. Without OpenMP in the compiler, nothing is done.
void wake_team() noexcept;

/// Tells wake_team() that the threads have just been busy, so that they need not be woken for another call.
void note_team_busy() noexcept;

}  // namespace bgem3
