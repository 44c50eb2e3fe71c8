#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bgem3::server {

using Clock = std::chrono::steady_clock;

/// A name and its value.
using Header = std::pair<std::string, std::string>;

/// An HTTP request as it arrived.
struct Request {
  std::string method;
  std::string path;  ///< without query
  std::vector<Header> headers;
  std::string body;
  Clock::time_point received = Clock::now();  ///< when its head was complete
  std::stop_source unwanted;  ///< stopped when nobody waits for the answer: a broken connection, a deadline

  /// The value of a header, in any case of letters; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    const auto same = [&](const Header& header) {
      return std::equal(header.first.begin(), header.first.end(), name.begin(), name.end(),
                        [&](char a, char b) { return lower(a) == lower(b); });
    };
    const auto found = std::find_if(headers.begin(), headers.end(), same);
    return found == headers.end() ? std::string_view() : found->second;
  }
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<Header> headers;
};

/// Sends the one response of a request. Any thread.
using Respond = std::function<void(Response)>;

}  // namespace bgem3::server
