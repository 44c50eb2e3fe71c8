#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

#include "cli/input/compressed.h"
#include "cli/input/refuse.h"
#include "cli/interrupt.h"

namespace bgem3::cli {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

class GzipSource : public ByteSource {
 public:
  GzipSource(ByteSource& source, const std::string& name) : source_(source), name_(name) {
    constexpr int gzip_only = 16;
    if (inflateInit2(&stream_, MAX_WBITS + gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  std::size_t read(char* out, std::size_t size) override {
    const auto room = static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = room;
    while (stream_.avail_out == room) {
      // What zlib still holds comes out without input.
      if (stream_.avail_in == 0 && !has_more_ && !fill()) return 0;
      inflate_some();
      has_more_ = in_member_ && stream_.avail_out == 0;
    }
    return room - stream_.avail_out;
  }

 private:
  // False at the end, or when a signal came.
  bool fill() {
    const std::size_t count = source_.read(buffer_.data(), buffer_.size());
    if (count == 0 && in_member_ && Interrupt::signal() == 0) refuse_damaged(name_, "gzip", "it ends too early");
    stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_in = static_cast<uInt>(count);
    return count != 0;
  }

  // Zeros, as a tape or a block device leaves them behind a member.
  void skip_padding() {
    while (stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
  }

  // A file may have several members, one after the other.
  void inflate_some() {
    if (!in_member_) {
      skip_padding();
      if (stream_.avail_in == 0) return;
      inflateReset(&stream_);
      in_member_ = true;
    }
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      in_member_ = false;
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      refuse_damaged(name_, "gzip", stream_.msg == nullptr ? "not readable" : stream_.msg);
    }
  }

  ByteSource& source_;
  std::string name_;
  z_stream stream_{};
  bool in_member_ = true;
  bool has_more_ = false;
  std::array<char, buffer_bytes> buffer_{};
};

}  // namespace

std::unique_ptr<ByteSource> make_gzip_source(ByteSource& source, const std::string& name) {
  return std::make_unique<GzipSource>(source, name);
}

}  // namespace bgem3::cli
