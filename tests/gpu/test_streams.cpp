#include "support/doctest_torch.h"

#include <memory>
#include <set>
#include <vector>

#include <c10/core/impl/VirtualGuardImpl.h>

#include "model/cuda_device.h"
#include "model/run_state.h"

using namespace bgem3;

namespace {

c10::StreamId current_stream(at::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device).id();
}

// The streams of `calls` at the same time.
std::set<c10::StreamId> streams_of(StreamPool& pool, at::Device device, int calls) {
  std::set<c10::StreamId> found;
  std::vector<std::unique_ptr<StreamPool::Lease>> leases;
  for (int i = 0; i < calls; ++i) {
    leases.push_back(std::make_unique<StreamPool::Lease>(pool));
    found.insert(current_stream(device));
  }
  while (!leases.empty()) leases.pop_back();  // the last first: each makes the stream before it current again
  return found;
}

}  // namespace

TEST_CASE("calls at the same time have different streams, later ones the same again") {
  constexpr int calls = 40;  // more than LibTorch's pool has
  const at::Device device = find_cuda_device("cuda:0");
  const c10::StreamId before = current_stream(device);
  std::set<c10::StreamId> first;
  {
    StreamPool pool(device);
    first = streams_of(pool, device, calls);
    CHECK(first.size() == calls);
    CHECK(streams_of(pool, device, calls) == first);
  }
  StreamPool another(device);
  CHECK(streams_of(another, device, calls) == first);
  CHECK(current_stream(device) == before);
}
