#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/http/plain_request.h"

namespace bgem3::fuzz {

/// Reads requests as the grammar of RFC 9112 has them, and nothing else: what a server takes for a request and this
/// does not is open to two readings. Written without a look at the server's own parser.
class StrictReader {
 public:
  explicit StrictReader(std::string_view bytes) : rest_(bytes) {}

  /// Nothing: the rest is no request, or not all of one.
  std::optional<PlainRequest> next() {
    while (take("\r\n")) {
    }
    Head head;
    PlainRequest request;
    if (!read_request_line(head, request) || !read_fields(head.fields) || !check(head)) return std::nullopt;
    if (!(head.is_chunked ? read_chunks(request.body) : read_bytes(head.length, request.body))) return std::nullopt;
    return request;
  }

 private:
  using Field = std::pair<std::string_view, std::string_view>;

  struct Head {
    bool is_1_0 = false;
    std::vector<Field> fields;
    bool is_chunked = false;
    std::uint64_t length = 0;
  };

  static bool is_token_char(unsigned char c) {
    return std::isalnum(c) != 0 || (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
  }
  static bool is_text_char(unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); }
  static bool is_target_char(unsigned char c) { return c > 0x20 && c != 0x7f; }

  bool take(std::string_view expected) {
    const bool is_there = rest_.starts_with(expected);
    if (is_there) rest_.remove_prefix(expected.size());
    return is_there;
  }

  template <typename IsWanted>
  std::string_view take_while(IsWanted is_wanted) {
    std::size_t size = 0;
    while (size < rest_.size() && is_wanted(static_cast<unsigned char>(rest_[size]))) ++size;
    const auto found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return found;
  }

  void skip_blanks() {
    take_while([](char c) { return c == ' ' || c == '\t'; });
  }

  // "/path" of "/path?query" and of "http://host/path?query".
  static std::string path_of(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"}) {
      if (!same_word(target.substr(0, scheme.size()), scheme)) continue;
      target.remove_prefix(scheme.size());
      target.remove_prefix(std::min(target.size(), target.find_first_of("/?")));
      break;
    }
    const auto path = target.substr(0, target.find('?'));
    return std::string(path.empty() ? "/" : path);
  }

  bool read_request_line(Head& head, PlainRequest& request) {
    request.method = take_while(is_token_char);
    if (request.method.empty() || !take(" ")) return false;
    const auto target = take_while(is_target_char);
    if (target.empty()) return false;
    request.path = path_of(target);
    head.is_1_0 = take(" HTTP/1.0\r\n");
    return head.is_1_0 || take(" HTTP/1.1\r\n");
  }

  // Also of a trailer: up to the empty line.
  bool read_fields(std::vector<Field>& fields) {
    while (!take("\r\n")) {
      const auto name = take_while(is_token_char);
      if (name.empty() || !take(":")) return false;
      skip_blanks();
      auto value = take_while(is_text_char);
      value = value.substr(0, value.find_last_not_of(" \t") + 1);
      if (!take("\r\n")) return false;
      fields.emplace_back(name, value);
    }
    return true;
  }

  static std::vector<std::string_view> values_of(const Head& head, std::string_view name) {
    std::vector<std::string_view> values;
    for (const auto& [field, value] : head.fields) {
      if (same_word(field, name)) values.push_back(value);
    }
    return values;
  }

  template <int base>
  static bool to_number(std::string_view digits, std::uint64_t& number) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    return error == std::errc() && end == digits.data() + digits.size();
  }

  static bool check(Head& head) {
    const auto hosts = values_of(head, "Host").size();
    if (hosts > 1 || (hosts == 0 && !head.is_1_0)) return false;
    const auto encodings = values_of(head, "Transfer-Encoding");
    const auto lengths = values_of(head, "Content-Length");
    head.is_chunked = !encodings.empty();
    if (head.is_chunked) {
      return encodings.size() == 1 && same_word(encodings[0], "chunked") && lengths.empty() && !head.is_1_0;
    }
    // The same length twice may be taken for one.
    return std::ranges::all_of(lengths, [&](auto length) { return length == lengths[0]; }) &&
           (lengths.empty() || to_number<10>(lengths[0], head.length));
  }

  bool read_bytes(std::uint64_t size, std::string& body) {
    if (size > rest_.size()) return false;
    body += rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  bool read_quoted() {
    while (!take("\"")) {
      (void)take("\\");
      if (rest_.empty() || !is_text_char(static_cast<unsigned char>(rest_[0]))) return false;
      rest_.remove_prefix(1);
    }
    return true;
  }

  // *( BWS ";" BWS name [ BWS "=" BWS value ] ), to the end of the line.
  bool read_extensions() {
    while (!take("\r\n")) {
      skip_blanks();
      if (!take(";")) return false;
      skip_blanks();
      if (take_while(is_token_char).empty()) return false;
      const auto before = rest_;
      skip_blanks();
      if (!take("=")) {
        rest_ = before;
        continue;
      }
      skip_blanks();
      if (take("\"") ? !read_quoted() : take_while(is_token_char).empty()) return false;
    }
    return true;
  }

  bool read_chunks(std::string& body) {
    while (true) {
      std::uint64_t size = 0;
      const auto digits = take_while([](unsigned char c) { return std::isxdigit(c) != 0; });
      if (!to_number<16>(digits, size) || !read_extensions()) return false;
      if (size == 0) break;
      if (!read_bytes(size, body) || !take("\r\n")) return false;
    }
    std::vector<Field> trailer;
    return read_fields(trailer);
  }

  std::string_view rest_;
};

/// All requests up to the first that is none.
inline std::vector<PlainRequest> read_strictly(std::string_view bytes) {
  StrictReader reader(bytes);
  std::vector<PlainRequest> requests;
  while (auto request = reader.next()) requests.push_back(std::move(*request));
  return requests;
}

}  // namespace bgem3::fuzz
