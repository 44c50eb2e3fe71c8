#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "fuzz/http/choices.h"
#include "fuzz/http/plain_request.h"

namespace bgem3::fuzz {

/// Well-formed requests as they are sent one after another, and those that a server should hand on.
struct ValidRequests {
  std::string bytes;
  std::vector<PlainRequest> sent;
  std::vector<PlainRequest> wanted;  ///< without those that are refused, or come after the last of the connection
};

/// Writes one request after another as RFC 9112 allows it, in all the ways that an input chooses.
class RequestWriter {
 public:
  explicit RequestWriter(Choices& choices) : choices_(choices) {}

  ValidRequests write() {
    constexpr std::size_t requests_max = 5;
    while (!choices_.empty() && requests_.sent.size() < requests_max) write_request();
    return std::move(requests_);
  }

 private:
  void write_request() {
    constexpr std::array methods = {"GET", "POST", "HEAD", "PUT", "OPTIONS", "M-SEARCH", "x!#$%&'*+.^_`|~9"};
    PlainRequest request{methods[choices_.below(methods.size())], path(), {}};
    const bool is_1_0 = choices_.once_in(8);
    bytes() += request.method + " " + target(request.path) + (is_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    write_field(in_some_case("host"), "test");
    for (auto fields = choices_.below(4); fields > 0; --fields) write_field("X-" + name(), text());
    const bool is_last = write_connection(is_1_0);
    const bool is_refused_at_once = write_body(request, is_1_0);
    count(std::move(request), is_last, is_refused_at_once);
  }

  void count(PlainRequest request, bool is_last, bool is_refused_at_once) {
    const bool is_refused = is_unwelcome(request.path);
    requests_.sent.push_back(request);
    if (!is_ended_ && !is_refused) requests_.wanted.push_back(std::move(request));
    is_ended_ |= is_last || (is_refused && is_refused_at_once);
  }

  std::string path() {
    constexpr std::string_view allowed = "abno/.-_~%41:@!$&'()*+,;=#";
    std::string path = choices_.once_in(8) ? "/no" : "/";
    for (auto size = choices_.below(16); size > 0; --size) path += allowed[choices_.below(allowed.size())];
    return path;
  }

  std::string target(const std::string& path) {
    constexpr std::array before = {"", "", "", "", "", "", "http://test:80", "HTTPS://a@[::1]"};
    constexpr std::array after = {"", "", "?", "?a=/b?c"};
    const std::string start = before[choices_.below(before.size())];
    return start + path + after[choices_.below(after.size())];
  }

  std::string in_some_case(std::string word) {
    const auto upper = choices_.below(256);
    for (std::size_t i = 0; i < word.size(); ++i) {
      if ((upper >> i % 8 & 1) != 0) word[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[i])));
    }
    return word;
  }

  std::string name() {
    constexpr std::string_view allowed = "abcXYZ019!#$%&'*+-.^_`|~";
    std::string name(1, allowed[choices_.below(allowed.size())]);
    for (auto size = choices_.below(4); size > 0; --size) name += allowed[choices_.below(allowed.size())];
    return name;
  }

  // Of a field: no spaces at its ends, and none of the characters that may not be in it.
  std::string text() {
    std::string text(choices_.take(choices_.below(16)));
    std::ranges::replace_if(
        text, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; }, 'x');
    return text.empty() ? text : "'" + text + "'";
  }

  std::string blanks() {
    constexpr std::array all = {" ", "", "  ", "\t"};
    return all[choices_.below(all.size())];
  }

  void write_field(const std::string& name, const std::string& value) {
    bytes() += name + ":" + blanks() + value + blanks() + "\r\n";
  }

  // Whether the connection ends with the request.
  bool write_connection(bool is_1_0) {
    if (is_1_0) {
      const bool is_kept = choices_.below(2) == 0;
      if (is_kept) write_field("Connection", "keep-alive");
      return !is_kept;
    }
    const bool is_last = choices_.once_in(16);
    if (is_last) write_field("Connection", "close");
    return is_last;
  }

  // The rest of the head, and what follows. Whether a server that does not want the request need not read its body.
  bool write_body(PlainRequest& request, bool is_1_0) {
    const auto framing = choices_.below(is_1_0 ? 2 : 3);
    if (framing == 0) {
      bytes() += "\r\n";
      return false;
    }
    request.body = choices_.take(choices_.below(256));
    const bool is_chunked = framing == 2;
    const bool is_asking = !is_1_0 && choices_.once_in(8);
    if (is_asking) write_field("Expect", "100-continue");
    if (is_chunked) {
      write_field(in_some_case("transfer-encoding"), in_some_case("chunked"));
      bytes() += "\r\n";
      write_chunks(request.body);
    } else {
      const int zeros = static_cast<int>(choices_.below(3));
      write_field(in_some_case("content-length"), std::string(zeros, '0') + std::to_string(request.body.size()));
      bytes() += "\r\n" + request.body;
    }
    return is_chunked || (is_asking && !request.body.empty());
  }

  void write_chunks(std::string_view body) {
    while (!body.empty()) {
      const auto chunk = body.substr(0, 1 + choices_.below(64));
      body.remove_prefix(chunk.size());
      write_chunk_size(chunk.size());
      bytes() += std::string(chunk) + "\r\n";
    }
    write_chunk_size(0);
    for (auto fields = choices_.below(3); fields > 0; --fields) write_field("X-" + name(), text());
    if (choices_.once_in(8)) write_field("Connection", "close");  // too late: that is for the head to say
    bytes() += "\r\n";
  }

  void write_chunk_size(std::size_t size) {
    bytes() += std::string(choices_.below(3), '0');
    bytes() += choices_.below(2) == 0 ? fmt::format("{:x}", size) : fmt::format("{:X}", size);
    for (auto extensions = choices_.below(4); extensions > 1; --extensions) write_extension();
    bytes() += "\r\n";
  }

  void write_extension() {
    bytes() += blank_or_none() + ";" + blank_or_none() + name();
    switch (choices_.below(3)) {
      case 0: return;
      case 1: bytes() += blank_or_none() + "=" + blank_or_none() + name(); return;
      default: bytes() += blank_or_none() + "=" + blank_or_none() + R"("a;b=\"c\\ )" + name() + "\""; return;
    }
  }

  std::string blank_or_none() { return choices_.once_in(4) ? " " : ""; }

  std::string& bytes() { return requests_.bytes; }

  Choices& choices_;
  ValidRequests requests_;
  bool is_ended_ = false;
};

}  // namespace bgem3::fuzz
