#pragma once

#include <optional>
#include <string_view>

#include "server/http/message.h"

namespace bgem3::server {

/// What the bytes of a body or a response are packed with (Content-Encoding, RFC 9110).
enum class Coding { identity, gzip, deflate, zstd };

/// Those that the body of a request may have.
constexpr std::string_view body_codings = "gzip, deflate, zstd, identity";

/// That of the body of a request.
/// @throws Failure 415 for one that is not among body_codings, and for several in a row
Coding coding_of_body(const Request& head);

/// What a request takes as its response.
struct AcceptedCodings {
  std::optional<Coding> packed;  ///< zstd or gzip, if it likes that no less than identity
  bool identity = true;
};

/// Of Accept-Encoding, which may be left out. What is malformed in it counts as left out.
AcceptedCodings accepted_codings(const Request& head);

/// Refuses what nobody could respond to, before a body is read.
/// @throws Failure 415 as coding_of_body(), 406 for a request that takes neither a packed response, where
/// `packs_answers`,
///         nor another
void check_codings(const Request& head, bool packs_responses);

}  // namespace bgem3::server
