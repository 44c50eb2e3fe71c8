#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace bgem3::server {

/// A name and its value.
using Header = std::pair<std::string, std::string>;

/// Whether two names of headers are the same, which they are in any case of letters.
inline bool is_same_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

/// An HTTP request as it arrived.
struct Request {
  std::string method;
  std::string path;  ///< without query
  std::vector<Header> headers;
  std::string body;
  Clock::time_point received = Clock::now();  ///< when its head was complete
  std::stop_source unwanted;  ///< stopped when nobody waits for the response: a broken connection, a deadline

  /// The value of a header, in any case of letters; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const {
    const auto same = [&](const Header& header) { return is_same_name(header.first, name); };
    const auto found = std::find_if(headers.begin(), headers.end(), same);
    return found == headers.end() ? std::string_view() : found->second;
  }
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";  ///< empty: there is no content
  std::string body;
  std::vector<Header> headers;

  /// Says that it would be another one for another value of a header of the request.
  void add_vary(std::string_view name) {
    const auto found =
        std::find_if(headers.begin(), headers.end(), [](const Header& one) { return one.first == "Vary"; });
    if (found == headers.end()) {
      headers.emplace_back("Vary", name);
    } else {
      found->second.append(", ").append(name);
    }
  }
};

/// Sends the one response of a request. Any thread.
using Respond = std::function<void(Response)>;

}  // namespace bgem3::server
