#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "kernels/cuda/graph.h"

namespace bgem3::test {

/// A graph without a GPU: it calls the recorded work again.
class FakeGraph final : public cuda::Graph {
 public:
  explicit FakeGraph(std::function<void()> work) : work_(std::move(work)) {}
  void replay() override { work_(); }

 private:
  std::function<void()> work_;
};

inline std::unique_ptr<cuda::Graph> record_fake(const std::function<void()>& work, cuda::GraphMemory&) {
  work();
  return std::make_unique<FakeGraph>(work);
}

}  // namespace bgem3::test
