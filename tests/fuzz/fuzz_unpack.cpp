// Any bytes as a packed body: the first says with what. What comes out is packed and unpacked again.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/compress.h"
#include "server/failure.h"
#include "server/inflate.h"

namespace {

using namespace bgem3::server;
using bgem3::Clock;

constexpr std::uint64_t bytes_max = 256 << 10;

std::string unpack(std::string_view packed, Coding coding) {
  HeldBytes all(2 * bytes_max);
  HeldBytes::Share held(all);
  return inflate_body(packed, coding, bytes_max, held);
}

void pack_again(const std::string& body, std::string_view coding) {
  Request request;
  request.headers.emplace_back("Accept-Encoding", std::string(coding) + ", identity;q=0");
  Response response;
  response.body = body;
  compress(response, request, Clock::time_point::max());
  if (unpack(response.body, coding == "zstd" ? Coding::zstd : Coding::gzip) != body) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto coding = static_cast<Coding>(data[0] % 4U);
  std::string body;
  try {
    body = unpack({reinterpret_cast<const char*>(data + 1), size - 1}, coding);
  } catch (const Failure& failure) {
    if (failure.status() != 400 && failure.status() != 413) std::abort();
    return 0;
  }
  if (body.size() > bytes_max) std::abort();
  pack_again(body, "gzip");
  pack_again(body, "zstd");
  return 0;
}
