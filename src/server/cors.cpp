#include "server/cors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "server/http/header_list.h"

namespace bgem3::server {
namespace {

// What the server reads, and what OpenAI's client sends of itself in a browser.
constexpr std::array<std::string_view, 12> request_headers = {"authorization",
                                                              "api-key",
                                                              "x-api-key",
                                                              "content-type",
                                                              "content-encoding",
                                                              "x-request-id",
                                                              "x-ms-client-request-id",
                                                              "traceparent",
                                                              "x-request-timeout-ms",
                                                              "user-agent",
                                                              "openai-organization",
                                                              "openai-project"};

constexpr std::string_view response_headers =
    "x-request-id, x-ms-client-request-id, traceparent, x-total-time, x-tokenization-time, x-queue-time, "
    "x-inference-time, x-compute-tokens, x-shape, x-dtype, Server-Timing, Retry-After";

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_request_header(std::string_view name) {
  constexpr std::string_view of_openai = "x-stainless-";  // followed by what there is in its version
  if (name.starts_with(of_openai)) {
    return std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
  }
  return std::ranges::find(request_headers, name) != request_headers.end();
}

// Of those that the browser asks for.
std::string allowed_headers(const Request& head) {
  std::string allowed;
  for (const std::string_view element : header_list(head, "Access-Control-Request-Headers")) {
    std::string name(element);
    std::ranges::transform(name, name.begin(), lower);
    if (is_request_header(name)) allowed += (allowed.empty() ? "" : ", ") + name;
  }
  return allowed;
}

bool is_scheme(std::string_view text) {
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

// Of a name, of an address, or of one of IPv6 in brackets.
bool is_host(std::string_view text) {
  const bool is_ipv6 = text.starts_with('[') && text.ends_with(']');
  if (is_ipv6) text = text.substr(1, text.size() - 2);
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || (is_ipv6 ? c == ':' : c == '-' || c == '_');
  });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool is_port = error == std::errc() && end == text.data() + text.size() && port != 0;
  return is_port ? std::optional(port) : std::nullopt;
}

bool is_default_port(std::string_view scheme, std::uint16_t port) {
  return (scheme == "http" && port == 80) || (scheme == "https" && port == 443);
}

// Nothing for what is no origin.
std::optional<std::string> parse_origin(std::string_view text) {
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  const auto scheme = text.substr(0, scheme_end);
  auto host = text.substr(scheme_end + 3);
  std::string port;
  const auto colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    const auto number = parse_port(host.substr(colon + 1));
    if (!number) return std::nullopt;
    if (!is_default_port(scheme, *number)) port = fmt::format(":{}", *number);
    host = host.substr(0, colon);
  }
  if (!is_scheme(scheme) || !is_host(host)) return std::nullopt;
  return fmt::format("{}://{}{}", scheme, host, port);
}

}  // namespace

std::string normalize_origin(std::string& origin) {
  std::string text(trim_header(origin));
  std::ranges::transform(text, text.begin(), lower);
  const auto parsed = text == "*" ? std::optional(text) : parse_origin(text);
  if (!parsed) {
    return fmt::format(
        "should be an origin such as https://app.example or http://localhost:3000, without a path, or *; found {}",
        detail::in_quotes(origin));
  }
  origin = *parsed;
  return {};
}

Cors::Cors(std::vector<std::string> origins) : origins_(std::move(origins)) {}

bool Cors::allows(std::string_view origin) const {
  return !origin.empty() && (allows_all() || std::ranges::find(origins_, origin) != origins_.end());
}

std::optional<Response> Cors::preflight(const Request& head, const std::string& methods) const {
  if (head.method != "OPTIONS" || head.header("Access-Control-Request-Method").empty()) return std::nullopt;
  if (methods.empty() || !allows(head.header("Origin"))) return std::nullopt;
  Response response;
  response.status = 204;
  response.content_type.clear();
  response.headers.emplace_back("Access-Control-Allow-Methods", methods);
  if (const std::string allowed = allowed_headers(head); !allowed.empty()) {
    response.headers.emplace_back("Access-Control-Allow-Headers", allowed);
  }
  response.headers.emplace_back("Access-Control-Max-Age", "86400");
  return response;
}

// Caches that keep a response for all have to be told what it depends on, also where nothing is said to this origin.
void Cors::add_headers(const Request& request, Response& response) const {
  if (origins_.empty()) return;
  if (!allows_all()) response.add_vary("Origin");
  const std::string_view origin = request.header("Origin");
  if (!allows_all() && !allows(origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", allows_all() ? "*" : origin);
  response.headers.emplace_back("Access-Control-Expose-Headers", response_headers);
}

}  // namespace bgem3::server
