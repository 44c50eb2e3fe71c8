#include "server/inflate.h"

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "server/failure.h"

namespace bgem3::server {
namespace {

constexpr std::size_t bytes_at_once = 64 * 1024;
constexpr const char* ends_too_early = "it ends too early";

std::string damaged(const char* how) { return fmt::format("it is damaged: {}", how == nullptr ? "unreadable" : how); }

[[noreturn]] void refuse(std::string_view coding, std::string_view why) {
  throw Failure(400, "invalid_encoding",
                fmt::format("the body should be {}, as its Content-Encoding says; {}", coding, why));
}

// What came out.
class Output {
 public:
  Output(std::uint64_t bytes_max, HeldBytes::Share& held) : bytes_max_(bytes_max), held_(held) {}

  void add(std::string_view part) {
    if (part.size() > bytes_max_ - body_.size()) {
      throw Failure(413, "body_too_large",
                    fmt::format("the body is larger than {} bytes when it is unpacked", bytes_max_));
    }
    if (!held_.resize(body_.size() + part.size())) {
      throw Failure(429, "overloaded", "the bodies of all requests together are too large; try again later");
    }
    body_ += part;
  }

  [[nodiscard]] std::string take() { return std::move(body_); }

 private:
  const std::uint64_t bytes_max_;
  HeldBytes::Share& held_;
  std::string body_;
};

// One member of gzip, or what deflate has, at a time.
class Zlib {
 public:
  Zlib(std::string_view packed, std::string_view coding, int window_bits) : left_(packed), coding_(coding) {
    if (inflateInit2(&stream_, window_bits) != Z_OK) throw std::bad_alloc();
  }
  Zlib(const Zlib&) = delete;
  Zlib& operator=(const Zlib&) = delete;
  ~Zlib() { inflateEnd(&stream_); }

  // False when nothing comes behind it.
  bool next_member(Output& out) {
    inflateReset(&stream_);
    while (!inflate_some(out)) {
    }
    return stream_.avail_in > 0 || !left_.empty();
  }

 private:
  // True at the end of the member.
  bool inflate_some(Output& out) {
    if (stream_.avail_in == 0) fill();
    stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_out = buffer_.size();
    const int status = inflate(&stream_, Z_NO_FLUSH);
    out.add({buffer_.data(), buffer_.size() - stream_.avail_out});
    if (status == Z_STREAM_END) return true;
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_NEED_DICT) refuse(coding_, "it needs a dictionary");
    // Also without progress, in front of the rest of the body.
    if (status != Z_OK && status != Z_BUF_ERROR) refuse(coding_, damaged(stream_.msg));
    const bool is_all = stream_.avail_in == 0 && left_.empty() && stream_.avail_out > 0;
    if (is_all) refuse(coding_, ends_too_early);
    return false;
  }

  void fill() {
    const auto part = left_.substr(0, bytes_at_once);
    left_.remove_prefix(part.size());
    stream_.next_in = reinterpret_cast<const Bytef*>(part.data());
    stream_.avail_in = static_cast<uInt>(part.size());
  }

  std::string_view left_;
  const std::string_view coding_;
  z_stream stream_{};
  std::array<char, bytes_at_once> buffer_{};
};

void inflate_gzip(std::string_view packed, Output& out) {
  constexpr int gzip_only = 16;
  Zlib members(packed, "gzip", MAX_WBITS + gzip_only);
  while (members.next_member(out)) {
  }
}

// The zlib format, as RFC 9110 has it: deflate without that is what some programs mean.
void inflate_deflate(std::string_view packed, Output& out) {
  constexpr std::string_view coding = "deflate (in the format of zlib, RFC 1950)";
  if (Zlib(packed, coding, MAX_WBITS).next_member(out)) refuse(coding, "something comes behind its end");
}

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

// Any number of frames.
void inflate_zstd(std::string_view packed, Output& out) {
  constexpr int window_log_max = 23;  // what RFC 9659 has all recipients take: 8 MB
  const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (context == nullptr) throw std::bad_alloc();
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, window_log_max);
  std::array<char, bytes_at_once> buffer{};
  ZSTD_inBuffer input{packed.data(), packed.size(), 0};
  std::size_t wanted = 1;  // 0: a frame is complete
  bool has_more = false;   // of what comes out, without input
  while (input.pos < input.size || has_more) {
    ZSTD_outBuffer result{buffer.data(), buffer.size(), 0};
    wanted = ZSTD_decompressStream(context.get(), &result, &input);
    if (ZSTD_getErrorCode(wanted) == ZSTD_error_memory_allocation) throw std::bad_alloc();
    if (ZSTD_isError(wanted) != 0) refuse("zstd", damaged(ZSTD_getErrorName(wanted)));
    out.add({buffer.data(), result.pos});
    has_more = wanted != 0 && result.pos == result.size;
  }
  if (wanted != 0) refuse("zstd", ends_too_early);
}

}  // namespace

std::string inflate_body(std::string_view packed, Coding coding, std::uint64_t bytes_max, HeldBytes::Share& held) {
  Output out(bytes_max, held);
  switch (coding) {
    case Coding::identity: out.add(packed); break;
    case Coding::gzip: inflate_gzip(packed, out); break;
    case Coding::deflate: inflate_deflate(packed, out); break;
    case Coding::zstd: inflate_zstd(packed, out); break;
  }
  return out.take();
}

}  // namespace bgem3::server
