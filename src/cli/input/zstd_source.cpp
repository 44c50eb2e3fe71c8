#include <zstd.h>

#include <array>
#include <new>

#include "cli/input/compressed.h"
#include "cli/input/refuse.h"
#include "cli/interrupt.h"

namespace bgem3::cli {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

// The window, and so the memory that a file may ask for, is limited to the 128 MiB of libzstd's own default.
class ZstdSource : public ByteSource {
 public:
  ZstdSource(ByteSource& source, const std::string& name)
      : source_(source), name_(name), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
  }

  std::size_t read(char* out, std::size_t size) override {
    ZSTD_outBuffer result{out, size, 0};
    while (result.pos == 0) {
      // What the decoder still holds comes out without input.
      if (input_.pos == input_.size && !has_more_ && !fill()) return 0;
      const std::size_t status = ZSTD_decompressStream(stream_.get(), &result, &input_);
      if (ZSTD_isError(status) != 0) refuse_damaged(name_, "zstd", ZSTD_getErrorName(status));
      in_frame_ = status != 0;
      has_more_ = in_frame_ && result.pos == result.size;
    }
    return result.pos;
  }

 private:
  // False at the end, or when a signal came.
  bool fill() {
    const std::size_t count = source_.read(buffer_.data(), buffer_.size());
    if (count == 0 && in_frame_ && Interrupt::signal() == 0) refuse_damaged(name_, "zstd", "it ends too early");
    input_ = {buffer_.data(), count, 0};
    return count != 0;
  }

  struct Free {
    void operator()(ZSTD_DStream* stream) const noexcept { ZSTD_freeDStream(stream); }
  };

  ByteSource& source_;
  std::string name_;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  bool in_frame_ = true;
  bool has_more_ = false;
  std::array<char, buffer_bytes> buffer_{};
};

}  // namespace

std::unique_ptr<ByteSource> make_zstd_source(ByteSource& source, const std::string& name) {
  return std::make_unique<ZstdSource>(source, name);
}

}  // namespace bgem3::cli
