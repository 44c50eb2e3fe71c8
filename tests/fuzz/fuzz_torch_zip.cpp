// Any bytes as an archive of torch.save.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "checkpoint/torch_zip.h"
#include "fuzz/check_records.h"
#include "fuzz/ignore_errors.h"

namespace {

// A file in memory, since the reader maps files.
std::shared_ptr<const bgem3::MappedFile> map_bytes(const std::uint8_t* data, std::size_t size) {
  const int descriptor = memfd_create("fuzz", MFD_CLOEXEC);
  if (descriptor < 0 || write(descriptor, data, size) != static_cast<ssize_t>(size)) std::abort();
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  auto file = bgem3::MappedFile::open(path);
  close(descriptor);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto file = map_bytes(data, size);
  return bgem3::fuzz::ignore_errors([&] { bgem3::fuzz::check_records(bgem3::read_torch_zip(file), size); });
}
