#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>

#include "server/http/message.h"

namespace bgem3::server {

using Head = boost::beast::http::request_header<boost::beast::http::fields>;

/// Why a request is refused, and its connection closed.
struct HeadFault {
  unsigned status;
  std::string message;
};

/// Whether a head, or its beginning, has a line that goes on in the next, which begins with a space. Beast puts the two
/// together; RFC 9112 wants them refused, because two servers may not agree on what they mean.
bool has_folded_line(std::string_view received);

/// Whether the extensions of a chunk have a byte that no text may have. Beast takes any between quotes; another server
/// may take a line feed for the end of the line, and read another chunk.
bool has_control_byte(std::string_view extensions);

/// What Beast's parser lets pass and RFC 9112 does not: another Transfer-Encoding than chunked, after which nobody
/// knows where the request ends, and no or several Host fields.
std::optional<HeadFault> check_head(const Head& head);

/// A request without its body.
std::shared_ptr<Request> to_request(const Head& head);

}  // namespace bgem3::server
