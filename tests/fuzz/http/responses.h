#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/http/plain_request.h"

namespace bgem3::fuzz {

/// What the server under test should never do: tells what it was, and ends the run.
[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// The handler of the harness counts its responses.
constexpr std::string_view number_field = "x-number";
/// Where it answers HEAD: nothing follows the head, whatever Content-Length says.
constexpr std::string_view bare_field = "x-bare";

struct PlainResponse {
  unsigned status = 0;
  std::size_t number = 0;
  bool is_last = false;  ///< of its connection
};

/// Takes what a server sent apart. It must be complete responses, one after another.
class ResponseReader {
 public:
  explicit ResponseReader(std::string_view bytes) : rest_(bytes) {}

  std::vector<PlainResponse> read() {
    std::vector<PlainResponse> responses;
    while (!rest_.empty()) {
      if (!responses.empty() && responses.back().is_last) fail("something follows the last response");
      const auto response = read_one();
      if (response.status != 100) responses.push_back(response);
    }
    return responses;
  }

 private:
  std::string_view line() {
    const auto end = rest_.find("\r\n");
    if (end == std::string_view::npos) fail("a response ends within a line");
    const auto found = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    return found;
  }

  PlainResponse read_one() {
    const auto status_line = line();
    const bool is_1_0 = status_line.starts_with("HTTP/1.0 ");
    if (status_line.size() < 13 || (!is_1_0 && !status_line.starts_with("HTTP/1.1 "))) fail("no line of a status");
    PlainResponse response;
    response.status = static_cast<unsigned>(std::atoi(std::string(status_line.substr(9, 3)).c_str()));
    response.is_last = is_1_0;
    std::size_t size = 0;
    for (auto field = line(); !field.empty(); field = line()) read_field(field, response, size);
    if (size > rest_.size()) fail("a response ends within its body");
    rest_.remove_prefix(size);
    return response;
  }

  // `size`: of the body.
  void read_field(std::string_view field, PlainResponse& response, std::size_t& size) {
    const auto colon = field.find(": ");
    if (colon == std::string_view::npos) fail("a response has a line that is no field");
    const auto name = field.substr(0, colon);
    const std::string value(field.substr(colon + 2));
    if (same_word(name, "Connection")) response.is_last = value == "close";
    if (same_word(name, number_field)) response.number = std::strtoull(value.c_str(), nullptr, 10);
    if (same_word(name, bare_field)) is_bare_ = true;
    if (!same_word(name, "Content-Length")) return;
    size = is_bare_ ? 0 : std::strtoull(value.c_str(), nullptr, 10);
    is_bare_ = false;
  }

  std::string_view rest_;
  bool is_bare_ = false;  // the response that is read; its field comes before Content-Length
};

}  // namespace bgem3::fuzz
