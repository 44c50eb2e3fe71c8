#pragma once

#include <fstream>
#include <string>
#include <string_view>

namespace bgem3::bench {

/// A line of /proc/self/status, in MB; 0 where there is none.
inline double status_megabytes(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != name) continue;
    double kilobytes = 0;
    status >> kilobytes;
    return kilobytes / 1024;
  }
  return 0;
}

/// Memory of this process that is in RAM.
inline double resident_megabytes() { return status_megabytes("VmRSS:"); }

/// The most of it since the start, or since the last forget_peak().
inline double peak_megabytes() { return status_megabytes("VmHWM:"); }

/// Source: Linux, proc_pid_clear_refs(5).
inline void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

}  // namespace bgem3::bench
