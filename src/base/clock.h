#pragma once

#include <chrono>

namespace bgem3 {

/// Of deadlines, and of how long something took.
using Clock = std::chrono::steady_clock;

}  // namespace bgem3
