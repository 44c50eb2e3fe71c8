#pragma once

#include <cstddef>

#include "server/http/message.h"

namespace bgem3::server {

/// Smaller responses go out as they are: in a network they are a few packets either way, and half of the clients are on
/// the same machine. docs/serving.md has what packing costs and saves.
constexpr std::size_t packed_response_bytes_min = 16 * 1024;

/// Packs a response with what the request accepts, and says so in its headers. It goes out as it is where it is small,
/// raw bytes or no smaller when packed, and where that takes until `deadline`, the client has left or memory ran out.
/// Who does not take it so (identity;q=0) gets it packed in the first three cases.
void compress(Response& response, const Request& request, Clock::time_point deadline) noexcept;

}  // namespace bgem3::server
