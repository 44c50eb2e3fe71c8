#include "server/compress.h"

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "server/codings.h"

namespace bgem3::server {
namespace {

constexpr std::size_t bytes_at_once = 16 * 1024;
constexpr int fastest = 1;

using GoOn = std::function<bool()>;  // asked between two parts

class Gzip {
 public:
  Gzip() {
    constexpr int as_gzip = 16, memory = 8;
    const int status = deflateInit2(&stream_, fastest, Z_DEFLATED, MAX_WBITS + as_gzip, memory, Z_DEFAULT_STRATEGY);
    if (status != Z_OK) throw std::bad_alloc();
  }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;
  ~Gzip() { deflateEnd(&stream_); }

  void add(std::string_view part, bool is_last, std::string& out) {
    stream_.next_in = reinterpret_cast<const Bytef*>(part.data());
    stream_.avail_in = static_cast<uInt>(part.size());
    do {
      out.append(take([&] { deflate(&stream_, is_last ? Z_FINISH : Z_NO_FLUSH); }));
    } while (stream_.avail_out == 0);
    if (!is_last) look_for_repetition(out);
  }

 private:
  template <typename Step>
  std::string_view take(const Step& step) {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_out = buffer_.size();
    step();
    return {buffer_.data(), buffer_.size() - stream_.avail_out};
  }

  // Base64 has none, and looking for some takes four times as long as all the rest.
  void look_for_repetition(std::string& out) {
    constexpr uLong per_hundred = 60;
    if (std::exchange(has_looked_, true)) return;
    out.append(take([&] { deflate(&stream_, Z_BLOCK); }));
    if (stream_.total_out * 100 < stream_.total_in * per_hundred) return;
    out.append(take([&] { deflateParams(&stream_, fastest, Z_HUFFMAN_ONLY); }));
  }

  z_stream stream_{};
  bool has_looked_ = false;
  std::array<char, 2 * bytes_at_once> buffer_{};
};

class Zstd {
 public:
  explicit Zstd(std::size_t bytes) : context_(ZSTD_createCCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, fastest);
    ZSTD_CCtx_setPledgedSrcSize(context_.get(), bytes);
  }

  void add(std::string_view part, bool is_last, std::string& out) {
    ZSTD_inBuffer input{part.data(), part.size(), 0};
    std::size_t left = 0;
    do {
      ZSTD_outBuffer result{buffer_.data(), buffer_.size(), 0};
      left = ZSTD_compressStream2(context_.get(), &result, &input, is_last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0) throw std::bad_alloc();  // with these parameters nothing else can fail
      out.append(buffer_.data(), result.pos);
    } while (is_last ? left != 0 : input.pos < input.size);
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  };

  std::unique_ptr<ZSTD_CCtx, Free> context_;
  std::array<char, 2 * bytes_at_once> buffer_{};
};

// Nothing when it should not go on.
template <typename Packer>
std::optional<std::string> pack(std::string_view text, Packer packer, const GoOn& go_on) {
  std::string packed;
  while (true) {
    const auto part = text.substr(0, bytes_at_once);
    text.remove_prefix(part.size());
    packer.add(part, text.empty(), packed);
    if (text.empty()) return packed;
    if (!go_on()) return std::nullopt;
  }
}

std::optional<std::string> pack(std::string_view text, Coding coding, const GoOn& go_on) {
  return coding == Coding::zstd ? pack(text, Zstd(text.size()), go_on) : pack(text, Gzip(), go_on);
}

void compress_if(Response& response, const Request& request, Clock::time_point deadline) {
  const AcceptedCodings accepted = accepted_codings(request);
  const bool is_raw = response.content_type == "application/octet-stream";
  const bool is_worth_it = !is_raw && response.body.size() >= packed_response_bytes_min;
  if (!is_worth_it && accepted.identity) return;
  response.add_vary("Accept-Encoding");
  if (!accepted.packed) return;
  const auto go_on = [&] { return Clock::now() < deadline && !request.unwanted.stop_requested(); };
  auto packed = pack(response.body, *accepted.packed, go_on);
  if (!packed || (packed->size() >= response.body.size() && accepted.identity)) return;
  response.headers.emplace_back("Content-Encoding", *accepted.packed == Coding::zstd ? "zstd" : "gzip");
  response.body = *std::move(packed);
}

}  // namespace

void compress(Response& response, const Request& request, Clock::time_point deadline) noexcept {
  try {
    compress_if(response, request, deadline);
  } catch (...) {  // of memory; the response itself is there
  }
}

}  // namespace bgem3::server
