#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace bgem3::server {

/// A value that one thread reads while another puts a new one in its place. Who has got the old one may keep it.
template <typename T>
class Replaceable {
 public:
  explicit Replaceable(std::shared_ptr<T> value) : value_(std::move(value)) {}

  [[nodiscard]] std::shared_ptr<T> get() const {
    const std::scoped_lock lock(mutex_);
    return value_;
  }

  void replace(std::shared_ptr<T> value) {
    const std::scoped_lock lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<T> value_;
};

}  // namespace bgem3::server
