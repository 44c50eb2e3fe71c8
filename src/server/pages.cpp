#include "server/pages.h"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "server/pages_data.h"  // made of pages/ by CMake

namespace bgem3::server {
namespace {

/// "'sha256-…'" of what stands between <tag> and </tag> in the page, which has one such element.
std::string hash_source(std::string_view tag) {
  const std::string opening = fmt::format("<{}>", tag);
  const auto begin = docs_html.find(opening) + opening.size();
  const auto text = docs_html.substr(begin, docs_html.find(fmt::format("</{}>", tag), begin) - begin);
  std::array<unsigned char, 32> digest{};
  std::array<unsigned char, 45> base64{};  // 4 for each 3 bytes begun, and a null
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    return "'none'";
  }
  EVP_EncodeBlock(base64.data(), digest.data(), digest.size());
  return fmt::format("'sha256-{}'", reinterpret_cast<const char*>(base64.data()));
}

/// The page needs nothing but itself and this server; no other script runs, should a text ever be taken for HTML.
const std::string& page_policy() {
  static const std::string policy = fmt::format(
      "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; base-uri 'none'; form-action 'none'",
      hash_source("style"), hash_source("script"));
  return policy;
}

}  // namespace

Response page(std::string_view path, const std::string& openapi) {
  Response response;
  if (path == "/openapi.json") {
    response.body = openapi;
  } else {
    response.body = docs_html;
    response.content_type = "text/html; charset=utf-8";
    response.headers.emplace_back("Content-Security-Policy", page_policy());
  }
  return response;
}

}  // namespace bgem3::server
