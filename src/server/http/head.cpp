#include "server/http/head.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <fmt/format.h>

namespace bgem3::server {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr unsigned http_1_0 = 10;

// Where the first folded line is looked for: up to the empty line that ends the head.
std::string_view head_of(std::string_view received) {
  if (received.starts_with("\r\n")) return {};  // that line; Beast has taken all before it
  const auto end = received.find("\r\n\r\n");
  return end == std::string_view::npos ? received : received.substr(0, end);
}

// "http://host/path" of a request as to a proxy is "/path".
std::string_view without_authority(std::string_view target) {
  const auto starts_with = [&](const char* scheme) {
    return beast::iequals(beast::string_view(target.data(), std::min(target.size(), std::strlen(scheme))), scheme);
  };
  if (!starts_with("http://") && !starts_with("https://")) return target;
  target.remove_prefix(target.find("://") + 3);
  const auto path = target.find_first_of("/?");
  return path == std::string_view::npos ? "/" : target.substr(path);
}

std::string path_of(std::string_view target) {
  const auto path = without_authority(target);
  const auto bare = path.substr(0, path.find('?'));
  return bare.empty() ? "/" : std::string(bare);
}

}  // namespace

bool has_folded_line(std::string_view received) {
  const auto head = head_of(received);
  return head.find("\r\n ") != std::string_view::npos || head.find("\r\n\t") != std::string_view::npos;
}

bool has_control_byte(std::string_view extensions) {
  return std::ranges::any_of(extensions, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

std::optional<HeadFault> check_head(const Head& head) {
  const auto encodings = head.equal_range(http::field::transfer_encoding);
  if (encodings.first != encodings.second) {
    const bool is_one = std::next(encodings.first) == encodings.second;
    if (head.version() == http_1_0) return HeadFault{400, "HTTP/1.0 has no Transfer-Encoding"};
    if (!is_one || !beast::iequals(encodings.first->value(), "chunked")) {
      return HeadFault{501, "Transfer-Encoding should be 'chunked' or left out"};
    }
  }
  const auto hosts = head.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && head.version() != http_1_0)) {
    return HeadFault{400, fmt::format("a request should have one Host field, found {}", hosts)};
  }
  return std::nullopt;
}

std::shared_ptr<Request> to_request(const Head& head) {
  auto request = std::make_shared<Request>();
  request->method = std::string(head.method_string());
  const auto target = head.target();
  request->path = path_of({target.data(), target.size()});
  for (const auto& field : head) request->headers.emplace_back(field.name_string(), field.value());
  return request;
}

}  // namespace bgem3::server
