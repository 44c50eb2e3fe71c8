// How the server packs answers and unpacks bodies.

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "server/compress.h"
#include "server/failure.h"
#include "server/inflate.h"

namespace {

using namespace std::chrono_literals;
using namespace bgem3::server;
using bgem3::Clock;

constexpr std::uint64_t unlimited = std::uint64_t{1} << 40;
constexpr int zlib_format = MAX_WBITS, gzip_format = MAX_WBITS + 16;

std::string deflated(std::string_view text, int format) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string as_zstd(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

std::string packed_as(Coding coding, std::string_view text) {
  if (coding == Coding::zstd) return as_zstd(text);
  return coding == Coding::identity ? std::string(text)
                                    : deflated(text, coding == Coding::gzip ? gzip_format : zlib_format);
}

std::string inflated(std::string_view packed, Coding coding, std::uint64_t bytes_max = unlimited) {
  HeldBytes all(unlimited);
  HeldBytes::Share held(all);
  return inflate_body(packed, coding, bytes_max, held);
}

// The status of the failure.
unsigned refusal(std::string_view packed, Coding coding, std::uint64_t bytes_max = unlimited) try {
  (void)inflated(packed, coding, bytes_max);
  return 200;
} catch (const Failure& failure) {
  return failure.status();
}

std::string letters(std::size_t count, unsigned different) {
  std::mt19937 random(static_cast<unsigned>(count));
  std::string text(count, '\0');
  for (char& letter : text) letter = static_cast<char>('0' + random() % different);
  return text;
}

Request accepting(const std::string& codings) {
  Request request;
  request.headers.emplace_back("accept-ENCODING", codings);
  return request;
}

std::string encoding_of(const Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "Content-Encoding") return value;
  }
  return "";
}

Response answer(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

constexpr Coding packing[] = {Coding::gzip, Coding::deflate, Coding::zstd};

}  // namespace

TEST_CASE("what was packed comes out, whatever the sizes") {
  for (const Coding coding : {Coding::identity, Coding::gzip, Coding::deflate, Coding::zstd}) {
    for (const std::size_t size : {0, 1, 1000, 65535, 65536, 65537, 131072, 1'000'000}) {
      for (const unsigned different : {1U, 10U, 64U}) {
        const std::string text = letters(size, different);
        CAPTURE(size);
        CHECK(inflated(packed_as(coding, text), coding) == text);
      }
    }
  }
}

TEST_CASE("of gzip and zstd there may be several, one after the other") {
  const std::string first = letters(70'000, 60), second = letters(10, 10);
  for (const Coding coding : {Coding::gzip, Coding::zstd}) {
    const auto packed = packed_as(coding, first) + packed_as(coding, "") + packed_as(coding, second);
    CHECK(inflated(packed, coding) == first + second);
  }
  CHECK(refusal(packed_as(Coding::deflate, first) + packed_as(Coding::deflate, second), Coding::deflate) == 400);
}

TEST_CASE("the limit is for what comes out") {
  for (const Coding coding : packing) {
    for (const std::size_t limit : {1, 65536, 100'000}) {
      CHECK(refusal(packed_as(coding, std::string(limit, 'a')), coding, limit) == 200);
      CHECK(refusal(packed_as(coding, std::string(limit + 1, 'a')), coding, limit) == 413);
    }
  }
}

TEST_CASE("all that came out is counted together") {
  HeldBytes all(100'000);
  const std::string packed = as_zstd(std::string(60'000, 'a'));
  {
    HeldBytes::Share first(all), second(all);
    CHECK(inflate_body(packed, Coding::zstd, unlimited, first).size() == 60'000);
    CHECK_THROWS_WITH_AS((void)inflate_body(packed, Coding::zstd, unlimited, second), doctest::Contains("all requests"),
                         Failure);
  }
  HeldBytes::Share third(all);
  CHECK(inflate_body(packed, Coding::zstd, unlimited, third).size() == 60'000);
}

TEST_CASE("what is cut or goes on is refused, at any byte") {
  const std::string text = letters(300, 20);
  for (const Coding coding : packing) {
    const std::string packed = packed_as(coding, text);
    for (std::size_t size = 0; size < packed.size(); ++size) {
      CAPTURE(size);
      CHECK(refusal(packed.substr(0, size), coding) == 400);
    }
    for (const std::string_view more :
         {std::string_view("\0", 1), std::string_view("{"), std::string_view("more than four")}) {
      CHECK(refusal(packed + std::string(more), coding) == 400);
    }
  }
}

TEST_CASE("what is damaged is refused, or comes out as something else") {
  const std::string text = letters(300, 20);
  for (const Coding coding : packing) {
    std::string packed = packed_as(coding, text);
    for (std::size_t i = 0; i < packed.size(); ++i) {
      packed[i] = static_cast<char>(packed[i] ^ 0x55);
      const unsigned status = refusal(packed, coding, 1'000'000);
      CHECK((status == 400 || status == 413 || status == 200));
      // Of gzip a checksum tells; its head has a time and the like, which do not matter.
      if (coding == Coding::gzip && i >= 10) CHECK(status == 400);
      packed[i] = static_cast<char>(packed[i] ^ 0x55);
    }
  }
}

TEST_CASE("zstd that wants more memory than RFC 9659 grants is refused") {
  const auto frame = [](int window_log) {
    std::string bytes = "\x28\xb5\x2f\xfd";
    bytes += '\0';
    bytes += static_cast<char>((window_log - 10) << 3);
    return bytes + std::string("\x09\x00\x00\x61", 4);  // the last block: one byte, as it is
  };
  CHECK(inflated(frame(23), Coding::zstd) == "a");
  CHECK(refusal(frame(24), Coding::zstd) == 400);
}

TEST_CASE("the coding of an answer is what the client likes best") {
  const auto best = [](const std::string& codings) {
    const auto accepted = accepted_codings(accepting(codings));
    const std::string packed = !accepted.packed ? "" : *accepted.packed == Coding::zstd ? "zstd" : "gzip";
    return packed + (accepted.identity ? "" : " alone");
  };
  CHECK(best("gzip") == "gzip");
  CHECK(best("GZip") == "gzip");
  CHECK(best("x-gzip") == "gzip");
  CHECK(best("gzip, deflate, br, zstd") == "zstd");
  CHECK(best("gzip;q=1.0, zstd;q=0.9") == "gzip");
  CHECK(best("zstd;q=0.9,gzip;q=0.900") == "zstd");
  CHECK(best("zstd;q=0, gzip ; q=0.001") == "gzip");
  CHECK(best("*") == "zstd");
  CHECK(best("zstd;q=0, *") == "gzip");
  CHECK(best("gzip;q=0.5, *;q=0.1") == "gzip");
  CHECK(best("identity, *;q=0") == "");
  CHECK(best("identity, gzip;q=0.5") == "");
  CHECK(best("identity;q=0.5, gzip;q=0.5") == "gzip");
  CHECK(best("gzip, identity;q=0") == "gzip alone");
  CHECK(best("gzip, *;q=0") == "gzip alone");
  CHECK(best("*;q=0") == " alone");
  CHECK(best("*;q=0, identity;q=0.1") == "");
  for (const char* none : {"", ",", "deflate", "br", "gzip;q=0", "gzip;q=2", "gzip;q=", "gzip;q=1e-1", "gzip;level=1",
                           "gzip;q=-1", "gzip gzip", ";q=1"}) {
    CHECK(best(none) == "");
  }
  CHECK_FALSE(accepted_codings(Request()).packed);
}

TEST_CASE("answers are packed as they are accepted, and come out the same") {
  const auto never = Clock::time_point::max();
  for (const std::size_t size :
       {packed_response_bytes_min, std::size_t{32'768}, std::size_t{32'769}, std::size_t{2'000'000}}) {
    for (const unsigned different : {1U, 10U, 64U}) {  // of 64 letters, none is foreseen: as base64
      const std::string text = letters(size, different);
      for (const std::string coding : {"gzip", "zstd"}) {
        CAPTURE(size);
        CAPTURE(different);
        Response response = answer(text);
        compress(response, accepting(coding), never);
        CHECK(encoding_of(response) == coding);
        CHECK(response.body.size() < text.size());
        CHECK(inflated(response.body, coding == "zstd" ? Coding::zstd : Coding::gzip) == text);
      }
    }
  }
}

TEST_CASE("small answers, raw bytes and what does not shrink go out as they are") {
  const auto never = Clock::time_point::max();
  const auto left = [&](Response response, const std::string& codings) {
    compress(response, accepting(codings), never);
    return encoding_of(response).empty();
  };
  const std::string text(packed_response_bytes_min, 'a');
  CHECK_FALSE(left(answer(text), "gzip, zstd"));
  CHECK(left(answer(text.substr(1)), "gzip, zstd"));
  CHECK(left(answer(text), "deflate"));
  Response raw = answer(text);
  raw.content_type = "application/octet-stream";
  CHECK(left(raw, "gzip, zstd"));
  CHECK(left(answer(letters(100'000, 256)), "gzip, zstd"));
  // Unless that is not taken.
  CHECK_FALSE(left(answer("a"), "gzip, identity;q=0"));
  CHECK_FALSE(left(raw, "gzip, identity;q=0"));
  CHECK_FALSE(left(answer(letters(100'000, 256)), "gzip, *;q=0"));
}

TEST_CASE("packing stops at the deadline, and when the client has left") {
  const std::string text = letters(1'000'000, 10);
  Response late = answer(text);
  compress(late, accepting("zstd"), Clock::now() - 1ms);
  CHECK(encoding_of(late).empty());
  CHECK(late.body == text);
  Response unwanted = answer(text);
  Request request = accepting("gzip");
  request.unwanted.request_stop();
  compress(unwanted, request, Clock::now() + 1h);
  CHECK(encoding_of(unwanted).empty());
}

TEST_CASE("an answer says what it depends on") {
  const auto vary = [](std::size_t size, const std::string& codings) {
    Response response = answer(std::string(size, 'a'));
    response.add_vary("Origin");
    compress(response, accepting(codings), Clock::time_point::max());
    return response.headers.front();
  };
  CHECK(vary(packed_response_bytes_min, "gzip") == Header{"Vary", "Origin, Accept-Encoding"});
  CHECK(vary(packed_response_bytes_min, "") == Header{"Vary", "Origin, Accept-Encoding"});
  CHECK(vary(10, "gzip") == Header{"Vary", "Origin"});
}
