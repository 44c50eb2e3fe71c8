// Any bytes as the pickle of a state dict.

#include <cstdint>
#include <cstdlib>
#include <span>

#include "checkpoint/pickle.h"
#include "checkpoint/state_dict.h"
#include "fuzz/ignore_errors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return bgem3::fuzz::ignore_errors([&] {
    const auto pickle = bgem3::detail::read_pickle(std::as_bytes(std::span(data, size)));
    if (pickle.bytes > size) std::abort();
    (void)bgem3::pickled_storages(pickle);
    (void)bgem3::pickled_tensors(pickle);
  });
}
