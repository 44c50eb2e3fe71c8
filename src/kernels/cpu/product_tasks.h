#pragma once

#include <algorithm>
#include <cstdint>

#include <ATen/Parallel.h>

#include "kernels/cpu/tasks.h"

namespace bgem3::cpu {

/// A product of rows and panels of outputs, in tasks: blocks of rows that a cache holds, and, where these are few,
/// groups of panels. A group is contiguous, because a panel fetches the next one.
class ProductTasks {
 public:
  ProductTasks(std::int64_t rows, std::int64_t block, std::int64_t panels)
      : rows_(rows), panels_(panels), blocks_(parts_of(rows, block)), groups_(choose_groups()), tasks_(count()) {}

  [[nodiscard]] std::int64_t count() const { return blocks_ * groups_; }

  /// work(row begin, row end, panel begin, panel end) for the tasks that this thread gets.
  template <typename Work>
  void share(const Work& work) {
    tasks_.share([&](std::int64_t task) {
      const std::int64_t block = task / groups_, group = task % groups_;
      work(rows_ * block / blocks_, rows_ * (block + 1) / blocks_, panels_ * group / groups_,
           panels_ * (group + 1) / groups_);
    });
  }

 private:
  [[nodiscard]] std::int64_t choose_groups() const {
    const std::int64_t threads = at::get_num_threads();
    if (blocks_ <= 1) return std::min(panels_, 2 * threads);
    return std::clamp<std::int64_t>(4 * threads / blocks_, 1, panels_);
  }

  std::int64_t rows_;
  std::int64_t panels_;
  std::int64_t blocks_;
  std::int64_t groups_;
  Tasks tasks_;
};

}  // namespace bgem3::cpu
