#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/codings.h"
#include "server/http/held_bytes.h"

namespace bgem3::server {

/// What a body was before it was packed.
/// @param held  counts what has come out, while it grows
/// @throws Failure 400 for what is damaged, ends too early or goes on behind its end; 413 as soon as more than
///         `bytes_max` came out; 429 when `held` takes no more
std::string inflate_body(std::string_view packed, Coding coding, std::uint64_t bytes_max, HeldBytes::Share& held);

}  // namespace bgem3::server
