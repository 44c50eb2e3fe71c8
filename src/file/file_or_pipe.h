#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace bgem3 {

/// How long a pipe may take.
constexpr std::chrono::milliseconds pipe_wait_max{5'000};

/// The bytes of a file, or of a pipe such as a shell's <(…), to its end.
/// @throws Error io_error naming the path and the reason: it cannot be opened, it is neither, it has more than
///         `bytes_max`, or a pipe that has not ended within `wait`
std::string read_file_or_pipe(const std::string& path, std::size_t bytes_max,
                              std::chrono::milliseconds wait = pipe_wait_max);

}  // namespace bgem3
